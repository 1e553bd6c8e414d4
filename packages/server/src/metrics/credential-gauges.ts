import { ISSUED_KINDS } from '@countersign/resource-server'
import { Gauge, type Registry } from 'prom-client'
import type { CredentialCount } from '../store/credential-counts.ts'
import { METRICS, type MetricName } from './definitions.ts'

/** How soon a credential ends, for whoever watches that nothing in production does so by surprise. */
export const WITHIN_DAYS = [1, 7, 14, 30] as const

/** Counting reads every credential: once a minute at most, and never for more than a twentieth of the time. */
const FRESH_MS = 60_000
const REST = 20

export type CredentialGaugesDeps = {
  readonly count: () => Promise<readonly CredentialCount[]>
  readonly clock: () => Date
  readonly monotonicMs: () => number
  /** Told when they could not be counted: the last figures stay, and say of when they are. */
  readonly onError: (error: unknown) => void
}

/**
 * What there is of credentials: how many, how many came from elsewhere, how many end soon.
 *
 * Security: labels are kinds, days and registered prefixes, each a short list. No id, no owner, no hint.
 */
export class CredentialGauges {
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #counting: Promise<void> | undefined
  readonly #total: Gauge<'kind' | 'imported'>
  readonly #expiring: Gauge<'kind' | 'within'>
  readonly #foreign: Gauge<'prefix'>
  readonly #countedAt: Gauge

  constructor(
    registry: Registry,
    private readonly deps: CredentialGaugesDeps,
  ) {
    const registers = [registry]
    this.#total = new Gauge({
      registers,
      ...definitionOf('countersign_credentials'),
    })
    this.#expiring = new Gauge({
      registers,
      ...definitionOf('countersign_credentials_expiring'),
    })
    this.#foreign = new Gauge({
      registers,
      ...definitionOf('countersign_foreign_prefix_credentials'),
    })
    this.#countedAt = new Gauge({
      registers,
      ...definitionOf('countersign_credentials_counted_timestamp_seconds'),
    })
  }

  /** Counts anew, unless that was done a short while ago. Whoever comes meanwhile waits for the same count. */
  refresh(): Promise<void> {
    if (this.#counting === undefined && this.deps.monotonicMs() < this.#notBeforeMs) return Promise.resolve()
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined
    })
    return this.#counting
  }

  async #count(): Promise<void> {
    const { count, clock, monotonicMs, onError } = this.deps
    const startedMs = monotonicMs()
    try {
      const countedAt = clock()
      this.#show(await count(), countedAt)
    } catch (error) {
      onError(error)
    }
    const tookMs = monotonicMs() - startedMs
    this.#notBeforeMs = startedMs + Math.max(FRESH_MS, REST * tookMs)
  }

  #show(counts: readonly CredentialCount[], countedAt: Date): void {
    for (const gauge of [this.#total, this.#expiring, this.#foreign]) gauge.reset()
    for (const kind of ISSUED_KINDS) {
      for (const imported of ['true', 'false']) this.#total.set({ kind, imported }, 0)
      for (const days of WITHIN_DAYS) this.#expiring.set({ kind, within: `${days}d` }, 0)
    }
    for (const { kind, importedFrom, standing, expiring } of counts) {
      this.#total.inc({ kind, imported: String(importedFrom !== null) }, standing)
      for (const [at, days] of WITHIN_DAYS.entries()) this.#expiring.inc({ kind, within: `${days}d` }, expiring[at])
      if (importedFrom !== null) this.#foreign.inc({ prefix: importedFrom }, standing)
    }
    this.#countedAt.set(Math.floor(countedAt.getTime() / 1000))
  }
}

function definitionOf(name: MetricName) {
  const { help, labels } = METRICS[name]
  return { name, help, labelNames: labels }
}
