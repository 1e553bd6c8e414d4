/** Absent: the bench's own default. */
export type BenchOptions = {
  readonly seconds: number | undefined
  readonly rounds: number | undefined
  readonly keys: number | undefined
  readonly users: number | undefined
  readonly tokens: number | undefined
  readonly sockets: number | undefined
  /** On a PostgreSQL of its own, where a bench can be on either engine. */
  readonly postgres: boolean
  /** Tells the person who waits; never part of the result. */
  readonly say: (text: string) => void
}

export type Bench = (options: BenchOptions) => Promise<Report>

/** How something did beside something else of the same run. */
export type Comparison = { readonly to: string; readonly ratio: number }

export type Measurement = {
  readonly case: string
  /** The median of the rounds. */
  readonly value: number
  /** What the middle half of the rounds spans, as a part of the median; undefined where there is one value alone. */
  readonly spread: number | undefined
  readonly unit: string
  readonly comparisons: readonly Comparison[]
}

/** Something that was promised, and whether this run kept it. */
export type Target = { readonly says: string; readonly isMet: boolean }

export type Report = {
  readonly bench: string
  /** What was measured, on what, in one sentence. */
  readonly setting: string
  readonly measurements: readonly Measurement[]
  readonly targets: readonly Target[]
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Interpolated between the two nearest values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

/** The measurement of one case from the values of its rounds. */
export function measured(
  name: string,
  unit: string,
  rounds: readonly number[],
  comparisons: readonly Comparison[] = [],
): Measurement {
  const value = median(rounds)
  const spread = rounds.length < 2 ? undefined : (quantile(rounds, 0.75) - quantile(rounds, 0.25)) / value
  return { case: name, value, spread, unit, comparisons }
}

/** The median of round-by-round ratios: what disturbed a round disturbed both sides of it. */
export function ratioOfRounds(rounds: readonly number[], to: readonly number[]): number {
  return median(rounds.map((value, round) => value / (to[round] ?? Number.NaN)))
}
