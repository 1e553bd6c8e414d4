/** What runs beside requests, again and again. A turn that fails is told, and the next one comes all the same. */
export class Background {
  readonly #timers: ReturnType<typeof setInterval>[] = []

  constructor(private readonly onError: (error: unknown) => void) {}

  every(intervalMs: number, work: () => Promise<void>): void {
    const timer = setInterval(() => void work().catch(this.onError), intervalMs)
    timer.unref()
    this.#timers.push(timer)
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }
}
