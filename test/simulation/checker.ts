import { type Database, passesUntil } from './database.ts'
import { type Answer, EPOCH_MS, type Node } from './node.ts'

/** P3: what a node may be behind, whatever fails. */
const LEASE_MS = 5000
/** P2: what it may be behind while nothing fails. */
const CALM_MS = 1000
/** How long after the last failure P2 holds again: a question that hangs has to be given up first. */
const RECOVERY_MS = 6000

/**
 * Holds each answer to what the database was: an answer is right when some state gives it that was the newest at a moment
 * between as long before the question as is promised, and the answer. What a node acknowledged itself it may not forget.
 */
export class Checker {
  readonly #violations: string[] = []
  #asked = 0
  #allowed = 0
  /** The newest state that a node has said to count with. */
  readonly #acknowledged = new Map<string, number>()
  readonly #disturbedAtMs = new Map<Node, number>()

  constructor(private readonly database: Database) {}

  acknowledged(node: Node, committed: number): void {
    this.#acknowledged.set(node.name, Math.max(committed, this.#acknowledged.get(node.name) ?? 0))
  }

  disturbed(node: Node, nowMs: number): void {
    this.#disturbedAtMs.set(node, nowMs)
  }

  report(violation: string): void {
    this.#violations.push(violation)
  }

  /** A question begins; to be called with its answer. */
  asks(node: Node, text: string, startMs: number) {
    const mendedMs = Math.max(node.frozenUntilMs, this.#disturbedAtMs.get(node) ?? Number.NEGATIVE_INFINITY)
    const isCalm = node.link.state === 'up' && startMs - mendedMs > RECOVERY_MS
    const from = Math.max(
      this.#newestAt(startMs - (isCalm ? CALM_MS : LEASE_MS)),
      this.#acknowledged.get(node.name) ?? 0,
    )
    return (answer: Answer, endMs: number, mustBeClear: boolean) => {
      this.#asked++
      if (answer === 'allowed') this.#allowed++
      if (answer === 'cannot tell') {
        if (mustBeClear) this.report(`${node.name} at ${startMs}: cannot tell, long after the last failure`)
        return
      }
      const to = this.#newestAt(endMs)
      for (let at = from; at <= to; at++) {
        const state = this.database.history[at]?.state
        if (state === undefined) break
        const untilMs = passesUntil(state, text)
        const passes = untilMs > 0 && EPOCH_MS + startMs < untilMs
        // It may have ended while the question was under way.
        if (answer === 'allowed' ? passes : !passes || EPOCH_MS + endMs >= untilMs) return
      }
      this.report(
        `${node.name} at ${startMs} to ${endMs}: ${answer}, of states ${from} to ${to} of which none gives that`,
      )
    }
  }

  told() {
    return { violations: this.#violations, asked: this.#asked, allowed: this.#allowed }
  }

  /** The state that was the newest at a moment. */
  #newestAt(ms: number): number {
    const { history } = this.database
    let at = history.length - 1
    while (at > 0 && (history[at]?.fromMs ?? 0) > ms) at--
    return at
  }
}
