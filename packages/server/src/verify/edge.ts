import { deny, isDenied, type Listener, REFUSALS } from '@countersign/resource-server'
import { allowedResponse, denialResponse } from './answer.ts'
import type { AskedRequest, Dialect, ProxyDialect } from './asked.ts'
import type { VerificationCounts } from './counts.ts'
import { type Decision, isAllowed } from './decision.ts'
import type { DecisionLog } from './decision-log.ts'
import { type ReadAsked, readForward, readNginx } from './dialects.ts'
import type { Proxies } from './proxies.ts'
import { refuse, type VerifyDeps, verify } from './verify.ts'

export type EdgeDeps = {
  readonly verify: VerifyDeps
  readonly proxies: Proxies
  readonly decisions: Pick<DecisionLog, 'noteAllowed' | 'noteDenied'>
  readonly counts: Pick<VerificationCounts, 'note'>
  readonly clock: () => Date
  readonly monotonicMs: () => number
  /** Told of errors, with the id that the caller was given. */
  readonly onError: (error: unknown, decisionId: string) => void
  /** Told of peers that may not ask. */
  readonly onUntrustedProxy: (peer: string | null, because: string) => void
}

const READERS: Readonly<Record<ProxyDialect, ReadAsked>> = { forward: readForward, nginx: readNginx }

/**
 * The answer to a proxy's question: reads it in the proxy's dialect, verifies, and writes the answer in that dialect.
 *
 * Security: whatever throws, here or below, becomes a 500 or 503 that carries no identity.
 */
export function verifyEdge(dialect: ProxyDialect, listener: Listener, deps: EdgeDeps) {
  const read = READERS[dialect]
  return (request: Request, peer: string | null): Response | Promise<Response> => {
    try {
      const { headers } = request
      const now = deps.clock()
      const beganMs = deps.monotonicMs()
      const untrusted = deps.proxies.refused(peer, headers)
      if (untrusted !== undefined) deps.onUntrustedProxy(peer, String(untrusted.detail.because))
      const asked = untrusted ?? read(headers, listener, now, deps.proxies)
      if (isDenied(asked)) return respond(refuse({ asked: { dialect, now, peer } }, 'request', asked), beganMs, deps)
      const decision = verify(asked, deps.verify, beganMs)
      if (!(decision instanceof Promise)) return respond(decision, beganMs, deps)
      return decision
        .then((late) => respond(late, beganMs, deps))
        .catch((error: unknown) => brokenResponse(error, dialect, peer, deps))
    } catch (error) {
      return brokenResponse(error, dialect, peer, deps)
    }
  }
}

function respond(decision: Decision, beganMs: number, deps: EdgeDeps): Response {
  deps.counts.note(decision, deps.monotonicMs() - beganMs)
  if (isAllowed(decision)) {
    deps.decisions.noteAllowed(decision, decision.asked as AskedRequest)
    return allowedResponse(decision)
  }
  return denialResponse(decision, deps.decisions.noteDenied(decision))
}

/**
 * Notes what threw as a refusal, for whoever writes it. Undefined: what would report it is broken itself, and the
 * caller gets a bare 500.
 */
export function noteBroken(error: unknown, dialect: Dialect, peer: string | null, deps: EdgeDeps) {
  try {
    const failed = deny('internal_error', { because: error instanceof Error ? error.name : 'unknown' })
    const decision = refuse({ asked: { dialect, now: deps.clock(), peer } }, 'answer', failed)
    deps.counts.note(decision)
    const id = deps.decisions.noteDenied(decision)
    deps.onError(error, id)
    return { decision, id }
  } catch {
    return undefined
  }
}

/** The end of everything that threw. */
function brokenResponse(error: unknown, dialect: Dialect, peer: string | null, deps: EdgeDeps): Response {
  const noted = noteBroken(error, dialect, peer, deps)
  if (noted !== undefined) return denialResponse(noted.decision, noted.id)
  const { status, description } = REFUSALS.internal_error
  return new Response(`${description}\n`, { status, headers: { 'Cache-Control': 'no-store' } })
}
