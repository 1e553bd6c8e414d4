import {
  type Denied,
  type decide,
  deny,
  extractCredential,
  isDenied,
  type MatchedRule,
  type Presented,
  parseAbsoluteTarget,
  parseHost,
  parseRequestTarget,
  ruleFor,
} from '@countersign/resource-server'
import type { KnownCaller, KnownCredential } from '../authentication/known-credentials.ts'
import { claimedIssuer } from '../authentication/lenient-jwt.ts'
import type { Resolver } from '../authentication/resolver.ts'
import type { Directory } from '../directory/directory.ts'
import { PREFLIGHT_RULE } from '../domain/access-rule.ts'
import type { Resource } from '../domain/resource.ts'
import type { AskedRequest } from './asked.ts'
import type { Decision, DeniedDecision, Step } from './decision.ts'
import type { Identities } from './identity.ts'

export type VerifyDeps = {
  readonly directory: Directory
  /** True while the database has confirmed, recently enough, what the directory holds. */
  readonly isConfirmed: (nowMs?: number) => boolean
  /** Asks the database for what changed; rejects when it cannot be asked. */
  readonly confirm: () => Promise<void>
  /** Who resolves a credential of this form; undefined: it is not ours. */
  readonly recognise: (text: string) => Resolver | undefined
  readonly decide: typeof decide
  readonly identities: Pick<Identities, 'identityOf'>
}

const PREFLIGHT: MatchedRule = { rule: PREFLIGHT_RULE, project: undefined }

/**
 * The whole path of a request, in order. Each step may refuse; only the last one allows. Synchronous for a known
 * credential: a promise comes back only when the store has to be asked.
 *
 * Security: what throws here is answered with 500 or 503 by the edge, never with 2xx. `nowMs`, by the monotonic clock, is
 * for whoever has just looked at it, and in the same turn of the loop.
 */
export function verify(asked: AskedRequest, deps: VerifyDeps, nowMs?: number): Decision | Promise<Decision> {
  if (deps.isConfirmed(nowMs)) return verifyConfirmed(asked, deps)
  return deps.confirm().then(
    () => verifyConfirmed(asked, deps),
    (error: unknown) => {
      const because = error instanceof Error ? error.message : String(error)
      return refuse({ asked }, 'request', deny('revision_unconfirmed', { because }))
    },
  )
}

/** How often a verification may be overtaken by a change while it waits for a look-up. */
const MAX_OVERTAKEN = 5

function verifyConfirmed(asked: AskedRequest, deps: VerifyDeps, overtaken = 0): Decision | Promise<Decision> {
  const { edition } = deps.directory
  const resource = asked.resource ?? deps.directory.resourceAt(asked.host)
  if (resource === undefined) return refuse({ asked }, 'rule', hostUnknown(asked.host, deps.directory))

  const sources = { header: resource.credentialHeader, foreign: resource.foreignCredentials }
  const presented = extractCredential(asked.headers, sources, deps.recognise)
  const matched = isPreflight(asked, resource, presented) ? PREFLIGHT : ruleFor(resource, asked.method, asked.target)
  if (isDenied(matched)) return refuse({ asked, resource }, 'rule', matched)
  if (presented.outcome === 'deny') return refuse({ asked, resource, matched }, 'credential', named(presented, asked))
  if (presented.outcome === 'none') return conclude(asked, resource, matched, undefined, deps)

  const believed = presented.kind(presented.text)
  return believed instanceof Promise
    ? believed.then((known) => {
        // Resource and rule were read before the look-up: with rights of a later revision they would make an answer
        // that no revision ever gave.
        if (deps.directory.edition === edition) return judge(asked, resource, matched, known, deps)
        if (overtaken < MAX_OVERTAKEN) return verifyConfirmed(asked, deps, overtaken + 1)
        const busy = deny('store_busy', { because: 'every look-up was overtaken by a change' })
        return refuse({ asked, resource, matched }, 'authentication', busy)
      })
    : judge(asked, resource, matched, believed, deps)
}

function judge(
  asked: AskedRequest,
  resource: Resource,
  matched: MatchedRule,
  believed: KnownCredential | Denied,
  deps: VerifyDeps,
): Decision {
  if (isDenied(believed)) return refuse({ asked, resource, matched }, 'authentication', believed)
  return conclude(asked, resource, matched, believed.callerAt(resource, deps.directory), deps)
}

