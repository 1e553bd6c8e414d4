// Which rule a request is judged by: what it asks for, at the resource of protect().

import { isDenied, type MatchedRule, type ProtectedResource, ruleFor } from './access-rule.ts'
import type { CredentialHeaders } from './extract-credential.ts'
import { parseMethod } from './method.ts'
import { type Denied, deny } from './refusals.ts'
import { parseAbsoluteTarget, parseRequestTarget } from './request-target.ts'

/** A web `Request` fits. */
export type GuardedRequest = { readonly url: string; readonly method: string; readonly headers: CredentialHeaders }

export type AskedFor = {
  /** Undefined: it is not acceptable. */
  readonly path: string | undefined
  readonly matched: MatchedRule | Denied
  /** Where a COPY or MOVE writes, which has to be allowed for PUT by itself; undefined: it is none. RFC 4918 §10.3 */
  readonly destination: MatchedRule | Denied | undefined
}

/** Reads what is asked for, by the parser that the server reads it by. The host is for whoever listens to judge. */
export function askedFor(request: GuardedRequest, resource: ProtectedResource): AskedFor {
  const absolute = parseAbsoluteTarget(request.url)
  const target = absolute && parseRequestTarget(absolute.target)
  const refused = (denied: Denied) => ({ path: target?.path, matched: denied, destination: undefined })
  const method = parseMethod(request.method)
  if (method === undefined) return refused(deny('request_malformed', { because: 'method' }))
  if (absolute === undefined || target === undefined) return refused(deny('target_malformed'))
  const matched = ruleFor(resource, method, target)
  const destination =
    method === 'COPY' || method === 'MOVE' ? destinationOf(request, absolute.host, resource) : undefined
  return { path: target.path, matched, destination }
}

function destinationOf({ headers }: GuardedRequest, host: string, resource: ProtectedResource): MatchedRule | Denied {
  const value = headers.get('destination')
  if (value === null) return deny('destination_malformed', { because: 'missing' })
  // RFC 3986 §4.2: what begins with two slashes names a host.
  const isPath = value.startsWith('/') && !value.startsWith('//')
  const absolute = isPath ? undefined : parseAbsoluteTarget(value)
  if (absolute === undefined && !isPath) return deny('destination_malformed')
  if (absolute !== undefined && absolute.host !== host) return deny('destination_host_refused')
  const target = parseRequestTarget(absolute?.target ?? value)
  if (target === undefined) return deny('destination_malformed')
  return atDestination(ruleFor(resource, 'PUT', target))
}

/** A refusal says that it is of the destination. */
export function atDestination<Verdict extends object>(verdict: Verdict | Denied): Verdict | Denied {
  return isDenied(verdict) ? deny(verdict.code, { ...verdict.detail, at: 'destination' }) : verdict
}
