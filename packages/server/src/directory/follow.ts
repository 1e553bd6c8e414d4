import type { Position } from '../store/change-log.ts'
import type { Directory } from './directory.ts'
import type { Held, RevisionSource } from './revision-source.ts'

/** How long what the directory holds may be used without the database having confirmed the revision. */
const LEASE_MS = 5000
const POLL_MS = 500
/** How long before the end of the lease others should be asked instead: as long as a proxy takes to notice. */
const LATE_MS = 2500

export type FollowerDeps = {
  readonly directory: Directory
  readonly source: RevisionSource
  readonly monotonicMs: () => number
  /** Told which credentials changed, before the directory shows the revision; undefined: any may have. */
  readonly forget: (credentials: readonly string[] | undefined) => void
  /** Told when a key is no longer published that signed tokens, before the directory shows that. */
  readonly forgetTokens: () => void
  /** Told when nobody asked and the database did not answer. */
  readonly onError: (error: unknown) => void
  /** Told when the directory has moved. */
  readonly onMoved?: () => void
  /** For how much longer than the lease an operator has stale answers rather than none. 0 if not said. */
  readonly staleGraceMs?: number
}

/**
 * Keeps the directory at the database's revision: by a poll, when somebody says that it moved, and at once after a
 * change of this node's own.
 *
 * Security: revocation is bounded by this. What is confirmed is remembered by a monotonic clock and judged when it
 * is used, so a node that stood still cannot answer from what it held before. Being told is a hurry and no more: what
 * is lost on the way is found by the poll.
 */
export class Follower {
  #confirmedAtMs = Number.NEGATIVE_INFINITY
  #held: Held | undefined
  #running: Promise<void> | undefined
  /** What begins when the running question has its answer. */
  #next: Promise<void> | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  readonly #deps: FollowerDeps
  /** How long what was confirmed may be answered from. */
  readonly leaseMs: number

  constructor(deps: FollowerDeps) {
    this.#deps = deps
    this.leaseMs = LEASE_MS + (deps.staleGraceMs ?? 0)
  }

  /** True while the lease holds. `nowMs`: for whoever has just looked at the monotonic clock. */
  isConfirmed(nowMs = this.#deps.monotonicMs()): boolean {
    return nowMs - this.#confirmedAtMs < this.leaseMs
  }

  /** True when the lease is about to end, or has ended. */
  isLate(): boolean {
    return this.unconfirmedMs() >= this.leaseMs - LATE_MS
  }

  /** True while answers rest on what was confirmed longer ago than anybody is promised: within the grace alone. */
  isStale(): boolean {
    return this.unconfirmedMs() >= LEASE_MS && this.isConfirmed()
  }

  /** How long ago the database was asked that last confirmed the revision. Infinite: never. */
  unconfirmedMs(): number {
    return this.#deps.monotonicMs() - this.#confirmedAtMs
  }

  /**
   * Asks the database for its revision and takes over what changed. Throws when the database cannot be asked.
   *
   * Who comes while somebody asks shares the next question with all others who do: one that begins after they came.
   */
  confirm(): Promise<void> {
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#begin()
    this.#next = this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#begin()
      })
    return this.#next
  }

  #begin(): Promise<void> {
    this.#running = this.#catchUp().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /**
   * Returns once the directory counts with a change that was committed before it was called. Always asks: by its number
   * alone a revision cannot be told from one that a database gave out before it lost its last changes.
   */
  async reach(revision: number): Promise<void> {
    await this.confirm()
    if (this.#deps.directory.revision >= revision) return
    throw new Error(`the database is at revision ${this.#deps.directory.revision} and no longer knows of ${revision}`)
  }

  /** The poll: asks, unless a question is under way. */
  poll(): void {
    if (this.#running === undefined) this.confirm().catch(this.#deps.onError)
  }

  /** Somebody says that the database is at `revision`; undefined: that it may have moved. */
  wake(revision: number | undefined): void {
    if (revision === undefined || revision > this.#deps.directory.revision) this.confirm().catch(this.#deps.onError)
  }

  start(): void {
    this.#timer = setInterval(() => this.poll(), POLL_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #catchUp(): Promise<void> {
    const { monotonicMs, source, forget, forgetTokens, directory, onMoved } = this.#deps
    const askedAtMs = monotonicMs()
    if (!isSame(await source.position(), this.#held?.position)) {
      const { update, held } = await source.updateSince(this.#held)
      forget(update.everything ? undefined : update.credentials)
      // What a key vouched for that is no longer published must not be believed on.
      if (update.signingKeys !== undefined && isAnyGone(directory.signingKeys(), update.signingKeys)) forgetTokens()
      directory.apply(update)
      this.#held = held
      onMoved?.()
    }
    this.#confirmedAtMs = askedAtMs
  }
}

type Key = { readonly kid: string }

function isAnyGone(before: readonly Key[], after: readonly Key[]): boolean {
  const kids = new Set(after.map(({ kid }) => kid))
  return before.some(({ kid }) => !kids.has(kid))
}

function isSame(one: Position, other: Position | undefined): boolean {
  return one.revision === other?.revision && one.stamp === other.stamp
}
