// The access tokens that Countersign issues as JWTs (RFC 9068): what their claims say. Signatures are checked elsewhere.

import { SIGNING_ALG } from './issuer-keys.ts'
import { type Claims, claimOf, dateClaim, type JwtHeader, textClaim, textsClaim } from './jwt.ts'
import { parseName } from './names.ts'
import { parseNetwork } from './networks.ts'
import { type Denied, deny } from './refusals.ts'

/** The `typ` of access tokens. @see RFC 9068 §2.1 */
export const ACCESS_TOKEN_TYP = 'at+jwt'
export const ACCESS_TOKEN_ALG = SIGNING_ALG

/** Clocks of servers differ: a token may have been issued this long ahead of the clock of whoever checks it. */
const MAX_AHEAD_MS = 60_000

/** Claims that restrict, and that nobody here writes or reads: who sends them expects more to be checked. */
const RESTRICTIONS_NOT_READ = ['nbf', 'cnf']

/** What an access token of ours says. Who may what is not in it beyond `scopes`: that is asked of live state. */
export type AccessTokenFacts = {
  /** `at_…`: the public id of the token. */
  readonly jti: string
  /** `client:canister`. */
  readonly subject: string
  readonly clientId: string
  /** Identifier of the one resource that it is for. */
  readonly audience: string
  /** Name of that resource when the token was issued. */
  readonly resource: string
  readonly scopes: readonly string[]
  /** null: not confined. */
  readonly projects: readonly string[] | null
  /**
   * For whoever checks offline: the projects in which its owner's permissions gave all of `scopes` when it was issued;
   * absent: all. The server itself asks what they are now.
   */
  readonly permittedProjects?: readonly string[]
  /** Where it may be used from (CIDR); empty: anywhere. */
  readonly networks: readonly string[]
  readonly issuedAt: Date
  readonly expiresAt: Date
  /** What minted it, and what minted that, nearest first. */
  readonly ancestors: readonly string[]
  /** It counts as made by the change of this revision: lines drawn there or later go through it. */
  readonly revision: number
}

/** From when on it is believed. @see RFC 7519 §4.1.6 */
export function believedFrom({ issuedAt }: Pick<AccessTokenFacts, 'issuedAt'>): Date {
  return new Date(issuedAt.getTime() - MAX_AHEAD_MS)
}

/** Reads `client:canister` or `user:alice`. */
export function parseSubject(subject: string): { readonly kind: 'client' | 'user'; readonly id: string } | undefined {
  const [, kind, id = ''] = /^(client|user):(.*)$/.exec(subject) ?? []
  return parseName(id) === undefined ? undefined : { kind: kind === 'user' ? 'user' : 'client', id }
}

/**
 * Writes the claims of an access token. What narrows nothing is left out.
 *
 * @see RFC 9068 §2.2
 */
export function writeAccessTokenClaims(facts: AccessTokenFacts, issuer: string): Record<string, unknown> {
  const [credential, ...older] = facts.ancestors
  return {
    iss: issuer,
    sub: facts.subject,
    aud: facts.audience,
    exp: facts.expiresAt.getTime() / 1000,
    iat: facts.issuedAt.getTime() / 1000,
    jti: facts.jti,
    client_id: facts.clientId,
    scope: facts.scopes.join(' '),
    credential,
    resource: facts.resource,
    revision: facts.revision,
    ...(older.length > 0 && { ancestors: older }),
    ...(facts.projects !== null && { projects: facts.projects }),
    ...(facts.permittedProjects !== undefined && { permitted_projects: facts.permittedProjects }),
    ...(facts.networks.length > 0 && { networks: facts.networks }),
  }
}

/**
 * Reads the claims of an access token of `issuer`, from a JWT whose signature was verified with a key of that issuer.
 *
 * Refused as `token_unverified`: another type, algorithm or issuer, and claims that are missing or of another type. A
 * claim that narrows and cannot be read is a refusal, never "not narrowed". Whether it has expired, and for whom it is,
 * is not judged here.
 *
 * @see RFC 9068 §2, §4
 */
export function readAccessToken(header: JwtHeader, claims: Claims, issuer: string): AccessTokenFacts | Denied {
  const refuse = (because: string) => deny('token_unverified', { because })
  if (header.typ !== ACCESS_TOKEN_TYP) return deny('credential_kind_refused', { kind: 'jwt', typ: header.typ ?? null })
  if (header.alg !== ACCESS_TOKEN_ALG) return refuse('alg')
  if (textClaim(claims, 'iss') !== issuer) return refuse('iss')
  const restriction = RESTRICTIONS_NOT_READ.find((name) => Object.hasOwn(claims, name))
  if (restriction !== undefined) return refuse(restriction)

  const subject = textClaim(claims, 'sub')
  const audience = textClaim(claims, 'aud')
  const clientId = textClaim(claims, 'client_id')
  const jti = textClaim(claims, 'jti')
  const credential = textClaim(claims, 'credential')
  const resource = textClaim(claims, 'resource')
  const scope = textClaim(claims, 'scope')
  const issuedAt = dateClaim(claims, 'iat')
  const expiresAt = dateClaim(claims, 'exp')
  const revision = claimOf(claims, 'revision')
  if (subject === undefined || parseSubject(subject) === undefined) return refuse('sub')
  if (audience === undefined) return refuse('aud')
  if (clientId === undefined) return refuse('client_id')
  if (jti === undefined || !/^at_[0-9A-Z]{26}$/.test(jti)) return refuse('jti')
  if (credential === undefined) return refuse('credential')
  if (resource === undefined) return refuse('resource')
  if (scope === undefined) return refuse('scope')
  if (issuedAt === undefined) return refuse('iat')
  if (expiresAt === undefined || expiresAt <= issuedAt) return refuse('exp')
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 0) return refuse('revision')

  const confined = (name: string) => (Object.hasOwn(claims, name) ? textsClaim(claims, name) : null)
  const projects = confined('projects')
  const permittedProjects = confined('permitted_projects')
  const networks = confined('networks')
  const ancestors = confined('ancestors')
  if (projects === undefined || projects?.length === 0) return refuse('projects')
  if (permittedProjects === undefined) return refuse('permitted_projects')
  if (networks === undefined || networks?.length === 0) return refuse('networks')
  if (networks?.some((network) => parseNetwork(network) === undefined)) return refuse('networks')
  if (ancestors === undefined) return refuse('ancestors')
  return {
    jti,
    subject,
    clientId,
    audience,
    resource,
    scopes: scope.split(' '),
    projects,
    ...(permittedProjects !== null && { permittedProjects }),
    networks: networks ?? [],
    issuedAt,
    expiresAt,
    ancestors: [credential, ...(ancestors ?? [])],
    revision,
  }
}
