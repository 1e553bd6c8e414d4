import { UsageError } from './exit.ts'
import { fromJson, type Jwk } from './public-keys-file.ts'
import type { Terminal } from './terminal.ts'
import { readTextFile } from './text-file.ts'

/** Members that only private and shared keys have. @see RFC 7518 §6 */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * The JWK Set that an issuer publishes, from a file here. Not PEM: that does not say by which `kid` tokens name a key.
 *
 * Security: a file with a private key is not the one that was meant, and is not sent.
 */
export async function readIssuerKeys(terminal: Terminal, path: string): Promise<{ keys: Jwk[] }> {
  const keys = fromJson(await readTextFile(terminal, path, '--jwks-file'))
  if (keys === undefined) {
    throw new UsageError(`--jwks-file ${path}: expected the JWK Set that the issuer publishes, as JSON.`)
  }
  const isPrivate = (key: unknown) =>
    typeof key === 'object' && key !== null && PRIVATE_MEMBERS.some((member) => member in key)
  if (keys.some(isPrivate)) {
    throw new UsageError(
      `--jwks-file ${path}: expected public keys; it holds a private or shared one. Nothing was sent.`,
    )
  }
  return { keys }
}
