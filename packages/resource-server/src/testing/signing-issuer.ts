// An issuer of a test: a key pair, and the tokens that it signs.
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export type Words = Readonly<Record<string, unknown>>

export type SigningIssuer = {
  readonly iss: string
  readonly jwks: { readonly keys: readonly object[] }
  /** A good token of `machine` for the resource, with other claims; undefined takes one out. */
  token(claims?: Words, header?: object): Promise<string>
}

export const NOW = new Date('2030-01-01T00:00:00Z')
export const AUDIENCE = 'https://git.example.com'

export async function signingIssuer(iss = 'https://idp.example.com', kid = 'k1'): Promise<SigningIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }
  const issuedAt = NOW.getTime() / 1000
  return {
    iss,
    jwks: { keys: [jwk] },
    token: (claims = {}, header = {}) =>
      new SignJWT({
        ...{ iss, sub: 'machine', aud: AUDIENCE, iat: issuedAt, exp: issuedAt + 600, jti: crypto.randomUUID() },
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT', ...header })
        .sign(privateKey),
  }
}
