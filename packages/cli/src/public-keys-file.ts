import { createHash, createPublicKey } from 'node:crypto'
import { UsageError } from './exit.ts'
import type { Session } from './session.ts'
import { readTextFile } from './text-file.ts'

export type Jwk = Record<string, unknown>

const EXPECTED = 'expected public keys: a JWK Set, a JWK, or one key in PEM'

/** Public keys from files, as one JWK Set. */
export async function readPublicKeys(session: Session, paths: readonly string[]): Promise<{ keys: Jwk[] }> {
  const keys: Jwk[] = []
  for (const path of paths) keys.push(...(await keysIn(session, path)))
  return { keys }
}

/**
 * Security: of a private key in PEM the public part alone is taken; private members of a JWK are left in, so that the
 * check of the body refuses them here, before anything is sent: that file is not the one that was meant.
 */
async function keysIn({ terminal, hint }: Session, path: string): Promise<Jwk[]> {
  const text = await readTextFile(terminal, path, '--jwks-file')
  const isPem = text.includes('-----BEGIN ')
  const keys = isPem ? fromPem(text) : fromJson(text)
  if (keys === undefined) throw new UsageError(`--jwks-file ${path}: ${EXPECTED}.`)
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) hint(`${path} is a private key: only the public part is sent.`)
  if (isPem) hint(`The kid of the key in ${path}: ${keys[0]?.kid}`)
  return keys
}

/** PEM has no room for a name: the key is named by what it is, so that several can be registered side by side. */
function fromPem(text: string): Jwk[] | undefined {
  try {
    const jwk = createPublicKey(text).export({ format: 'jwk' })
    return [{ ...jwk, kid: thumbprint({ ...jwk }) }]
  } catch {
    return undefined
  }
}

const THUMBPRINT_MEMBERS = ['crv', 'e', 'kty', 'n', 'x', 'y']

/** @see RFC 7638 §3 */
function thumbprint(jwk: Jwk): string {
  const members = THUMBPRINT_MEMBERS.filter((name) => name in jwk)
  return createHash('sha256').update(JSON.stringify(jwk, members)).digest('base64url')
}

/** The keys of a JWK Set, or the one JWK; undefined: the text is neither. */
export function fromJson(text: string): Jwk[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    if ('keys' in value && Array.isArray(value.keys)) return value.keys as Jwk[]
    return 'kty' in value ? [value as Jwk] : undefined
  } catch {
    return undefined
  }
}
