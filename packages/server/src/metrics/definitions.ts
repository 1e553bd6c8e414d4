type MetricDefinition = {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
}

/**
 * Every figure of `/metrics`: docs/reference/metrics.md is written from this, and dashboard and alerts are tested
 * against it.
 *
 * Security: no label names a caller or holds what a stranger wrote. `resource` and `issuer` are registered names, at
 * most 200 of each; all others are words of the program.
 */
export const METRICS = {
  countersign_verifications_total: {
    type: 'counter',
    labels: ['resource', 'outcome'],
    help: 'What proxies and the management API asked, by outcome: allowed, refused, or unclear (answered with 5xx).',
  },
  countersign_refusals_total: {
    type: 'counter',
    labels: ['resource', 'code'],
    help: 'What of it was not allowed, by the code of the refusal.',
  },
  countersign_verification_duration_seconds: {
    type: 'histogram',
    labels: ['dialect', 'outcome'],
    help: 'How long a decision took, without the time on the wire.',
  },
  countersign_oauth_requests_total: {
    type: 'counter',
    labels: ['endpoint', 'outcome'],
    help: 'Requests to the OAuth endpoints, by outcome: answered, refused, or unclear (answered with 5xx).',
  },
  countersign_oauth_refusals_total: {
    type: 'counter',
    labels: ['endpoint', 'code'],
    help: 'What of it was not answered, by the code of the refusal.',
  },
  countersign_oauth_request_duration_seconds: {
    type: 'histogram',
    labels: ['endpoint'],
    help: 'How long a request to an OAuth endpoint took, from its form to its answer.',
  },
  countersign_access_tokens_issued_total: {
    type: 'counter',
    labels: ['resource', 'format', 'grant'],
    help: 'Access tokens that were issued, by format: jwt or opaque.',
  },
  countersign_introspections_total: {
    type: 'counter',
    labels: ['active'],
    help: 'Introspections that were answered, by what was said of the token.',
  },
  countersign_management_requests_total: {
    type: 'counter',
    labels: ['method', 'route', 'status'],
    help: 'Calls of the management API that the path let through, by the template of their route.',
  },
  countersign_management_request_duration_seconds: {
    type: 'histogram',
    labels: ['method'],
    help: 'How long such a call took.',
  },
  countersign_changes_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Changes that were made through this node, each with its audit event: done, rejected, or failed.',
  },
  countersign_known_credentials: {
    type: 'gauge',
    labels: [],
    help: 'Credentials that this node holds in memory.',
  },
  countersign_known_credential_look_ups_total: {
    type: 'counter',
    labels: ['result'],
    help: 'How often a credential was looked for in memory: hit or miss.',
  },
  countersign_known_credentials_evicted_total: {
    type: 'counter',
    labels: [],
    help: 'Credentials that had to make room in memory for others.',
  },
  countersign_unknown_digests: {
    type: 'gauge',
    labels: [],
    help: 'Digests of which memory holds that there is no such credential; of up to the last second.',
  },
  countersign_queue_running: {
    type: 'gauge',
    labels: ['queue'],
    help: 'What is under way: look_ups in the store, look_ups_ahead of what is probably kept there (PostgreSQL), signature_checks of tokens of other issuers.',
  },
  countersign_queue_waiting: { type: 'gauge', labels: ['queue'], help: 'What waits for its turn.' },
  countersign_queue_overflows_total: {
    type: 'counter',
    labels: ['queue'],
    help: 'What could not even wait, and was answered with 503.',
  },
  countersign_issuer_key_loads_total: {
    type: 'counter',
    labels: ['issuer', 'outcome'],
    help: 'How often the key set of an issuer was asked for: loaded or failed.',
  },
  countersign_issuer_keys_loaded_timestamp_seconds: {
    type: 'gauge',
    labels: ['issuer'],
    help: 'When the key set of an issuer was last loaded; 0: not since the start. Keys are asked for while they are in use.',
  },
  countersign_revision: { type: 'gauge', labels: [], help: 'The revision of the database that this node answers by.' },
  countersign_revision_confirmed_age_seconds: {
    type: 'gauge',
    labels: [],
    help: 'How long ago the database confirmed that revision: the age of the lease.',
  },
  countersign_revision_failures_total: {
    type: 'counter',
    labels: [],
    help: 'How often the poll for the revision failed.',
  },
  countersign_revision_wake_ups_total: {
    type: 'counter',
    labels: [],
    help: 'How often another node said that it changed something (PostgreSQL: NOTIFY).',
  },
  countersign_stale_serving: {
    type: 'gauge',
    labels: [],
    help: '1: answers come from what was confirmed longer ago than 5 s, because stale_grace allows it.',
  },
  countersign_decision_records_waiting: {
    type: 'gauge',
    labels: [],
    help: 'Records of decisions that wait to be written.',
  },
  countersign_decision_records_dropped_total: {
    type: 'counter',
    labels: ['reason'],
    help: 'Refusals of which no record is kept, though they are counted: rate_of_known and rate_of_strangers (more a second than are kept of credentials that we know, and of all others), store (could not be written).',
  },
  countersign_last_uses_waiting: {
    type: 'gauge',
    labels: [],
    help: 'Last uses of credentials that wait to be written.',
  },
  countersign_store_connections: {
    type: 'gauge',
    labels: ['pool', 'state'],
    help: 'Connections to PostgreSQL, by state (used, idle), and how many wait for one (waiting).',
  },
  countersign_store_errors_total: {
    type: 'counter',
    labels: ['kind'],
    help: 'Statements that failed: outage (the store could not be asked), or other.',
  },
  countersign_clock_skew_seconds: {
    type: 'gauge',
    labels: [],
    help: 'How far the clock of this node is ahead of that of PostgreSQL; negative: behind.',
  },
  countersign_signing_keys: { type: 'gauge', labels: [], help: 'Signing keys that are published.' },
  countersign_signing_key_age_seconds: {
    type: 'gauge',
    labels: [],
    help: 'For how long the key that signs now has signed.',
  },
  countersign_signing_key_rotation_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the next key is to sign. Absent: only when somebody rotates it.',
  },
  countersign_credentials: {
    type: 'gauge',
    labels: ['kind', 'imported'],
    help: 'Credentials that are neither revoked nor expired.',
  },
  countersign_credentials_expiring: {
    type: 'gauge',
    labels: ['kind', 'within'],
    help: 'Of those whose owner is not disabled, the ones that end within so many days, each counted in all longer spans too.',
  },
  countersign_foreign_prefix_credentials: {
    type: 'gauge',
    labels: ['prefix'],
    help: 'Credentials of another system, by what they begin with, that are neither revoked nor expired.',
  },
  countersign_credentials_counted_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When credentials were last counted; 0: never.',
  },
  countersign_ready: { type: 'gauge', labels: [], help: '1: /readyz says yes.' },
  countersign_not_ready: { type: 'gauge', labels: ['reason'], help: '1: /readyz says no for this reason.' },
  countersign_log_lines_total: { type: 'counter', labels: ['level'], help: 'Lines that were logged: warn and error.' },
  countersign_event_loop_delay_seconds: {
    type: 'histogram',
    labels: [],
    help: 'How much later than it should have a timer fired, ten times a second.',
  },
  countersign_build_info: { type: 'gauge', labels: ['version', 'bun'], help: 'Always 1: which version this is.' },
  process_start_time_seconds: { type: 'gauge', labels: [], help: 'When the process started.' },
  process_resident_memory_bytes: { type: 'gauge', labels: [], help: 'Memory that the process holds.' },
  process_cpu_seconds_total: { type: 'counter', labels: [], help: 'Time that the process has used of processors.' },
} as const satisfies Record<string, MetricDefinition>

export type MetricName = keyof typeof METRICS
