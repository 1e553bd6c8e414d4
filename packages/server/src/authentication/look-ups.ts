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
  #inFlight = 0

  constructor(
    private readonly maxInFlight = 8,
    private readonly maxWaiting = 256,
  ) {}

  /** Rejects with `TooManyWait` when no more may wait. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const isFull = this.#inFlight >= this.maxInFlight
    if (isFull && this.#waiting.length >= this.maxWaiting) {
      throw new TooManyWait(`${this.maxWaiting} wait already`)
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

/**
 * Runs look-ups, few at a time: one for all who ask for the same key at once, a bounded queue for the others.
 *
 * Security: joined by the full digest of the credential, never by a part of it: a collision would be a swap of identities.
 */
export class LookUps<T> {
  readonly #running = new Map<string, Promise<T>>()
  readonly #turns: Turns

  constructor(
    private readonly find: (key: string) => Promise<T>,
    maxInFlight?: number,
    maxWaiting?: number,
  ) {
    this.#turns = new Turns(maxInFlight, maxWaiting)
  }

  get(key: string): Promise<T> {
    const joined = this.#running.get(key)
    if (joined !== undefined) return joined
    const running = this.#turns.take(() => this.find(key)).finally(() => this.#running.delete(key))
    this.#running.set(key, running)
    return running
  }
}
