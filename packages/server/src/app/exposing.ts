import { cpuUsage, memoryUsage } from 'node:process'
import type { ManagementCounts } from '../admin/counts.ts'
import type { Config } from '../config.ts'
import type { Row, Tally } from '../counting/tally.ts'
import type { Readiness } from '../http/readiness.ts'
import type { EventLoopDelay } from '../metrics/event-loop.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { OAuthCounts } from '../oauth/counts.ts'
import type { OpenedStore } from '../store/open.ts'
import type { DecisionLog } from '../verify/decision-log.ts'
import { VERSION } from '../version.ts'
import type { ClockSkew } from './clock-skew.ts'
import type { Following } from './following.ts'
import type { AppIo } from './io.ts'
import type { Verifying } from './verifying.ts'

export type Exposed = {
  readonly config: Config
  readonly io: AppIo
  readonly store: OpenedStore
  readonly following: Following
  readonly verified: Verifying
  readonly decisions: DecisionLog
  readonly readiness: Readiness
  readonly skew: ClockSkew
  readonly eventLoop: EventLoopDelay
  readonly oauth: OAuthCounts
  readonly management: ManagementCounts
  /** Changes by outcome, failed statements by kind, lines of the log by level. */
  readonly changes: Tally
  readonly storeErrors: Tally
  readonly logged: Tally
}

/** Hangs every figure on the registry. Nothing is read before somebody asks. */
export function exposeAll(metrics: Metrics, parts: Exposed): void {
  exposeAnswers(metrics, parts)
  exposeMemory(metrics, parts)
  exposeKeys(metrics, parts)
  exposeStore(metrics, parts)
  exposeProcess(metrics, parts)
}

function exposeAnswers(metrics: Metrics, { verified, oauth, management }: Exposed): void {
  const { counts } = verified
  metrics.rows('countersign_verifications_total', () => counts.outcomes())
  metrics.rows('countersign_refusals_total', () => counts.refusals())
  metrics.durations('countersign_verification_duration_seconds', () => counts.durations())
  metrics.rows('countersign_oauth_requests_total', () => oauth.requests())
  metrics.rows('countersign_oauth_refusals_total', () => oauth.refusals())
  metrics.durations('countersign_oauth_request_duration_seconds', () => oauth.durations())
  metrics.rows('countersign_access_tokens_issued_total', () => oauth.issued.rows())
  metrics.rows('countersign_introspections_total', () => oauth.introspections())
  metrics.rows('countersign_management_requests_total', () => management.requests.rows())
  metrics.durations('countersign_management_request_duration_seconds', () => management.durations())
}

function exposeMemory(metrics: Metrics, { following, verified, decisions }: Exposed): void {
  const { known, unknown, lookUps, ahead } = following
  metrics.number('countersign_known_credentials', () => known.size)
  metrics.rows('countersign_known_credential_look_ups_total', () => [
    [['hit'], known.hitCount],
    [['miss'], known.missCount],
  ])
  metrics.number('countersign_known_credentials_evicted_total', () => known.evictedCount)
  metrics.number('countersign_unknown_digests', () => unknown.size)

  const queues = {
    look_ups: lookUps,
    ...(ahead !== undefined && { look_ups_ahead: ahead.lookUps }),
    signature_checks: verified.externalTokens.signatureChecks,
  }
  const ofEach = (read: (queue: typeof lookUps) => number) => (): Row[] =>
    Object.entries(queues).map(([name, queue]) => [[name], read(queue)])
  metrics.rows(
    'countersign_queue_running',
    ofEach(({ runningCount }) => runningCount),
  )
  metrics.rows(
    'countersign_queue_waiting',
    ofEach(({ waitingCount }) => waitingCount),
  )
  metrics.rows(
    'countersign_queue_overflows_total',
    ofEach(({ overflowCount }) => overflowCount),
  )

  metrics.number('countersign_decision_records_waiting', () => decisions.waiting.records)
  metrics.rows('countersign_decision_records_dropped_total', () =>
    Object.entries(decisions.dropped).map(([reason, count]) => [[reason], count]),
  )
  metrics.number('countersign_last_uses_waiting', () => decisions.waiting.uses)
}

function exposeKeys(metrics: Metrics, { config, io, following, verified }: Exposed): void {
  const { keyCounts } = verified.externalTokens
  metrics.rows('countersign_issuer_key_loads_total', () => keyCounts.loads.rows())
  metrics.rows('countersign_issuer_keys_loaded_timestamp_seconds', () => keyCounts.loadedAt())

  /** The one that signs last first. */
  const published = () => following.directory.signingKeys()
  metrics.number('countersign_signing_keys', () => published().length)
  metrics.number('countersign_signing_key_age_seconds', () => {
    const now = io.clock()
    const signing = published().find(({ activeFrom }) => activeFrom <= now)
    return signing && (now.getTime() - signing.activeFrom.getTime()) / 1000
  })
  metrics.number('countersign_signing_key_rotation_timestamp_seconds', () => {
    const now = io.clock()
    const [newest] = published()
    if (newest === undefined) return undefined
    const activeFromSeconds = newest.activeFrom.getTime() / 1000
    if (newest.activeFrom > now) return activeFromSeconds
    const { signingKeyRotationDays } = config
    return signingKeyRotationDays === null ? undefined : activeFromSeconds + signingKeyRotationDays * 86_400
  })
}

function exposeStore(metrics: Metrics, { store, following, skew, changes, storeErrors }: Exposed): void {
  const { directory, follower, counts } = following
  metrics.rows('countersign_changes_total', () => changes.rows())
  metrics.number('countersign_revision', () => directory.revision)
  metrics.number('countersign_revision_confirmed_age_seconds', () => follower.unconfirmedMs() / 1000)
  metrics.number('countersign_revision_failures_total', () => counts.failures)
  metrics.number('countersign_revision_wake_ups_total', () => counts.wakeUps)
  metrics.number('countersign_stale_serving', () => Number(follower.isStale()))
  metrics.rows('countersign_store_connections', () =>
    store.connections().flatMap(({ pool, used, idle, waiting }): Row[] => [
      [[pool, 'used'], used],
      [[pool, 'idle'], idle],
      [[pool, 'waiting'], waiting],
    ]),
  )
  metrics.rows('countersign_store_errors_total', () => storeErrors.rows())
  metrics.number('countersign_clock_skew_seconds', () => skew.seconds)
}

function exposeProcess(metrics: Metrics, { io, readiness, eventLoop, logged }: Exposed): void {
  const startedAtSeconds = io.clock().getTime() / 1000
  metrics.number('countersign_ready', () => Number(readiness.reasons().length === 0))
  metrics.rows('countersign_not_ready', () => readiness.rows())
  metrics.rows('countersign_log_lines_total', () => logged.rows())
  metrics.durations('countersign_event_loop_delay_seconds', () => [[[], eventLoop.durations]])
  metrics.rows('countersign_build_info', () => [[[VERSION, Bun.version], 1]])
  metrics.number('process_start_time_seconds', () => startedAtSeconds)
  metrics.number('process_resident_memory_bytes', () => memoryUsage.rss())
  metrics.number('process_cpu_seconds_total', () => {
    const { user, system } = cpuUsage()
    return (user + system) / 1_000_000
  })
}
