// A verifier that never rests: it asks one server with one key, again and again, and says what it saw.
import type { Connection } from './connection.ts'

/**
 * Between an answer and the next request. Without it the watchers alone would take every core, and a database that
 * gets none says nothing of how servers follow it.
 */
const PAUSE_MS = 2

/** Told of each answer: its status, and when the request that it answers began. */
export type Seen = (status: number, startedMs: number) => void

type Watched = { readonly host: string; readonly key: string; readonly seen: Seen }

export class Watcher {
  asked = 0
  #watched: Watched | undefined
  #wake = Promise.withResolvers<void>()
  #isStopped = false
  readonly #finished: Promise<void>

  /** `connection`: nobody else may ask by it. */
  constructor(private readonly connection: Connection) {
    this.#finished = this.#run()
  }

  /** From now on it asks with this key, and `seen` hears of that alone. */
  watch(host: string, key: string, seen: Seen): void {
    this.#watched = { host, key, seen }
    this.#wake.resolve()
  }

  rest(): void {
    this.#watched = undefined
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#wake.resolve()
    this.connection.close()
    await this.#finished
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const watched = this.#watched
      if (watched === undefined) {
        await this.#wake.promise
        this.#wake = Promise.withResolvers()
        continue
      }
      const startedMs = performance.now()
      const answer = await this.connection.ask(watched.host, watched.key).catch(() => undefined)
      if (answer === undefined) return
      this.asked++
      if (this.#watched === watched) watched.seen(answer.status, startedMs)
      await Bun.sleep(PAUSE_MS)
    }
  }
}
