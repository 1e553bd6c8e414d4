import { isDenied } from './access-rule.ts'
import { ACCESS_TOKEN_ALG, type AccessTokenFacts, readAccessToken } from './access-token.ts'
import type { VerificationKeys } from './jwk-set.ts'
import { textClaim, type UnverifiedJwt } from './jwt.ts'
import { type Denied, deny } from './refusals.ts'
import { isSigned } from './signature.ts'

/** An access token whose signature is good, and the key that vouches for that. */
export type SignedAccessToken = { readonly facts: AccessTokenFacts; readonly key: CryptoKey }

/**
 * Checks that a JWT is an access token of `issuer`, signed with its key. Whether it is live, and for whom it is, is not
 * judged here.
 *
 * Refused as `credential_foreign`: of another issuer; `credential_kind_refused`: another kind of JWT of this one;
 * `token_unverified`; `store_unavailable`: its keys could not be fetched.
 *
 * @see RFC 9068 §4
 */
export async function signedAccessToken(
  jwt: UnverifiedJwt,
  issuer: string,
  keys: VerificationKeys,
  check: typeof isSigned = isSigned,
): Promise<SignedAccessToken | Denied> {
  if (textClaim(jwt.claims, 'iss') !== issuer) return deny('credential_foreign', { because: 'iss' })
  const facts = readAccessToken(jwt.header, jwt.claims, issuer)
  if (isDenied(facts)) return facts
  const { kid } = jwt.header
  // It has to name its key: whoever is shown a token never tries one key after the other.
  const key = kid === undefined ? 'unknown' : await keys.find(kid, ACCESS_TOKEN_ALG)
  if (key === 'unavailable') {
    return deny('store_unavailable', { because: 'the keys of the issuer could not be fetched' })
  }
  if (key === 'unknown') return deny('token_unverified', { because: 'kid' })
  return (await check(jwt, key, ACCESS_TOKEN_ALG)) ? { facts, key } : deny('token_unverified', { because: 'signature' })
}
