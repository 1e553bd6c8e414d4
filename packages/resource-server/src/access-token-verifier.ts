import { isDenied } from './access-rule.ts'
import { type AccessTokenFacts, believedFrom, parseSubject } from './access-token.ts'
import { type CredentialHeaders, type CredentialSources, extractCredential } from './extract-credential.ts'
import { parseIssuedCredential } from './issued-credential.ts'
import { type IssuerKeysOptions, issuerKeys } from './issuer-keys.ts'
import type { VerificationKeys } from './jwk-set.ts'
import { parseJwt } from './jwt.ts'
import { contains, parseAddress, parseNetwork } from './networks.ts'
import type { Principal } from './principal.ts'
import { type Denied, deny } from './refusals.ts'
import { runtimeNow } from './runtime-clock.ts'
import { signedAccessToken } from './signed-access-token.ts'

export type AccessTokenOptions = IssuerKeysOptions & {
  /** The identifier of this resource: the audience, byte for byte. */
  readonly resource: string
}

/** Whom an access token stands for, as Countersign signed it. */
export type TokenCaller = {
  readonly outcome: 'allow'
  readonly principal: Principal
  /** The client that fetched it. */
  readonly clientId: string
  readonly scopes: ReadonlySet<string>
  /** The projects in which it has all of `scopes`, as that was when it was issued; null: all, and `[]`: none. */
  readonly projects: readonly string[] | null
  /** Public id of the token: `at_…`. */
  readonly credential: string
  readonly expiresAt: Date
}

const SOURCES: CredentialSources = { header: undefined, foreign: 'reject' }

/**
 * Makes the check that an API without a proxy before it runs on each request: does it carry a live access token (JWT)
 * of this issuer for this resource? It is read where the verify endpoint reads it: as Bearer, as the password of Basic,
 * or from `X-Api-Key`; one credential, and never from the query.
 *
 * Security: what is checked here is what was signed, offline. That a token, its client or what minted it was revoked or
 * disabled, and what its owner may do by now, cannot be seen: a token is good here until it expires, ten minutes if
 * nothing else is set. Where that is too long, ask the verify endpoint or introspection. Which scopes a call needs, and
 * in which project, is for the API to judge. A token that is confined to networks is refused unless the caller's
 * address is given.
 *
 * Returns refusals as values: `credential_missing` without one, `credential_malformed` or `credential_ambiguous` for
 * fields that hold none or several, `credential_kind_refused` and `credential_mistyped` for the other credentials of
 * Countersign (`cs_…`: keys and opaque tokens, of which nothing can be read) and for its other JWTs,
 * `token_malformed`, `token_unverified`, `credential_foreign` or `audience_refused` for one that is not believed here,
 * `credential_not_yet_valid`, `credential_expired` from its last second on, `credential_network_refused` or
 * `client_address_unknown` for one that is confined to networks, `store_unavailable` when the issuer's keys cannot be
 * fetched.
 *
 * @example
 * const whoCalls = accessTokenVerifier({ issuer: 'https://auth.example.com', resource: 'https://api.example.com' })
 * const caller = await whoCalls(request.headers)
 * if (caller.outcome === 'deny') return refusalResponse(caller, 'api')
 * if (!caller.scopes.has('usage:read')) return refusalResponse(deny('scope_missing'), 'api')
 *
 * @see RFC 9068 §4
 */
export function accessTokenVerifier(
  options: AccessTokenOptions,
): (headers: CredentialHeaders, clientAddress?: string) => Promise<TokenCaller | Denied> {
  const { issuer, resource, now = runtimeNow } = options
  const keys = issuerKeys(options)
  return async (headers, clientAddress) => {
    const text = readText(headers)
    if (typeof text !== 'string') return text
    const facts = await verified(text, issuer, keys)
    if (isDenied(facts)) return facts
    return refusedNow(facts, now(), clientAddress) ?? refusedHere(facts, resource) ?? callerBy(facts)
  }
}

function readText(headers: CredentialHeaders): string | Denied {
  const shown = extractCredential(
    headers,
    SOURCES,
    (text) => parseIssuedCredential(text) ?? (isJwtLike(text) || undefined),
  )
  if (shown.outcome === 'deny') return shown
  if (shown.outcome === 'none') return deny('credential_missing')
  if (shown.kind === true) return shown.text
  if (shown.kind === 'mistyped') return deny('credential_mistyped')
  return deny('credential_kind_refused', { kind: shown.kind.kind, because: 'only the server can tell what it is' })
}

function isJwtLike(text: string): boolean {
  return text.includes('.')
}

async function verified(text: string, issuer: string, keys: VerificationKeys): Promise<AccessTokenFacts | Denied> {
  const jwt = parseJwt(text)
  if (jwt === undefined) return deny('token_malformed')
  const signed = await signedAccessToken(jwt, issuer, keys)
  return isDenied(signed) ? signed : signed.facts
}

function refusedNow(facts: AccessTokenFacts, now: Date, clientAddress: string | undefined): Denied | undefined {
  const { expiresAt, networks } = facts
  if (now < believedFrom(facts)) return deny('credential_not_yet_valid')
  // Not «now < expiresAt» turned around: a clock that is broken tells no time, and then nothing is live.
  if (!(now < expiresAt)) return deny('credential_expired', { expired_at: expiresAt.toISOString() })
  if (networks.length === 0) return undefined
  const address = clientAddress === undefined ? undefined : parseAddress(clientAddress)
  if (address === undefined) return deny('client_address_unknown', { needed_by: 'credential' })
  const allowed = networks.map(parseNetwork)
  if (!allowed.every((network) => network !== undefined)) return deny('token_unverified', { because: 'networks' })
  return contains(allowed, address) ? undefined : deny('credential_network_refused', { of: 'credential' })
}

function refusedHere({ audience }: AccessTokenFacts, resource: string): Denied | undefined {
  return audience === resource ? undefined : deny('audience_refused', { audience, resource })
}

function callerBy(facts: AccessTokenFacts): TokenCaller | Denied {
  const { subject, clientId, scopes, jti: credential, expiresAt } = facts
  const named = parseSubject(subject)
  if (named === undefined) return deny('token_unverified', { because: 'sub' })
  const { kind, id } = named
  const principal: Principal = kind === 'user' ? { kind, id, name: id, email: undefined } : { kind, id, name: id }
  const projects = inBoth(facts.projects, facts.permittedProjects ?? null)
  return { outcome: 'allow', principal, clientId, scopes: new Set(scopes), projects, credential, expiresAt }
}

/** What the token is narrowed to and what its owner may reach; null: all. */
function inBoth(one: readonly string[] | null, other: readonly string[] | null): readonly string[] | null {
  if (one === null || other === null) return one ?? other
  return one.filter((project) => other.includes(project))
}
