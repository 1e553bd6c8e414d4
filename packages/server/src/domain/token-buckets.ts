export type BucketOptions = {
  /** How often one may take at once. */
  readonly burst: number
  /** How long until one may take once more. */
  readonly refillMs: number
  /** How many buckets are remembered. */
  readonly max: number
  /** How far below empty a bucket may be taken. */
  readonly maxDebt?: number
}

/**
 * Token buckets by key (a GCRA: one number each), on this node. Not kept for ever: past the bound the one that was taken
 * from longest ago is full again.
 */
export class TokenBuckets {
  /** When the bucket is full again. */
  readonly #fullAtMs = new Map<string, number>()

  constructor(
    private readonly monotonicMs: () => number,
    private readonly options: BucketOptions,
  ) {}

  get size(): number {
    return this.#fullAtMs.size
  }

  /** How long until there is something to take; 0: there is. */
  waitMs(key: string): number {
    const { burst, refillMs } = this.options
    const fullAtMs = this.#fullAtMs.get(key) ?? Number.NEGATIVE_INFINITY
    return Math.max(0, fullAtMs - this.#nowMs() - (burst - 1) * refillMs)
  }

  take(key: string): void {
    const { burst, refillMs, max, maxDebt = 0 } = this.options
    const nowMs = this.#nowMs()
    const fullAtMs = Math.max(this.#fullAtMs.get(key) ?? nowMs, nowMs) + refillMs
    this.#fullAtMs.delete(key)
    this.#fullAtMs.set(key, Math.min(fullAtMs, nowMs + (burst + maxDebt) * refillMs))
    if (this.#fullAtMs.size > max) dropOldest(this.#fullAtMs)
  }

  /** Undoes a `take`. */
  giveBack(key: string): void {
    const fullAtMs = this.#fullAtMs.get(key)
    if (fullAtMs !== undefined) this.#fullAtMs.set(key, fullAtMs - this.options.refillMs)
  }

  /** Whole milliseconds: sums of fractions are rounded, by which the last one of a burst would often have to wait. */
  #nowMs(): number {
    return Math.floor(this.monotonicMs())
  }
}

/** Of what stands in the order in which it was kept. */
export function dropOldest(kept: Set<string> | Map<string, number>): void {
  const [oldest] = kept.keys()
  if (oldest !== undefined) kept.delete(oldest)
}
