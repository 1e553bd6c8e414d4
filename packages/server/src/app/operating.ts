import type pino from 'pino'
import { ManagementCounts } from '../admin/counts.ts'
import type { AdminDeps } from '../admin/deps.ts'
import { Rejected } from '../admin/problem.ts'
import { Tally } from '../counting/tally.ts'
import type { Handler } from '../http/guard.ts'
import { Readiness } from '../http/readiness.ts'
import { fewPerSecond } from '../logging.ts'
import { CredentialGauges, WITHIN_DAYS } from '../metrics/credential-gauges.ts'
import { EventLoopDelay } from '../metrics/event-loop.ts'
import { Metrics } from '../metrics/metrics.ts'
import { OAuthCounts } from '../oauth/counts.ts'
import type { OAuthAsked, OAuthDeps } from '../oauth/deps.ts'
import { countCredentials } from '../store/credential-counts.ts'
import { readDatabaseClock } from '../store/database-clock.ts'
import { isOutage } from '../store/outage.ts'
import type { Background } from './background.ts'
import { ClockSkew } from './clock-skew.ts'
import { type Exposed, exposeAll } from './exposing.ts'

const CLOCK_MS = 30_000
const READINESS_MS = 1000
const MAX_TOLD_PER_SECOND = 10

type Parts = Pick<
  Exposed,
  'config' | 'io' | 'store' | 'following' | 'verified' | 'decisions' | 'logged' | 'storeErrors'
> & {
  readonly log: pino.Logger
}

/** What whoever is on call looks at. */
export type Operating = {
  readonly readiness: Readiness
  readonly oauth: OAuthCounts
  readonly management: ManagementCounts
  readonly tellRefused: OAuthDeps['tellRefused']
  /** The same change, counted. */
  readonly change: AdminDeps['change']
  readonly metrics: Handler
  /** Exact paths that every listener has. */
  readonly everywhere: Readonly<Record<string, Handler>>
  start(background: Background): void
  stop(): void
}

export function operating(parts: Parts): Operating {
  const { io, log, store, following } = parts
  const { clock, monotonicMs } = io
  const { follower } = following
  const skew = new ClockSkew(io, log, () => readDatabaseClock(store))
  const readiness = new Readiness()
  readiness.judge('behind', () => follower.isLate())
  readiness.judge('clock_skewed', () => skew.isTooFar)

  const eventLoop = new EventLoopDelay(monotonicMs)
  const [oauth, changes] = [new OAuthCounts(), new Tally()]
  const management = new ManagementCounts(monotonicMs, ({ method, route, status, ms, by, credential }) => {
    const fields = { method, route, status, ms, by, credential }
    // Strangers can call what is open to everybody as often as they like.
    if (by === undefined || /^(GET|HEAD)$/.test(method)) log.debug(fields, 'management call')
    else log.info(fields, 'management call')
  })
  const metrics = new Metrics()
  const credentials = new CredentialGauges(metrics.registry, {
    ...{ clock, monotonicMs },
    count: () => countCredentials(store.reader, clock(), WITHIN_DAYS, () => new Promise(setImmediate)),
    onError: (error) => log.error({ err: error }, 'credentials could not be counted'),
  })
  metrics.before(() => credentials.refresh())
  exposeAll(metrics, { ...parts, readiness, skew, eventLoop, oauth, management, changes })

  let told = ''
  const tellReadiness = async () => {
    const reasons = readiness.reasons()
    const now = reasons.join()
    if (now === told) return
    told = now
    if (reasons.length > 0) log.warn({ reasons }, 'not ready')
    else log.info('ready again')
  }

  return {
    ...{ readiness, oauth, management },
    // Strangers can have as many refused as they like.
    tellRefused: fewPerSecond(
      clock,
      MAX_TOLD_PER_SECOND,
      ({ path, peer }: OAuthAsked, code: string, decision: string, request_id: string) =>
        log.info({ request_id, path, code, decision, peer }, 'an OAuth request was refused'),
    ),
    change: counted(following.change, changes),
    metrics: () => metrics.answer(),
    everywhere: {
      '/healthz': () => Response.json({ status: 'ok' }, { headers: { 'Cache-Control': 'no-store' } }),
      '/readyz': () => readiness.answer(),
    },
    start(background) {
      eventLoop.start()
      background.every(READINESS_MS, tellReadiness)
      background.every(CLOCK_MS, () => skew.measure())
      void skew.measure().catch(() => undefined)
    },
    stop: () => eventLoop.stop(),
  }
}

/** Counts what the database could not be asked, and what it refused. */
export function storeErrorsIn(errors: Tally): (error: unknown) => void {
  for (const kind of ['outage', 'other']) errors.expect(kind)
  return (error) => errors.add(isOutage(error) ? 'outage' : 'other')
}

function counted(change: AdminDeps['change'], changes: Tally): AdminDeps['change'] {
  for (const outcome of ['done', 'rejected', 'failed']) changes.expect(outcome)
  return async (actor, work) => {
    try {
      const result = await change(actor, work)
      changes.add('done')
      return result
    } catch (error) {
      changes.add(error instanceof Rejected ? 'rejected' : 'failed')
      throw error
    }
  }
}
