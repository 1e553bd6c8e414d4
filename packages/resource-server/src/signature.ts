import { type CryptoKey, compactVerify, errors, type JWK } from 'jose'
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
