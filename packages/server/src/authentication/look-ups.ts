/** A look-up that cannot even wait: too many wait already. The caller answers 503. */
export class LookUpsBusy extends Error {
  override name = 'LookUpsBusy'
}

/**
 * Runs look-ups, few at a time: one for all who ask for the same key at once, a bounded queue for the others.
 *
 * Security: joined by the full digest of the credential, never by a part of it: a collision would be a swap of identities.
 */
export class LookUps<T> {
  readonly #running = new Map<string, Promise<T>>()
  readonly #waiting: (() => void)[] = []
  #inFlight = 0

  constructor(
    private readonly find: (key: string) => Promise<T>,
    private readonly maxInFlight = 8,
    private readonly maxWaiting = 256,
  ) {}

  get(key: string): Promise<T> {
    const joined = this.#running.get(key)
    if (joined !== undefined) return joined
    if (this.#inFlight >= this.maxInFlight && this.#waiting.length >= this.maxWaiting) {
      return Promise.reject(new LookUpsBusy(`${this.maxWaiting} look-ups wait already`))
    }
    const running = this.#run(key).finally(() => this.#running.delete(key))
    this.#running.set(key, running)
    return running
  }

  async #run(key: string): Promise<T> {
    if (this.#inFlight >= this.maxInFlight) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#inFlight++
    try {
      return await this.find(key)
    } finally {
      // The place is handed over, not freed, so that nobody can slip in before those who wait.
      const next = this.#waiting.shift()
      if (next === undefined) this.#inFlight--
      else next()
    }
  }
}
