/** What cannot even wait for its turn: too many wait already. The caller answers 503. */
export class TooManyWait extends Error {
  override name = 'TooManyWait'
}

/**
 * Runs few things at a time, the others in turn; too many that wait are refused.
 *
 * Security: what strangers can ask for is bounded here, in work under way and in memory that waits.
 */
export class Turns {
  readonly #waiting: (() => void)[] = []
  readonly #maxInFlight: number
  readonly #maxWaiting: number
  #inFlight = 0
  /** How often somebody could not even wait. */
  overflowCount = 0

  constructor(maxInFlight = 8, maxWaiting = 256) {
    this.#maxInFlight = maxInFlight
    this.#maxWaiting = maxWaiting
  }

  get runningCount(): number {
    return this.#inFlight
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  /** Rejects with `TooManyWait` when no more may wait. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const isFull = this.#inFlight >= this.#maxInFlight
    if (isFull && this.#waiting.length >= this.#maxWaiting) {
      this.overflowCount++
      throw new TooManyWait(`${this.#maxWaiting} wait already`)
    }
    if (isFull) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#inFlight++
    try {
      return await work()
    } finally {
      // The place is handed over, not freed, so that nobody can slip in before those who wait.
      const next = this.#waiting.shift()
      if (next === undefined) this.#inFlight--
      else next()
    }
  }
}
