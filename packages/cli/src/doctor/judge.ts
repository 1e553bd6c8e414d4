import type { Decision } from '@countersign/admin-api'
import { advised, type ProxyName } from './advice.ts'
import type { Finding } from './finding.ts'
import type { Probe } from './probe.ts'
import type { Exchange, Failure, RawAnswer } from './raw-exchange.ts'

/** What Countersign was told of the site's plainest request. */
export type Baseline = { readonly host: string; readonly clientAddress: string | null; readonly code: string | null }

/** What came of a probe: how it was answered, and the record of the decision, if there was one. */
export type Outcome = { readonly answer: Exchange; readonly decision: Decision | undefined }

/** What a proxy answers by itself to a request that it does not take. */
const REFUSED_BY_PROXY = [400, 401, 403, 405, 408, 411, 413, 414, 417, 421, 426, 429, 431, 501, 505]
/** What it answers where somebody behind it does not. */
const NOBODY_BEHIND = [500, 502, 503, 504]

/** Reads one outcome. Undefined: as it should be. */
export function judge(
  probe: Probe,
  { answer, decision }: Outcome,
  baseline: Baseline,
  proxies: readonly ProxyName[],
): Finding | undefined {
  if ('failure' in answer) return unanswered(probe.id, probe.what, answer)
  const fault = (says: string, advice = probe.advice): Finding => ({
    ...{ check: probe.id, level: 'fault', says, todo: advised(advice, proxies) },
  })
  if (decision === undefined) return unasked(probe, answer, fault)
  if (answer.status < 400 || answer.status === 404) {
    const refused = `Countersign refused ${probe.what} (${decision.id}), and the answer was ${answer.status}`
    return fault(`${refused}: the proxy does not hold to refusals.`, 'hold_to_refusals')
  }
  return misled(probe, decision, baseline, fault, proxies)
}

/** A connection that is closed passes nothing on. Of any other failure nobody can tell: it is not as good as a refusal. */
export function unanswered(check: string, what: string, { failure, isUntold }: Failure): Finding | undefined {
  if (!isUntold) return undefined
  const says = `${what} could not be tried: ${failure}.`
  return { check, level: 'unchecked', says, todo: ['Run it again, or try it by hand.'] }
}

type Fault = (says: string, advice?: Probe['advice']) => Finding

function unasked(probe: Probe, answer: RawAnswer, fault: Fault): Finding | undefined {
  const { status } = answer
  if (REFUSED_BY_PROXY.includes(status)) return undefined
  if (NOBODY_BEHIND.includes(status)) {
    const says = `${probe.what} is answered with ${status}, and Countersign has no record of it: does the service answer?`
    return {
      check: probe.id,
      level: 'warning',
      says,
      todo: ['Run it again when it does: a request that is not asked about would show.'],
    }
  }
  if (probe.mayBeMissing && status === 404) return undefined
  if (probe.isElsewhere) {
    if (answer.body.trim() === '' || status === 404 || status >= 300) return undefined
    const says = `${probe.what} is answered with ${status} and a page, and Countersign is not asked. Is that your service?`
    return { ...fault(says, 'ask_everywhere'), level: 'warning' }
  }
  return fault(`Countersign is not asked about ${probe.what}: the answer was ${status}.`, 'ask_everywhere')
}

function misled(
  probe: Probe,
  { request, code, detail }: Decision,
  baseline: Baseline,
  fault: Fault,
  proxies: readonly ProxyName[],
): Finding | undefined {
  const { told, what } = probe
  const { method, host, path, client_address: address } = request
  if (probe.group === 'verify' && path !== told.path) {
    return fault(`Countersign itself answers at ${told.path} of the site: whoever likes may ask it.`)
  }
  if (path !== null && path !== told.path && !isCutShort(path, told.path, code)) {
    const says = `Countersign is told of ${path}, and ${told.path} was sent (${what}).`
    if (!probe.isAboutPath) return fault(says)
    const seeing = 'If the service is given the same (Traefik does), all is well: --echo-listen shows it. Otherwise:'
    return { check: probe.id, level: 'warning', says, todo: [seeing, ...advised(probe.advice, proxies)] }
  }
  if (code === 'untrusted_proxy') {
    return fault(`With ${what} Countersign refuses to be asked (${String(detail.because ?? code)}).`)
  }
  if (method !== null && method !== told.method) {
    return fault(`Countersign is told of the method ${method}, and ${told.method} was sent (${what}).`)
  }
  if (host !== null && host !== baseline.host && !hasChosenBy(probe, host, baseline.host)) {
    return fault(`Countersign is told of the host ${host}, and the site of ${baseline.host} was asked (${what}).`)
  }
  if (probe.group === 'headers' && code !== baseline.code) {
    return fault(`With ${what} the proxy’s question changes: ${String(detail.because ?? code)}.`)
  }
  if (path !== null && address !== baseline.clientAddress) {
    const [now, before] = [address ?? 'unknown', baseline.clientAddress ?? 'unknown']
    return fault(`With ${what} the caller’s address is ${now} to Countersign, and ${before} without.`)
  }
  return undefined
}

/** Of a target that no rule could be held against, what is plain in it is kept. */
function isCutShort(path: string, sent: string, code: string | null): boolean {
  return code === 'target_malformed' && sent.startsWith(path)
}

/**
 * Another Host beside the site's leads to another site, or to the same that stands for all: Countersign has to know. Of
 * a target that names the site itself, the name counts; a port may be the one that the Host had, or none.
 */
function hasChosenBy({ id, isElsewhere }: Probe, host: string, siteHost: string): boolean {
  const nameOf = (text: string) => text.replace(/:[0-9]+$/, '')
  return isElsewhere === true && (id !== 'host-absolute' || nameOf(host) === nameOf(siteHost))
}
