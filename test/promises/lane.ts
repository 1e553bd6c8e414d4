// A verifier that asks when it is told to, and one that never rests: what P1 is tried with.
import type { Connection } from './connection.ts'
import type { Violations } from './outcome.ts'

/** What a verifier hammers; once `acknowledged`, whatever it starts must be refused. */
export type Target = { readonly key: string; readonly what: string; acknowledged: boolean }

/**
 * A key's place: an administrator, a verifier that asks when it is told to, and one that hammers the key all the time,
 * each on a connection of its own.
 */
export type Lane = { readonly admin: Connection; readonly verifier: Connection; readonly hammer: Hammer }

export type Tally = {
  trials: number
  changes: number
  hammered: number
  unclear: number
  readonly violations: Violations
}

/** A verifier that never rests while it has a target. */
export class Hammer {
  #target: Target | undefined
  #wake = Promise.withResolvers<void>()
  #idle = Promise.withResolvers<void>()
  #stopped = false
  readonly finished: Promise<void>

  constructor(
    private readonly connection: Connection,
    private readonly host: string,
    private readonly tally: Tally,
  ) {
    this.finished = this.#run()
  }

  aimAt(target: Target): void {
    this.#target = target
    this.#idle = Promise.withResolvers()
    this.#wake.resolve()
  }

  /** Returns when nothing is under way. */
  async rest(): Promise<void> {
    if (this.#target === undefined) return
    this.#target = undefined
    await this.#idle.promise
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#target = undefined
    this.#wake.resolve()
    await this.finished
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const target = this.#target
      if (target === undefined) {
        this.#idle.resolve()
        await this.#wake.promise
        this.#wake = Promise.withResolvers()
        continue
      }
      const mustBeRefused = target.acknowledged
      const { status } = await this.connection.ask(this.host, target.key)
      this.tally.hammered++
      if (status === 200 && mustBeRefused) this.tally.violations.add(`${target.what}: a later request got 200`)
      if (status >= 500) this.tally.unclear++
    }
    this.#idle.resolve()
  }
}