/** A foreign JWT, with the issuer that it claims. */
function named(denied: Denied, { headers }: AskedRequest): Denied {
  if (denied.code !== 'credential_foreign') return denied
  const issuer = claimedIssuer(headers.get('authorization'))
  return issuer === undefined ? denied : deny(denied.code, { ...denied.detail, claimed_issuer: issuer })
}

/** The last steps: may they, may the destination, and what the upstream is told. The only way to an allowed answer. */
function conclude(
  asked: AskedRequest,
  resource: Resource,
  matched: MatchedRule,
  caller: KnownCaller | undefined,
  deps: VerifyDeps,
): Decision {
  const verdict = deps.decide(caller, resource, matched, asked)
  if (verdict.outcome === 'deny') {
    if (verdict.code !== 'credential_missing') return refuse({ asked, resource, matched, caller }, 'decision', verdict)
    const missing = asked.hasCredentialInQuery() ? deny('credential_missing', { in_query: true }) : verdict
    return refuse({ asked, resource, matched, caller }, 'credential', missing)
  }
  const elsewhere = destinationRefused(asked, resource, caller, deps)
  if (elsewhere !== undefined) return refuse({ asked, resource, matched, caller }, 'decision', elsewhere)

  const identity = deps.identities.identityOf(verdict, caller, resource, asked.now)
  if (isDenied(identity)) return refuse({ asked, resource, matched, caller }, 'answer', identity)
  return { asked, resource, matched, caller, verdict, step: undefined, identity }
}

/**
 * WebDAV COPY and MOVE write somewhere else than they say in their target: the `Destination` has to be on the same
 * host and allowed for PUT by itself. @see RFC 4918 §10.3
 */
function destinationRefused(
  asked: AskedRequest,
  resource: Resource,
  caller: KnownCaller | undefined,
  deps: VerifyDeps,
): Denied | undefined {
  if (asked.method !== 'COPY' && asked.method !== 'MOVE') return undefined
  const value = asked.headers.get('destination')
  if (value === null) return deny('destination_malformed', { because: 'missing' })
  // RFC 3986 §4.2: what begins with two slashes names a host.
  const isPath = value.startsWith('/') && !value.startsWith('//')
  const absolute = isPath ? undefined : parseAbsoluteTarget(value)
  if (absolute === undefined && !isPath) return deny('destination_malformed')
  if (absolute !== undefined && parseHost(absolute.host, absolute.scheme) !== asked.host) {
    return deny('destination_host_refused')
  }
  const target = parseRequestTarget(absolute?.target ?? value)
  if (target === undefined) return deny('destination_malformed')
  const matched = ruleFor(resource, 'PUT', target)
  if (isDenied(matched)) return atDestination(matched)
  const verdict = deps.decide(caller, resource, matched, asked)
  return verdict.outcome === 'deny' ? atDestination(verdict) : undefined
}

function atDestination(denied: Denied): Denied {
  return deny(denied.code, { ...denied.detail, concerns: 'Destination' })
}

/** For the operator: whether only the port is another one. */
function hostUnknown(host: string, directory: Directory): Denied {
  const namesake = directory.resourceAt(host.replace(/:[0-9]+$/, ''))
  return deny('host_unknown', namesake === undefined ? { host } : { host, without_port: namesake.name })
}

/** A CORS preflight carries no credential; a resource may let it through as the anonymous principal. @see Fetch §4.8 */
function isPreflight(asked: AskedRequest, resource: Resource, presented: Presented<Resolver>): boolean {
  return (
    asked.method === 'OPTIONS' &&
    resource.preflight === 'pass' &&
    presented.outcome === 'none' &&
    asked.headers.get('origin') !== null &&
    asked.headers.get('access-control-request-method') !== null
  )
}

type Reached = {
  readonly asked: Decision['asked']
  readonly resource?: Resource | undefined
  readonly matched?: MatchedRule | undefined
  readonly caller?: KnownCaller | undefined
}

/** A decision that ends at `step`. */
export function refuse(reached: Reached, step: Step, verdict: Denied): DeniedDecision {
  const { asked, resource, matched, caller } = reached
  return { asked, resource, matched, caller, verdict, step, identity: undefined }
}
