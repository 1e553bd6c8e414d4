import type { ExternalFacts } from './external-token.ts'

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** What the public id of a token is a digest of: what it says, not how it is spelled. */
export function identityOfToken({ issuer, jti, subject, issuedAt, expiresAt }: ExternalFacts): string {
  return JSON.stringify(
    jti === undefined ? [issuer, null, subject, issuedAt.getTime(), expiresAt.getTime()] : [issuer, jti],
  )
}

/**
 * The public id of a token of another issuer, by the SHA-256 (hexadecimal) of its identity. The same token in another
 * spelling, or with another signature, has the same one. @see RFC 7519 §4.1.7
 */
export function externalTokenId(sha256Hex: string): string {
  let rest = BigInt(`0x${sha256Hex.slice(0, 32)}`)
  let digits = ''
  for (let count = 0; count < 26; count++) {
    digits = CROCKFORD.charAt(Number(rest % 32n)) + digits
    rest /= 32n
  }
  return `jwt_${digits}`
}
