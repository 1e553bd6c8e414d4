import { createLocalJWKSet, createRemoteJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import type { Principal } from './principal.ts'
import { type Denied, deny } from './refusals.ts'

/** The `typ` of the assertions by which Countersign tells an upstream who passed. */
export const ASSERTION_TYP = 'countersign-assertion+jwt'
export const ASSERTION_HEADER = 'countersign-assertion'

const MAX_ASSERTION_LENGTH = 8192
/** One spelling: three parts of the base64url alphabet, nothing around them. RFC 7515 §7.1 */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

export type AssertionOptions = {
  /** The public URL of the Countersign server, byte for byte. */
  readonly issuer: string
  /** The identifier of this resource: the audience. */
  readonly resource: string
  /** The issuer's keys. Omitted: fetched from `<issuer>/.well-known/jwks.json` when first needed, and kept. */
  readonly keys?: JSONWebKeySet
  /** The clock, for tests. */
  readonly now?: () => Date
}

/** Who the proxy let through, as Countersign signed it. */
export type Asserted = {
  readonly outcome: 'allow'
  readonly principal: Principal
  readonly scopes: ReadonlySet<string>
  readonly roles: ReadonlySet<string>
  readonly groups: ReadonlySet<string>
  /** The projects that the caller is confined to; null: all. */
  readonly projects: readonly string[] | null
  /** Public id of the credential; undefined for anonymous callers of public rules. */
  readonly credential: string | undefined
}

/**
 * Makes the check that an upstream behind the proxy runs on each request: does it carry a live assertion of this
 * issuer for this resource?
 *
 * Security: the plain identity headers are as good as the network that keeps strangers from the upstream; the
 * assertion is as good as a signature. It proves who passed and with which rights, not which request was allowed:
 * within its minute it fits any path of the same resource.
 *
 * Returns refusals as values: `credential_missing` without an assertion, `credential_unknown` for one that is not
 * believed, `store_unavailable` when the issuer's keys cannot be fetched.
 *
 * @example
 * const whoCalls = assertionVerifier({ issuer: 'https://auth.example.com', resource: 'https://webdav.example.com' })
 * const caller = await whoCalls(request.headers)
 * if (caller.outcome === 'deny') return refusalResponse(caller, 'webdav')
 */
export function assertionVerifier(options: AssertionOptions): (headers: Headers) => Promise<Asserted | Denied> {
  const { issuer, resource, now = () => new Date() } = options
  const keys =
    options.keys === undefined
      ? createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), { timeoutDuration: 3000 })
      : createLocalJWKSet(options.keys)
  return async (headers) => {
    const text = headers.get(ASSERTION_HEADER)
    if (text === null) return deny('credential_missing')
    if (text.length > MAX_ASSERTION_LENGTH || !COMPACT.test(text)) return deny('credential_malformed')
    try {
      const { payload } = await jwtVerify(text, keys, {
        issuer,
        audience: resource,
        typ: ASSERTION_TYP,
        algorithms: ['ES256'],
        requiredClaims: ['iss', 'aud', 'sub', 'iat', 'exp', 'principal'],
        currentDate: now(),
      })
      return assertedBy(payload) ?? deny('credential_unknown', { because: 'its claims are not those of an assertion' })
    } catch (error) {
      if (error instanceof errors.JWTExpired) return deny('credential_expired')
      if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) {
        return deny('store_unavailable', { because: 'the keys of the issuer could not be fetched' })
      }
      return deny('credential_unknown', { because: error.code })
    }
  }
}

function assertedBy(claims: JWTPayload): Asserted | undefined {
  const principal = principalOf(claims)
  if (principal === undefined) return undefined
  const projects = claims.projects
  const scope = claims.scope
  const credential = claims.credential
  return {
    outcome: 'allow',
    principal,
    scopes: new Set(typeof scope === 'string' ? scope.split(' ').filter((one) => one !== '') : []),
    roles: new Set(textsOf(claims.roles)),
    groups: new Set(textsOf(claims.groups)),
    // Only a null that was written means all: what is missing must not widen.
    projects: principal.kind !== 'anonymous' && projects === null ? null : textsOf(projects),
    credential: typeof credential === 'string' ? credential : undefined,
  }
}

function principalOf({ principal, sub, name, client_id, email }: JWTPayload): Principal | undefined {
  const named = typeof name === 'string' ? name : (sub ?? '')
  switch (principal) {
    case 'anonymous':
      return { kind: 'anonymous' }
    case 'client':
      return typeof client_id === 'string' ? { kind: 'client', id: client_id, name: named } : undefined
    case 'user':
      return { kind: 'user', id: sub ?? '', name: named, email: typeof email === 'string' ? email : undefined }
    case 'workload': {
      const [, issuer = '', ...rest] = (sub ?? '').split(':')
      return { kind: 'workload', id: sub ?? '', issuer, subject: rest.join(':') }
    }
    default:
      return undefined
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
