// What only the server could sign: JWTs by its own key, which the tests open with their key-encryption key.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { sealWith } from '../../packages/server/src/keys/seal.ts'
import { openSigningKey, type PublicJwk } from '../../packages/server/src/keys/signing-key.ts'
import { KEK, PUBLIC_URL, type TestApp } from './app.ts'

/** An object, or the text that stands in the token as it is. */
export type Json = string | Readonly<Record<string, unknown>>

export type Forge = {
  /** A token as the server issued it, and what it says. */
  readonly live: string
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  readonly publicJwk: PublicJwk
  /** In seconds, by the clock of the app. */
  now(): number
  /** The live token with other claims, signed by the server's own key. Undefined takes one out. */
  signed(claims?: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): string
  /** These very texts, signed by the server's own key. */
  signedText(header: Json, claims: Json): string
}

/** Opens the key that signed `live`, of the app that issued it. */
export function forgeOf({ app, clock }: TestApp, live: string): Forge {
  const seal = sealWith(Buffer.from(KEK, 'base64'), (length) => crypto.getRandomValues(new Uint8Array(length)))
  const [header, claims] = live.split('.', 2).map(decoded)
  if (header === undefined || claims === undefined) throw new Error('not a JWT')
  const stored = app.edge.verify.directory.signingKeys().find(({ kid }) => kid === header.kid)
  if (stored === undefined) throw new Error('it is signed by no key of this app')
  const { privateKey, publicJwk } = openSigningKey(stored, seal)
  const signedText = (head: Json, body: Json) => signedBy(privateKey, head, body)
  return {
    ...{ live, header, claims, publicJwk, signedText },
    now: () => Math.floor(clock.now.getTime() / 1000),
    signed: (changed = {}, head = {}) => signedText({ ...header, ...head }, { ...claims, ...changed }),
  }
}

/** A compact JWS with ES256, by any P-256 key. */
export function signedBy(key: KeyObject, header: Json, claims: Json): string {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** A key pair that is not the server's, with the JWK that an attacker would publish. */
export function strangersKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const canonical = JSON.stringify({ crv: 'P-256', kty: 'EC', x, y })
  const kid = createHash('sha256').update(canonical).digest('base64url')
  const jwk: PublicJwk = { kty: 'EC', crv: 'P-256', x, y, kid, alg: 'ES256', use: 'sig' }
  return { privateKey, jwk }
}

export function encode(part: Json | Uint8Array): string {
  const bytes = typeof part === 'string' || part instanceof Uint8Array ? part : JSON.stringify(part)
  return Buffer.from(bytes as string).toString('base64url')
}

function decoded(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** The other signature of the same text by the same key: (r, n − s). */
export function twinOf(jwt: string): string {
  const { input, r, s } = signatureOf(jwt)
  return withSignature(input, numbers(r, P256_ORDER - s))
}

export function signatureOf(jwt: string) {
  const end = jwt.lastIndexOf('.')
  const bytes = Buffer.from(jwt.slice(end + 1), 'base64url')
  const number = (from: number, to: number) => BigInt(`0x${bytes.subarray(from, to).toString('hex')}`)
  return { input: jwt.slice(0, end), bytes, r: number(0, 32), s: number(32, 64), order: P256_ORDER }
}

/** Numbers side by side, each in 32 bytes. @see RFC 7518 §3.4 */
export function numbers(...all: readonly bigint[]): Buffer {
  return Buffer.from(all.map((one) => one.toString(16).padStart(64, '0')).join(''), 'hex')
}

export function withSignature(input: string, signature: Uint8Array): string {
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}

/** The keys that the server publishes. */
export async function publishedKeys({ app }: TestApp): Promise<{ keys: PublicJwk[] }> {
  const response = await app.publicRoutes.exact['/.well-known/jwks.json']?.(new Request(PUBLIC_URL), null)
  return (await response?.json()) as { keys: PublicJwk[] }
}
