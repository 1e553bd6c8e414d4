// Private keys in the forms that callers have them in, as what crypto.subtle signs with.
import { parseBase64 } from './base64url.ts'

export type SigningAlgorithm = 'ES256' | 'EdDSA' | 'RS256' | 'PS256'

/** A `CryptoKey`, a private JWK (RFC 7517), or PKCS#8 as PEM text. */
export type PrivateKey = CryptoKey | JsonWebKey | string

type Algorithm = {
  /** What a key is imported as. */
  readonly key: { readonly name: string; readonly namedCurve?: string; readonly hash?: string }
  /** What is signed with. */
  readonly signature: { readonly name: string; readonly hash?: string; readonly saltLength?: number }
}

const ALGORITHMS: Readonly<Record<SigningAlgorithm, Algorithm>> = {
  ES256: { key: { name: 'ECDSA', namedCurve: 'P-256' }, signature: { name: 'ECDSA', hash: 'SHA-256' } },
  EdDSA: { key: { name: 'Ed25519' }, signature: { name: 'Ed25519' } },
  RS256: { key: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, signature: { name: 'RSASSA-PKCS1-v1_5' } },
  PS256: { key: { name: 'RSA-PSS', hash: 'SHA-256' }, signature: { name: 'RSA-PSS', saltLength: 32 } },
}
/** RFC 7518 §3.3 */
const MIN_RSA_BITS = 2048

/** Members of a JWK that are the key; the others (`alg`, `key_ops`, `use`) are said otherwise here. */
const KEY_MEMBERS = ['kty', 'crv', 'x', 'y', 'd', 'n', 'e', 'p', 'q', 'dp', 'dq', 'qi'] as const

export function isSigningAlgorithm(alg: string): alg is SigningAlgorithm {
  return Object.hasOwn(ALGORITHMS, alg)
}

/** Signs with a key of `privateKey`. @see RFC 7518 §3 */
export async function sign(alg: SigningAlgorithm, key: CryptoKey, text: string): Promise<Uint8Array> {
  const signature = await crypto.subtle.sign(ALGORITHMS[alg].signature, key, new TextEncoder().encode(text))
  return new Uint8Array(signature)
}

/**
 * Makes a key of what was given. A key that was imported cannot be exported again.
 *
 * Throws a `TypeError` that says what was expected. Security: with nothing of the key, and not with the platform's error
 * as its cause, which may quote it.
 */
export async function privateKey(alg: SigningAlgorithm, given: PrivateKey): Promise<CryptoKey> {
  const key = await imported(alg, given).catch(() => undefined)
  if (key === undefined || !fits(alg, key)) {
    throw new TypeError(`key: expected a private key for ${alg}, as CryptoKey, private JWK or PKCS#8 in PEM`)
  }
  return key
}

async function imported(alg: SigningAlgorithm, given: PrivateKey): Promise<CryptoKey | undefined> {
  const { key: algorithm } = ALGORITHMS[alg]
  if (typeof given === 'string') {
    const der = derOf(given)
    return der && crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
  }
  if (given instanceof CryptoKey) return given
  const members = KEY_MEMBERS.filter((name) => given[name] !== undefined).map((name) => [name, given[name]])
  return crypto.subtle.importKey('jwk', Object.fromEntries(members) as JsonWebKey, algorithm, false, ['sign'])
}

function fits(alg: SigningAlgorithm, key: CryptoKey): boolean {
  const wanted = ALGORITHMS[alg].key
  const { name, namedCurve, hash, modulusLength } = key.algorithm as {
    readonly name: string
    readonly namedCurve?: string
    readonly hash?: { readonly name: string }
    readonly modulusLength?: number
  }
  return (
    key.type === 'private' &&
    name === wanted.name &&
    namedCurve === wanted.namedCurve &&
    hash?.name === wanted.hash &&
    (modulusLength === undefined || modulusLength >= MIN_RSA_BITS)
  )
}

/** RFC 7468 §10 */
function derOf(pem: string): Uint8Array<ArrayBuffer> | undefined {
  const body = /^\s*-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----\s*$/.exec(pem)?.[1]
  return body === undefined ? undefined : parseBase64(body.replaceAll(/\s/g, ''))
}
