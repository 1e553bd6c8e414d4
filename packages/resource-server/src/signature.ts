import { type CryptoKey, calculateJwkThumbprint, compactVerify, errors, type JWK } from 'jose'
import type { VerificationKeys } from './jwk-set.ts'
import type { UnverifiedJwt } from './jwt.ts'

/**
 * Says whether the JWT is signed with `alg` by this key. Throws for nothing but a bug.
 *
 * Security: `alg` is what the key is for, never what the header asks for. @see RFC 8725 §3.1
 */
export async function isSigned(jwt: UnverifiedJwt, key: CryptoKey | JWK, alg: string): Promise<boolean> {
  try {
    await compactVerify(jwt.text, key, { algorithms: [alg] })
    return true
  } catch (error) {
    if (error instanceof errors.JOSEError) return false
    throw error
  }
}

/**
 * Says why the JWT is not known to be signed by one of `keys`; undefined: it is.
 *
 * Security: it has to name its key. Whoever is shown a token never tries one key after the other.
 */
export async function whyUnsigned(
  jwt: UnverifiedJwt,
  keys: VerificationKeys,
  alg: string,
): Promise<'kid' | 'signature' | 'unavailable' | undefined> {
  const { kid } = jwt.header
  const key = kid === undefined ? 'unknown' : await keys.find(kid, alg)
  if (key === 'unknown') return 'kid'
  if (key === 'unavailable') return 'unavailable'
  return (await isSigned(jwt, key, alg)) ? undefined : 'signature'
}

/** Names a public key by what it is, whatever its owner calls it. @see RFC 7638 §3 */
export function thumbprintOf(key: CryptoKey): Promise<string> {
  return calculateJwkThumbprint(key)
}
