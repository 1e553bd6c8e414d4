/** What runs beside requests, again and again. A turn that fails is told, and the next one comes all the same. */
export class Background {
  readonly #timers: ReturnType<typeof setInterval>[] = []

  #isStopped = false

  constructor(private readonly onError: (error: unknown) => void) {}

  every(intervalMs: number, work: () => Promise<void>): void {
    const timer = setInterval(() => this.#take(work), intervalMs)
    timer.unref()
    this.#timers.push(timer)
  }

  /** The first turn is taken at once. */
  everyFromNow(intervalMs: number, work: () => Promise<void>): void {
    this.#take(work)
    this.every(intervalMs, work)
  }

  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers) clearInterval(timer)
  }

  #take(work: () => Promise<void>): void {
    void work().catch((error: unknown) => {
      // What it worked on was closed: nothing failed.
      if (!this.#isStopped) this.onError(error)
    })
  }
}
