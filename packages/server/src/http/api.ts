import { deny, isDenied, parseRequestTarget, REFUSALS, type RefusalCode } from '@countersign/resource-server'
import type { Authorized, NoteRefusal } from '../admin/deps.ts'
import type { Resource } from '../domain/resource.ts'
import { contextOf, denialHeaders } from '../verify/answer.ts'
import { AskedRequest, type Dialect } from '../verify/asked.ts'
import { type DeniedDecision, isAllowed } from '../verify/decision.ts'
import { type EdgeDeps, noteBroken } from '../verify/edge.ts'
import { refuse, verify } from '../verify/verify.ts'
import { callerAddress } from './caller-address.ts'
import type { Handler } from './guard.ts'

const DIALECT: Dialect = 'api'

export type ApiDeps = EdgeDeps & { readonly management: Resource; readonly managementHost: string }

/** Puts the one path before the management API: `serve` is called only with what that path allowed. */
export function protectApi(
  serve: (request: Request, authorized: Authorized | undefined) => Response | Promise<Response>,
  deps: ApiDeps,
): Handler {
  return async (request, peer) => {
    try {
      const now = deps.clock()
      const beganMs = deps.monotonicMs()
      const asked = askedBy(request, peer, now, deps)
      const decision = isDenied(asked)
        ? refuse({ asked: { dialect: DIALECT, now, peer } }, 'request', asked)
        : await verify(asked, deps.verify, beganMs)
      deps.counts.note(decision, deps.monotonicMs() - beganMs)
      if (!isAllowed(decision)) return problemOf(decision, deps.decisions.noteDenied(decision))
      deps.decisions.noteAllowed(decision, decision.asked as AskedRequest)
      const { caller, verdict, matched } = decision
      const requiredScopes = matched?.rule.require.scopes ?? []
      const noteRefusal: NoteRefusal = (code, because) =>
        deps.decisions.noteDenied(refuse(decision, 'decision', deny(code, { because })))
      return await serve(request, caller && { caller, ...verdict.rights, requiredScopes, noteRefusal })
    } catch (error) {
      const noted = noteBroken(error, DIALECT, peer, deps)
      return noted === undefined ? problem('internal_error', {}) : problemOf(noted.decision, noted.id)
    }
  }
}

function askedBy(request: Request, peer: string | null, now: Date, deps: ApiDeps) {
  const { headers, url, method } = request
  const target = parseRequestTarget(url.slice(url.indexOf('/', url.indexOf('://') + 3)))
  if (target === undefined) return deny('target_malformed')
  const readAddress = () => callerAddress(headers, peer, deps.proxies)
  return new AskedRequest(
    DIALECT,
    now,
    'public',
    method,
    'http',
    deps.managementHost,
    target,
    '',
    headers,
    readAddress,
    deps.management,
  )
}

function problemOf(decision: DeniedDecision, id: string): Response {
  const { code } = decision.verdict
  return problem(code, denialHeaders(code, contextOf(decision, id)))
}

/** RFC 9457. Bad credentials share one code, so that they read alike; the decision id tells the operator which it was. */
function problem(code: RefusalCode, headers: Readonly<Record<string, string>>): Response {
  const { status, wire, description } = REFUSALS[code]
  const publicCode = status === 401 && wire === 'invalid_token' ? wire : code
  const body = { type: `urn:countersign:problem:${publicCode}`, title: description, status, code: publicCode }
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Cache-Control': 'no-store', ...headers, 'Content-Type': 'application/problem+json' },
  })
}
