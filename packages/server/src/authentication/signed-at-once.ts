import { KeyObject, verify } from 'node:crypto'
import type { UnverifiedJwt } from '@countersign/resource-server'
import { isSignedWith } from '../keys/key-ring.ts'

/** Larger ones take so long that it is done elsewhere. */
const MAX_MODULUS_BITS = 4096

const keyObjects = new WeakMap<CryptoKey, KeyObject>()

/**
 * Says whether the JWT is signed by this key, for the algorithms of nearly all issuers; undefined: it has to be asked of
 * `isSigned`, which takes longer, and its turn. Without a queue no flood of forgeries can fill it.
 *
 * Security: `alg` is what the key is for, never what the header asks for, and the key has to be of the kind that belongs
 * to it. @see RFC 8725 §3.1
 */
export function isSignedAtOnce({ text }: UnverifiedJwt, key: unknown, alg: string): boolean | undefined {
  if (!(key instanceof CryptoKey) || key.type !== 'public') return undefined
  if (alg === 'ES256' && isOfCurve(key, 'P-256')) return isSignedWith(keyObjectOf(key), text)
  if (alg === 'RS256' && isForRs256(key)) {
    const end = text.lastIndexOf('.')
    return verify(
      'sha256',
      Buffer.from(text.slice(0, end)),
      keyObjectOf(key),
      Buffer.from(text.slice(end + 1), 'base64url'),
    )
  }
  return undefined
}

function isOfCurve({ algorithm }: CryptoKey, curve: string): boolean {
  return algorithm.name === 'ECDSA' && 'namedCurve' in algorithm && algorithm.namedCurve === curve
}

function isForRs256({ algorithm }: CryptoKey): boolean {
  const { hash, modulusLength } = algorithm as Partial<RsaHashedKeyAlgorithm>
  return (
    algorithm.name === 'RSASSA-PKCS1-v1_5' &&
    hash?.name === 'SHA-256' &&
    modulusLength !== undefined &&
    modulusLength <= MAX_MODULUS_BITS
  )
}

function keyObjectOf(key: CryptoKey): KeyObject {
  const kept = keyObjects.get(key) ?? KeyObject.from(key)
  keyObjects.set(key, kept)
  return kept
}
