import { ApiError, type Decision } from '@countersign/admin-api'
import type { OnlineSession } from '../session.ts'
import { advised, type ProxyName, proxiesFor } from './advice.ts'
import type { Finding } from './finding.ts'
import { type Baseline, judge, type Outcome, unanswered } from './judge.ts'
import { type Choice, type Probe, probesOf } from './probe.ts'
import { type Exchange, exchange, type Failure } from './raw-exchange.ts'
import { pathOf, request, type Site } from './site.ts'

/** The decisions of this run, as far as the server kept them. */
export type Decisions = { find(id: string | undefined, path: string): Promise<Decision | undefined> }

export type Probing = Choice & {
  readonly site: Site
  readonly decisions: Decisions
  readonly proxy: string | undefined
  /** Told how far it is. */
  readonly onProbe: (text: string) => void
}

/** What was found, and whom to give advice for from then on. */
export type Probed = {
  readonly findings: readonly Finding[]
  readonly proxies: readonly ProxyName[]
  readonly tried: number
}

/** More refusals of strangers than this many a second are only counted: then there is nothing to look up. */
const PATIENCE_MS = 1100
const WRITTEN_MS = 400
const TRIES = 4

/** Tries every way around, one after the other, each with a key that nobody has: Countersign has to refuse them all. */
export async function probe({ site, decisions, proxy, onProbe, ...choice }: Probing): Promise<Probed> {
  const plain = request(site, `GET ${pathOf(site, 'baseline')}`)
  let first = await outcomeOf(site, decisions, plain, pathOf(site, 'baseline'))
  if (first.decision === undefined)
    first = { ...first, decision: await foundLater(decisions, undefined, pathOf(site, 'baseline')) }
  const server = 'failure' in first.answer ? undefined : first.answer.headers.get('server')
  const proxies = proxiesFor(proxy, server)
  const start = baselineOf(first, pathOf(site, 'baseline'), proxies)
  if ('level' in start) return { findings: [start], proxies, tried: 1 }

  const findings = [...manners(first, start, site, proxies)]
  const probes = probesOf(site, choice)
  const answers: Exchange[] = []
  for (const [index, one] of probes.entries()) {
    onProbe(`${index + 1} of ${probes.length}: ${one.what}`)
    const outcome = await outcomeOf(site, decisions, one.lines, one.told.path)
    answers.push(outcome.answer)
    const found = judge(one, outcome, start, proxies) ?? unknownFate(one, outcome)
    if (found !== undefined) findings.push(found)
  }
  const gone = allUntold(answers)
  return { findings: gone === undefined ? findings : [unreachable(gone)], proxies, tried: probes.length + 1 }
}

const WHILE_DOWN: Choice = { groups: ['places', 'methods', 'protocols'], methods: [], preflights: 'deny' }

/** What a request that must be refused came to, if Countersign cannot be asked: nothing may pass. */
export async function probeWhileDown(site: Site, proxies: readonly ProxyName[]): Promise<Finding[]> {
  const plain = request(site, `GET ${pathOf(site, 'baseline')}`)
  const first = await exchange(site.place, plain)
  if ('failure' in first) return [unreachable(first)]
  // All at once: a proxy may wait seconds for Countersign each time.
  const outcomes = await Promise.all(
    probesOf(site, WHILE_DOWN).map(async (one) => ({ one, answer: await exchange(site.place, one.lines) })),
  )
  const gone = allUntold(outcomes.map(({ answer }) => answer))
  if (gone !== undefined) return [unreachable(gone)]
  const told = [{ one: { id: 'baseline', what: 'a plain GET' }, answer: first }, ...outcomes]
  return told.flatMap(({ one, answer }): Finding[] => {
    if ('failure' in answer) {
      const found = unanswered(`down-${one.id}`, one.what, answer)
      return found === undefined ? [] : [found]
    }
    if (answer.status >= 400 && answer.status !== 404) return []
    const says = `While Countersign does not answer, ${one.what} is answered with ${answer.status}: the proxy lets it pass.`
    return [{ check: `down-${one.id}`, level: 'fault', says, todo: advised('hold_to_refusals', proxies) }]
  })
}

/** Why not one of them could be tried, if so: then nothing was found, and nothing may be approved. */
function allUntold(answers: readonly Exchange[]): Failure | undefined {
  const untold = answers.filter((answer) => 'failure' in answer && answer.isUntold === true)
  return untold.length < answers.length ? undefined : untold.find((answer) => 'failure' in answer)
}

function unreachable({ failure }: Failure): Finding {
  const says = `The site cannot be reached: ${failure}.`
  return { check: 'baseline', level: 'fault', says, todo: ['Is the address right? See --connect-to'] }
}

