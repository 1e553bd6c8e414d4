import type { TokenPolicy } from './issuer.ts'
import { type Claims, claimOf, textClaim } from './jwt.ts'
import { ENTRA_ISSUERS } from './known-issuers.ts'

/** What RFC 9068 §2.2 requires beyond what is asked of every token. */
const REQUIRED_OF_ACCESS_TOKENS = ['client_id', 'jti']

/** As access tokens and JWT-SVIDs say it that have no type of their own. Every other type is for something else. */
const PLAIN_TYPES: readonly (string | undefined)[] = [undefined, 'jwt', 'jose', 'at+jwt']

/** What ID tokens alone say: it tells somebody who signed in, and lets nobody in. OpenID Connect Core §2, §3.3.2.11 */
const OF_ID_TOKENS = ['nonce', 'at_hash', 'c_hash', 's_hash']

/** Version 2, version 1. */
const OF_ACCESS_TOKENS_OF_ENTRA = ['azp', 'appid']

/**
 * Says why the token is of another kind than the profile takes: for a sign-in, a logout, or for whoever holds a key.
 * Undefined: it is not, as far as can be told. An ID token without any claim of its own looks like an access token: where
 * an issuer signs such, it has to be told by its audience or its client.
 *
 * @see RFC 8725 §3.11, RFC 9068 §4
 */
export function whyOtherKind(
  { profile, issuer }: Pick<TokenPolicy, 'profile' | 'issuer'>,
  typ: string | undefined,
  claims: Claims,
): string | undefined {
  if (Object.hasOwn(claims, 'cnf')) return 'it is bound to a key (cnf), the proof of which is not checked here'
  return profile === 'plain' ? whyNotPlain(typ, claims, issuer) : whyNoAccessToken(typ, claims)
}

function whyNoAccessToken(typ: string | undefined, claims: Claims): string | undefined {
  if (typ !== 'at+jwt') return `its typ is ${quoted(typ)}, not at+jwt`
  const missing = REQUIRED_OF_ACCESS_TOKENS.find((name) => textClaim(claims, name) === undefined)
  return missing && `its ${missing} is missing or no text, which the profile at+jwt asks for`
}

function whyNotPlain(typ: string | undefined, claims: Claims, issuer: string): string | undefined {
  if (!PLAIN_TYPES.includes(typ)) return `its typ is ${quoted(typ)}: it is for something else`
  const sign = OF_ID_TOKENS.find((name) => Object.hasOwn(claims, name))
  if (sign !== undefined) return `it is an ID token (it has ${sign}): send an access token`
  // Its ID tokens have the same audience as access tokens for an API of that application, and roles too. No name there is
  // of an ID token alone, but access tokens always say who fetched them.
  if (ENTRA_ISSUERS.test(issuer) && !OF_ACCESS_TOKENS_OF_ENTRA.some((name) => Object.hasOwn(claims, name))) {
    return 'it is an ID token (it has neither azp nor appid, as access tokens of Entra ID do): send an access token'
  }
  // RFC 8417 §2.2: what somebody is told of, as by a logout token; it lets nobody in.
  if (Object.hasOwn(claims, 'events')) return 'it tells of an event (events): send an access token'
  // Keycloak says there what a token is for: Bearer, ID, Refresh, Offline, Logout and others.
  const purpose = claimOf(claims, 'typ')
  if (purpose === undefined || purpose === 'Bearer') return undefined
  return `its claim typ is ${quoted(purpose)}, not Bearer: send an access token`
}

/** For the operator, who looks for it in the token: never long, and never what breaks a line. */
function quoted(value: unknown): string {
  if (value === undefined) return 'missing'
  return typeof value === 'string' && /^[\x21-\x7e]{1,64}$/.test(value) ? `«${value}»` : 'not readable'
}
