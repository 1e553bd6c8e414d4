/** In milliseconds: from what memory answers to what nobody waits for. */
export const BUCKETS_MS: readonly number[] = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000,
]

/** How long something took, each time: how often within each bucket, and in all. Adding allocates nothing. */
export class Durations {
  /** Each counted in its own bucket alone; one more than there are bounds. */
  readonly #counts: number[] = new Array(BUCKETS_MS.length + 1).fill(0)
  sumMs = 0

  add(tookMs: number): void {
    let at = 0
    while (at < BUCKETS_MS.length && tookMs > (BUCKETS_MS[at] as number)) at++
    this.#counts[at] = (this.#counts[at] as number) + 1
    this.sumMs += tookMs
  }

  /** How many took at most as long as each bound, in the order of the bounds, and then how many there were. */
  cumulative(): number[] {
    let sum = 0
    return this.#counts.map((count) => {
      sum += count
      return sum
    })
  }
}
