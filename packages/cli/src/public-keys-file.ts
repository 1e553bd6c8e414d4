import { createPublicKey } from 'node:crypto'
import { UsageError } from './exit.ts'
import type { Terminal } from './terminal.ts'
import { readTextFile } from './text-file.ts'

type Jwk = Record<string, unknown>

const EXPECTED = 'expected public keys: a JWK Set, a JWK, or one key in PEM'

/**
 * Public keys from a file, as a JWK Set.
 *
 * Security: of a private key in PEM the public part alone is taken; private members of a JWK are left in, so that the
 * check of the body refuses them here, before anything is sent: that file is not the one that was meant.
 */
export async function readPublicKeys(terminal: Terminal, path: string): Promise<{ keys: Jwk[] }> {
  const text = await readTextFile(terminal, path, '--jwks-file')
  const key = text.includes('-----BEGIN ') ? fromPem(text) : fromJson(text)
  if (key === undefined) throw new UsageError(`--jwks-file ${path}: ${EXPECTED}.`)
  return key
}

function fromPem(text: string): { keys: Jwk[] } | undefined {
  try {
    return { keys: [{ ...createPublicKey(text).export({ format: 'jwk' }) }] }
  } catch {
    return undefined
  }
}

function fromJson(text: string): { keys: Jwk[] } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    if ('keys' in value && Array.isArray(value.keys)) return { keys: value.keys as Jwk[] }
    return 'kty' in value ? { keys: [value as Jwk] } : undefined
  } catch {
    return undefined
  }
}
