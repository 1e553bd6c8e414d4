import { Durations } from '../counting/durations.ts'

const EVERY_MS = 100

/** How late a timer fires: for so long nobody was answered, since all is done by one thread. */
export class EventLoopDelay {
  readonly durations = new Durations()
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(private readonly monotonicMs: () => number) {}

  start(): void {
    let lastMs = this.monotonicMs()
    this.#timer = setInterval(() => {
      const nowMs = this.monotonicMs()
      this.durations.add(Math.max(0, nowMs - lastMs - EVERY_MS))
      lastMs = nowMs
    }, EVERY_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
