import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { BUCKETS_MS, type Durations } from '../counting/durations.ts'
import type { Row } from '../counting/tally.ts'
import { METRICS, type MetricName } from './definitions.ts'

type ReadRows = () => Iterable<Row>
type ReadDurations = () => Iterable<readonly [labels: readonly string[], durations: Durations]>
type Value = { value: number; labels: Record<string, string>; metricName?: string }

/**
 * What `/metrics` shows. Whoever counts does so by itself, in plain numbers; they are read when somebody asks, so that
 * no request pays for being counted. All hangs on this one registry, never on the global one of the library.
 *
 * Security: whoever reads it needs no credential. Nothing that names a caller belongs into a label.
 */
export class Metrics {
  readonly registry = new Registry()
  readonly #refreshed: (() => Promise<void>)[] = []

  /** What is asked for before figures are read, and may take a while. */
  before(refresh: () => Promise<void>): void {
    this.#refreshed.push(refresh)
  }

  /** A figure of several rows. */
  rows(name: MetricName, read: ReadRows): void {
    const { type } = METRICS[name]
    const shown = type === 'counter' ? new ShownCounter(name, read) : new ShownGauge(name, read)
    this.registry.registerMetric(shown)
  }

  /** A figure of one number; undefined: there is none now. */
  number(name: MetricName, read: () => number | undefined): void {
    this.rows(name, () => {
      const value = read()
      return value === undefined ? [] : [[[], value]]
    })
  }

  durations(name: MetricName, read: ReadDurations): void {
    this.registry.registerMetric(new ShownDurations(name, read))
  }

  /** In the text format of Prometheus. */
  async answer(): Promise<Response> {
    await Promise.all(this.#refreshed.map((refresh) => refresh()))
    const headers = { 'Content-Type': this.registry.contentType, 'Cache-Control': 'no-store' }
    return new Response(await this.registry.metrics(), { headers })
  }
}

function settingsOf(name: MetricName) {
  const { help, labels } = METRICS[name]
  return { name, help, labelNames: [...labels], registers: [] }
}

function valuesOf(name: MetricName, rows: Iterable<Row>): Value[] {
  const { labels } = METRICS[name]
  return Array.from(rows, ([texts, value]) => ({ value, labels: labelled(labels, texts) }))
}

function labelled(names: readonly string[], texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, at) => [name, texts[at] ?? '']))
}

class ShownCounter extends Counter<string> {
  constructor(
    private readonly named: MetricName,
    private readonly read: ReadRows,
  ) {
    super(settingsOf(named))
  }

  override async get() {
    return { ...(await super.get()), values: valuesOf(this.named, this.read()) }
  }
}

class ShownGauge extends Gauge<string> {
  constructor(
    private readonly named: MetricName,
    private readonly read: ReadRows,
  ) {
    super(settingsOf(named))
  }

  override async get() {
    return { ...(await super.get()), values: valuesOf(this.named, this.read()) }
  }
}

class ShownDurations extends Histogram<string> {
  constructor(
    private readonly named: MetricName,
    private readonly read: ReadDurations,
  ) {
    super(settingsOf(named))
  }

  /** What the library asks of histograms in place of `get`. */
  async getForPromString() {
    const { name, help } = settingsOf(this.named)
    return { name, help, type: 'histogram', values: Array.from(this.read()).flatMap((one) => this.#valuesOf(...one)) }
  }

  #valuesOf(texts: readonly string[], durations: Durations): Value[] {
    const labels = labelled(METRICS[this.named].labels, texts)
    const counts = durations.cumulative()
    const count = counts.at(-1) ?? 0
    const bounds = [...BUCKETS_MS.map((ms) => String(ms / 1000)), '+Inf']
    return [
      ...bounds.map((le, at) => ({
        value: counts[at] ?? 0,
        labels: { le, ...labels },
        metricName: `${this.named}_bucket`,
      })),
      { value: durations.sumMs / 1000, labels, metricName: `${this.named}_sum` },
      { value: count, labels, metricName: `${this.named}_count` },
    ]
  }
}
