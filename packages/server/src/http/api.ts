import { clientAddress, deny, isDenied, parseAddress, parseRequestTarget, REFUSALS } from '@countersign/resource-server'
import type { Authorized } from '../admin/deps.ts'
import type { Resource } from '../domain/resource.ts'
import { contextOf, denialHeaders } from '../verify/answer.ts'
import { AskedRequest, type Dialect } from '../verify/asked.ts'
import { type Decision, isAllowed } from '../verify/decision.ts'
import type { EdgeDeps } from '../verify/edge.ts'
import { refuse, verify } from '../verify/verify.ts'
import type { Handler } from './guard.ts'

const DIALECT: Dialect = 'api'

export type ApiDeps = EdgeDeps & { readonly management: Resource; readonly managementHost: string }

/** Puts the one path before the management API: `serve` is called only with what that path allowed. */
export function protectApi(
  serve: (request: Request, authorized: Authorized | undefined) => Response | Promise<Response>,
  deps: ApiDeps,
): Handler {
  return async (request, peer) => {
    const now = deps.clock()
    const asked = askedBy(request, peer, now, deps)
    let decision: Decision
    try {
      decision = isDenied(asked)
        ? refuse({ asked: { dialect: DIALECT, now, peer } }, 'request', asked)
        : await verify(asked, deps.verify)
      if (isAllowed(decision)) {
        deps.decisions.noteAllowed(decision, decision.asked as AskedRequest)
        const { caller, verdict } = decision
        return await serve(request, caller && { caller, ...verdict.rights })
      }
    } catch (error) {
      decision = refuse({ asked: { dialect: DIALECT, now, peer } }, 'answer', deny('internal_error'))
      if (isAllowed(decision)) throw error
      const id = deps.decisions.noteDenied(decision)
      deps.onError(error, id)
      return problemOf(decision, id)
    }
    return problemOf(decision, deps.decisions.noteDenied(decision))
  }
}

function askedBy(request: Request, peer: string | null, now: Date, deps: ApiDeps) {
  const { headers, url, method } = request
  const target = parseRequestTarget(url.slice(url.indexOf('/', url.indexOf('://') + 3)))
  if (target === undefined) return deny('target_malformed')
  const readAddress = () => {
    const forwardedFor = headers.get('x-forwarded-for')
    const isProxied = deps.proxies.refused(peer, null) === undefined && forwardedFor !== null
    return isProxied ? clientAddress(forwardedFor, deps.proxies.isTrusted) : parseAddress(peer ?? '')
  }
  return new AskedRequest(
    DIALECT,
    now,
    'public',
    method,
    'http',
    deps.managementHost,
    target,
    headers,
    readAddress,
    deps.management,
  )
}

/** RFC 9457. Bad credentials share one code, so that they read alike; the decision id tells the operator which it was. */
function problemOf(decision: Decision, id: string): Response {
  if (isAllowed(decision)) throw new Error('an allowed decision is not a problem')
  const { code } = decision.verdict
  const { status, wire, description } = REFUSALS[code]
  const publicCode = status === 401 && wire === 'invalid_token' ? wire : code
  const body = { type: `urn:countersign:problem:${publicCode}`, title: description, status, code: publicCode }
  const headers = denialHeaders(code, contextOf(decision, id))
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'Content-Type': 'application/problem+json' },
  })
}
