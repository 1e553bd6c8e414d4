import { type IssuerKeysOptions, issuerKeys, SIGNING_ALG } from './issuer-keys.ts'
import { type Claims, claimOf, dateClaim, parseJwt, textClaim, textsClaim, type UnverifiedJwt } from './jwt.ts'
import type { Principal } from './principal.ts'
import { type Denied, deny } from './refusals.ts'
import { runtimeNow } from './runtime-clock.ts'
import { whyUnsigned } from './signature.ts'

/** The `typ` of the assertions by which Countersign tells an upstream who passed. */
export const ASSERTION_TYP = 'countersign-assertion+jwt'
export const ASSERTION_HEADER = 'countersign-assertion'

export type AssertionOptions = IssuerKeysOptions & {
  /** The identifier of this resource: the audience. */
  readonly resource: string
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
 * Returns refusals as values: `credential_missing` without an assertion, `credential_malformed` or `credential_unknown`
 * for one that is not believed, `credential_expired` from its last second on, `store_unavailable` when the issuer's keys
 * cannot be fetched.
 *
 * @example
 * const whoCalls = assertionVerifier({ issuer: 'https://auth.example.com', resource: 'https://webdav.example.com' })
 * const caller = await whoCalls(request.headers)
 * if (caller.outcome === 'deny') return refusalResponse(caller, 'webdav')
 */
export function assertionVerifier(options: AssertionOptions): (headers: Headers) => Promise<Asserted | Denied> {
  const { issuer, resource, now = runtimeNow } = options
  const keys = issuerKeys(options)
  return async (headers) => {
    const text = headers.get(ASSERTION_HEADER)
    if (text === null) return deny('credential_missing')
    const jwt = parseJwt(text)
    if (jwt === undefined) return deny('credential_malformed')
    const unmeant = whyUnmeant(jwt, issuer, resource)
    if (unmeant !== undefined) return deny('credential_unknown', { because: unmeant })
    const unsigned = await whyUnsigned(jwt, keys, SIGNING_ALG)
    if (unsigned === 'unavailable') {
      return deny('store_unavailable', { because: 'the keys of the issuer could not be fetched' })
    }
    if (unsigned !== undefined) return deny('credential_unknown', { because: unsigned })
    const expiresAt = dateClaim(jwt.claims, 'exp')
    if (expiresAt === undefined || !(now() < expiresAt)) return deny('credential_expired')
    return assertedBy(jwt.claims) ?? deny('credential_unknown', { because: 'principal' })
  }
}

/** The first of header and claims that is not that of an assertion of this issuer for this resource. */
function whyUnmeant({ header, claims }: UnverifiedJwt, issuer: string, resource: string): string | undefined {
  if (header.typ !== ASSERTION_TYP) return 'typ'
  if (header.alg !== SIGNING_ALG) return 'alg'
  if (textClaim(claims, 'iss') !== issuer) return 'iss'
  if (textClaim(claims, 'aud') !== resource) return 'aud'
  if (textClaim(claims, 'sub') === undefined) return 'sub'
  if (dateClaim(claims, 'iat') === undefined) return 'iat'
  return dateClaim(claims, 'exp') === undefined ? 'exp' : undefined
}

function assertedBy(claims: Claims): Asserted | undefined {
  const principal = principalOf(claims)
  if (principal === undefined) return undefined
  const scopes = textClaim(claims, 'scope')?.split(' ') ?? []
  const isAll = principal.kind !== 'anonymous' && claimOf(claims, 'projects') === null
  return {
    outcome: 'allow',
    principal,
    scopes: new Set(scopes.filter((scope) => scope !== '')),
    roles: new Set(textsClaim(claims, 'roles')),
    groups: new Set(textsClaim(claims, 'groups')),
    // Only a null that was written means all: what is missing must not widen.
    projects: isAll ? null : (textsClaim(claims, 'projects') ?? []),
    credential: textClaim(claims, 'credential'),
  }
}

function principalOf(claims: Claims): Principal | undefined {
  const subject = textClaim(claims, 'sub') ?? ''
  const name = textClaim(claims, 'name') ?? subject
  switch (claimOf(claims, 'principal')) {
    case 'anonymous':
      return { kind: 'anonymous' }
    case 'client': {
      const id = textClaim(claims, 'client_id')
      return id === undefined ? undefined : { kind: 'client', id, name }
    }
    case 'user':
      return { kind: 'user', id: subject, name, email: textClaim(claims, 'email') }
    case 'workload': {
      const [, issuer = '', ...rest] = subject.split(':')
      return { kind: 'workload', id: subject, issuer, subject: rest.join(':') }
    }
    default:
      return undefined
  }
}
