// One revocation on one of several servers: what each of them still allowed, measured from the acknowledgement.
import type { ClusterNode } from '../support/cluster.ts'
import { until } from '../support/wait.ts'
import { Delays } from './delays.ts'
import type { Issued } from './furnished-cluster.ts'
import type { Violations } from './outcome.ts'
import type { Watcher } from './watcher.ts'

/** The promise, as far as it is about each one. */
export const MAX_MS = 2000
/** How long it is watched after it is in force everywhere, at most. */
const LONGEST_AFTERWARDS_MS = 100
/** How many answers in a row have to refuse it before it counts as refused at a server. */
const REFUSALS = 3

/** A server, and somebody who asks it all the time. */
export type Seat = { readonly node: ClusterNode; readonly watcher: Watcher }

export type Tally = {
  readonly delays: Delays
  readonly kinds: Map<string, Delays>
  unclear: number
  readonly violations: Violations
}

export class Trial {
  /** When the last request began that was allowed there. */
  readonly #allowedMs: number[]
  readonly #refusals: number[]

  /** Begins to watch at every seat. */
  constructor(
    readonly what: string,
    readonly issued: Issued,
    private readonly seats: readonly Seat[],
    private readonly tally: Tally,
  ) {
    this.#allowedMs = seats.map(() => Number.NEGATIVE_INFINITY)
    this.#refusals = seats.map(() => 0)
    for (const [at, { watcher }] of seats.entries()) {
      watcher.watch(issued.host, issued.key, (status, startedMs) => this.#see(at, status, startedMs))
    }
  }

  #see(at: number, status: number, startedMs: number): void {
    if (status === 200) {
      this.#allowedMs[at] = startedMs
      this.#refusals[at] = 0
      return
    }
    // Until then a server may not know what was made for it on another one.
    if (this.#allowedMs[at] === Number.NEGATIVE_INFINITY) return
    if (status === 401) this.#refusals[at] = (this.#refusals[at] ?? 0) + 1
    else if (status === 503) this.tally.unclear++
    else this.tally.violations.add(`${this.what}: ${status}`)
  }

  /** Returns when every server has allowed it. */
  async warm(): Promise<void> {
    await until(`${this.what} to be known everywhere`, () => this.#allowedMs.every(Number.isFinite))
  }

  /** Watches until every server refuses it, and a little longer. It was acknowledged by the server of the seat `at`. */
  async judge(at: number, acknowledgedMs: number): Promise<void> {
    const { violations, delays, kinds } = this.tally
    const complain = (complaint: string) => violations.add(`${this.what}, ${this.issued.id}: ${complaint}`)
    const isRefused = () => this.#refusals.every((count) => count >= REFUSALS)
    await until('it to be refused', isRefused, 5 * MAX_MS).catch(() => complain('not refused everywhere'))
    await Bun.sleep(Math.random() * LONGEST_AFTERWARDS_MS)
    for (const { watcher } of this.seats) watcher.rest()

    const afterMs = this.#allowedMs.map((startedMs) => startedMs - acknowledgedMs)
    if ((afterMs[at] ?? 0) > 0) complain('allowed on the same server, to a request that began afterwards')
    const delayMs = Math.max(...afterMs.filter((_, seat) => seat !== at))
    if (delayMs > MAX_MS) complain(`allowed on another server ${Math.round(delayMs)} ms afterwards`)
    delays.add(delayMs)
    const ofKind = kinds.get(this.what) ?? new Delays()
    ofKind.add(delayMs)
    kinds.set(this.what, ofKind)
  }
}
