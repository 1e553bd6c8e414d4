import { base64url } from './base64url.ts'
import type { AskingClient, ClientAuthentication } from './client-authentication.ts'
import { isSigningAlgorithm, type PrivateKey, privateKey, type SigningAlgorithm, sign } from './private-key.ts'

/** RFC 7523 §2.2 */
const JWT_BEARER_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const LIFETIME_SECONDS = 60

export type PrivateKeyJwtOptions = {
  /** The key, or where it comes from: a function is called for each token request, so that a rotated one is found. */
  readonly key: PrivateKey | (() => PrivateKey | Promise<PrivateKey>)
  /** Names the key to the server; omitted: the `kid` of the JWK, if it has one. */
  readonly kid?: string
  readonly alg: SigningAlgorithm
}

/**
 * An assertion that is signed with the client's own key, anew for each request: `private_key_jwt`.
 *
 * It lives for 60 seconds, names the issuer alone as its audience, and its `jti` (128 random bits) is used once.
 *
 * Throws a `TypeError` for an `alg` that is not known; `token()` rejects with one for a key that does not fit it.
 *
 * @example
 * import { privateKeyJwt, tokenSource } from '@countersign/client'
 *
 * const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
 * const source = tokenSource({
 *   issuer: 'https://auth.example.com',
 *   clientId: 'canister',
 *   authentication: privateKeyJwt({ key: privateKey, kid: 'canister-2030', alg: 'ES256' }),
 * })
 * const { scopes } = await source.token({ scopes: ['files:read'] })
 * console.log(scopes) // [ "files:read" ]
 *
 * @see RFC 7523 §2.2, §3
 */
export function privateKeyJwt({ key, kid, alg }: PrivateKeyJwtOptions): ClientAuthentication {
  if (!isSigningAlgorithm(alg)) throw new TypeError('alg: expected ES256, EdDSA, RS256 or PS256')
  let last: { readonly given: PrivateKey; readonly key: Promise<CryptoKey> } | undefined
  return async (asking) => {
    const given = typeof key === 'function' ? await key() : key
    if (last?.given !== given) last = { given, key: privateKey(alg, given) }
    const named = kid ?? kidOf(given)
    const header = { alg, typ: 'client-authentication+jwt', ...(named !== undefined && { kid: named }) }
    const signed = `${part(header)}.${part(claimsOf(asking))}`
    const signature = await sign(alg, await last.key, signed)
    assertedBy(asking, `${signed}.${base64url(signature)}`)
  }
}

/** Puts an assertion into a token request. */
export function assertedBy({ clientId, body }: AskingClient, assertion: string): void {
  body.set('client_id', clientId)
  body.set('client_assertion_type', JWT_BEARER_ASSERTION)
  body.set('client_assertion', assertion)
}

function claimsOf({ issuer, clientId, now, random }: AskingClient) {
  const iat = Math.floor(now().getTime() / 1000)
  return { iss: clientId, sub: clientId, aud: issuer, jti: base64url(random(16)), iat, exp: iat + LIFETIME_SECONDS }
}

function part(members: object): string {
  return base64url(new TextEncoder().encode(JSON.stringify(members)))
}

function kidOf(key: PrivateKey): string | undefined {
  if (typeof key === 'string' || !('kid' in key)) return undefined
  return typeof key.kid === 'string' ? key.kid : undefined
}