/** Sends, and looks up the decision. One that was made but not kept is made once more, a second later. */
async function outcomeOf(site: Site, decisions: Decisions, lines: readonly string[], path: string): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const answer = await exchange(site.place, lines)
    const id = decisionIn(answer)
    let decision = await decisions.find(id, path)
    if (decision === undefined && id !== undefined) decision = await foundLater(decisions, id, path)
    if (decision !== undefined || id === undefined || attempt === TRIES) return { answer, decision }
    await Bun.sleep(PATIENCE_MS)
  }
}

/** Another node than the one that is asked writes what it decided a moment later. */
async function foundLater(decisions: Decisions, id: string | undefined, path: string): Promise<Decision | undefined> {
  await Bun.sleep(WRITTEN_MS)
  return await decisions.find(id, path)
}

function decisionIn(answer: Exchange): string | undefined {
  const id = 'failure' in answer ? undefined : answer.headers.get('countersign-decision')
  return id !== undefined && /^dec_[0-9A-Z]{26}$/.test(id) ? id : undefined
}

function baselineOf({ answer, decision }: Outcome, path: string, proxies: readonly ProxyName[]): Baseline | Finding {
  const fault = (says: string, todo: readonly string[]): Finding => ({ check: 'baseline', level: 'fault', says, todo })
  if ('failure' in answer) return unreachable(answer)
  if (decision === undefined) {
    const { status } = answer
    const location = answer.headers.get('location')
    if (location !== undefined && status >= 300)
      return fault(`The site sends elsewhere, to ${location}.`, ['Name that address.'])
    if (decisionIn(answer) !== undefined) {
      return fault('The refusal is recorded at another server than the one that was asked.', [
        'Name the node that your proxy asks: --server',
      ])
    }
    const says = `Countersign is not asked at all: a key that nobody has is answered with ${status}.`
    return fault(says, advised('ask_everywhere', proxies))
  }
  const { request, code, sentence } = decision
  if (request.host === null || code === 'untrusted_proxy' || code === 'request_malformed') {
    return fault(`Countersign does not take the proxy’s question: ${sentence}`, [`See: countersign why ${decision.id}`])
  }
  if (request.path !== path || request.method !== 'GET') {
    const says = `Countersign is asked about ${request.method} ${request.path} in place of GET ${path}.`
    return fault(says, advised('raw_target', proxies))
  }
  if (decision.resource === null) {
    return fault(`Countersign has no resource for ${request.host}.`, [
      `countersign resource update <name> --add-host ${request.host}`,
    ])
  }
  return { host: request.host, clientAddress: request.client_address, code }
}

/** What is not wrong for safety, but for those who call. */
function manners(
  { answer }: Outcome,
  { clientAddress }: Baseline,
  site: Site,
  proxies: readonly ProxyName[],
): Finding[] {
  if ('failure' in answer) return []
  const missing = ['WWW-Authenticate', 'Countersign-Decision'].filter((name) => !answer.headers.has(name.toLowerCase()))
  const untold: Finding = {
    ...{ check: 'refusal_headers', level: 'warning', todo: advised('tell_callers', proxies) },
    says: `A refused caller is not told ${missing.join(' and ')}.`,
  }
  const isLocal = (address: string) => /^(127\.|::1$|localhost$|\[::1\])/.test(address)
  const isProxyItself = clientAddress !== null && isLocal(clientAddress) && !isLocal(site.place.host)
  const unknown: Finding = {
    ...{ check: 'client_address', level: 'warning' },
    says:
      clientAddress === null
        ? 'Countersign is not told who calls: rules and keys with networks refuse everybody.'
        : `Countersign takes ${clientAddress} for the caller: your proxy’s own address, or that of one before it.`,
    todo: ['See "If another proxy stands before" in its guide.'],
  }
  return [...(missing.length > 0 ? [untold] : []), ...(clientAddress === null || isProxyItself ? [unknown] : [])]
}

/** Refused with our header, and no record of it: nothing can be said of what Countersign was told. */
function unknownFate({ id, what }: Probe, { answer, decision }: Outcome): Finding | undefined {
  if (decision !== undefined || decisionIn(answer) === undefined) return undefined
  const says = `What Countersign was told of ${what} cannot be looked up: it was only counted.`
  return { check: id, level: 'unchecked', says, todo: ['Run it again when fewer strangers call.'] }
}

/** Looks decisions up by their id, or, where the proxy hides it, by the path that no other request has. */
export function decisionsOf({ api }: OnlineSession): Decisions {
  return {
    async find(id, path) {
      if (id !== undefined) return await unlessMissing(api.decisions.get(id))
      // Of a path that others ask for as well, any record may be theirs.
      if (!path.includes('countersign-doctor-')) return undefined
      const { items } = await api.decisions.list({ limit: 50 })
      return items.find(({ request }) => request.path === path)
    },
  }
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}
