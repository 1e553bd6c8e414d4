// Tokens of other issuers: what their claims say, once the gate of jwt.ts let them in. Signatures are checked elsewhere.

import { whyOfOtherClient } from './external-token-client.ts'
import { whyOtherKind } from './external-token-kind.ts'
import type { TokenPolicy } from './issuer.ts'
import { type Claims, claimOf, dateClaim, textClaim, textsClaim, type UnverifiedJwt } from './jwt.ts'
import { whyLegacyToken, whyNoServiceAccount } from './kubernetes-token.ts'
import { type Denied, deny } from './refusals.ts'

/** What a token of an external issuer says. Whom it stands for is for trust rules to say. */
export type ExternalFacts = {
  /** Name of the issuer here. */
  readonly issuer: string
  readonly subject: string
  readonly audiences: readonly string[]
  readonly issuedAt: Date
  /** From when on it is believed: `nbf` and `iat`, less the tolerance. */
  readonly believedFrom: Date
  /** `exp`, and the tolerance: from then on it is dead. */
  readonly believedUntil: Date
  readonly expiresAt: Date
  /** Undefined: it has none. */
  readonly jti: string | undefined
  readonly claims: Claims
}

const MAX_TEXT_LENGTH = 512
const MAX_AUDIENCES = 64

/** What breaks lines, or has several spellings: a surrogate alone becomes another character in UTF-8. */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u

/**
 * Reads what a token of the issuer of `policy` says. Refused as `external_token_refused`, with the first reason in words:
 * whatever the policy does not let through, and claims that are missing, of another type, or too long.
 *
 * Not checked here: the signature (`isSigned`, by a key of this very issuer), for whom the token is and whether it is live
 * now (`decide`), whom it stands for (`compileTrustRules`), what its groups are worth (`mapRoles`), and whether it was
 * shown before.
 *
 * Security: a claim that restricts and cannot be read is a refusal, never "not restricted".
 *
 * @example
 * const jwt = parseJwt(text)
 * const facts = jwt && readExternalToken(jwt, policy)
 * if (facts === undefined || isDenied(facts)) return refusalResponse(facts ?? deny('token_malformed'), 'api')
 *
 * @see RFC 9068 §4, RFC 8725 §3.8 to §3.12, RFC 7519 §4.1
 */
export function readExternalToken({ header, claims }: UnverifiedJwt, policy: TokenPolicy): ExternalFacts | Denied {
  const refuse = (because: string) => deny('external_token_refused', { issuer: policy.name, because })

  const unmeant = whyLegacyToken(claims) ?? whyNotBy(policy, header.alg, claims)
  if (unmeant !== undefined) return refuse(unmeant)
  const other = whyOtherKind(policy, header.typ, claims) ?? whyOfOtherClient(claims, policy.allowedClients)
  if (other !== undefined) return refuse(other)

  const subject = textClaim(claims, 'sub')
  const audiences = audiencesOf(claims)
  const jti = textClaim(claims, 'jti')
  if (subject === undefined) return refuse('its sub is missing, empty or no text')
  if (subject.length > MAX_TEXT_LENGTH) return refuse(`its sub is longer than ${MAX_TEXT_LENGTH} characters`)
  if (UNPRINTABLE.test(subject)) return refuse('its sub has control characters')
  if (audiences === undefined) return refuse('its aud is missing, empty, or neither a text nor a list of texts')
  if (audiences.length > MAX_AUDIENCES) return refuse(`its aud lists more than ${MAX_AUDIENCES}`)
  if (audiences.some((one) => one.length > MAX_TEXT_LENGTH || UNPRINTABLE.test(one))) {
    return refuse(`its aud has control characters, or is longer than ${MAX_TEXT_LENGTH} characters`)
  }
  if (jti === undefined && Object.hasOwn(claims, 'jti')) return refuse('its jti is empty or no text')
  if (jti !== undefined && jti.length > MAX_TEXT_LENGTH) {
    return refuse(`its jti is longer than ${MAX_TEXT_LENGTH} characters`)
  }
  const unaccounted = whyNoServiceAccount(claims, subject, policy.isKubernetes)
  if (unaccounted !== undefined) return refuse(unaccounted)

  const dates = readDates(claims, policy)
  return typeof dates === 'string' ? refuse(dates) : { issuer: policy.name, subject, audiences, jti, claims, ...dates }
}

function whyNotBy({ issuer, algorithms }: TokenPolicy, alg: string, claims: Claims): string | undefined {
  if (claimOf(claims, 'iss') !== issuer) return 'its iss is another one'
  return algorithms.includes(alg) ? undefined : `its alg is none of ${algorithms.join(', ')}`
}

/** RFC 7519 §4.1.3: one text, or a list. */
function audiencesOf(claims: Claims): readonly string[] | undefined {
  const single = textClaim(claims, 'aud')
  if (single !== undefined) return [single]
  const listed = textsClaim(claims, 'aud')
  return listed?.length === 0 ? undefined : listed
}

type Dates = Pick<ExternalFacts, 'issuedAt' | 'believedFrom' | 'believedUntil' | 'expiresAt'>

/** When it is believed, or why it never is, whatever the time is now. */
function readDates(claims: Claims, { maxLifetimeSeconds, toleranceSeconds }: TokenPolicy): Dates | string {
  const expiresAt = dateClaim(claims, 'exp')
  const issuedAt = dateClaim(claims, 'iat')
  const notBefore = Object.hasOwn(claims, 'nbf') ? dateClaim(claims, 'nbf') : issuedAt
  if (expiresAt === undefined) return 'its exp is missing or no whole number of seconds'
  if (issuedAt === undefined) return 'its iat is missing or no whole number of seconds'
  if (notBefore === undefined) return 'its nbf is no whole number of seconds'
  if (expiresAt <= issuedAt) return 'its exp is not after its iat'
  const lifetimeSeconds = (expiresAt.getTime() - issuedAt.getTime()) / 1000
  // Turned round, so that a limit that is no number limits to nothing.
  if (!(lifetimeSeconds <= maxLifetimeSeconds)) {
    return `it lives for ${lifetimeSeconds} seconds, and this issuer's tokens may for ${maxLifetimeSeconds}`
  }
  const toleranceMs = toleranceSeconds * 1000
  const believedFrom = new Date(Math.max(issuedAt.getTime(), notBefore.getTime()) - toleranceMs)
  const believedUntil = new Date(expiresAt.getTime() + toleranceMs)
  // A date that is none is neither before nor after anything: it would never begin, and never end.
  const areDates = Number.isFinite(believedFrom.getTime()) && Number.isFinite(believedUntil.getTime())
  return areDates ? { issuedAt, believedFrom, believedUntil, expiresAt } : 'its dates are beyond what can be told'
}
