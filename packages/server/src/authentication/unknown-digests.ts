/** How long "there is no such credential" is believed without asking again. */
const BELIEVED_MS = 1000

/**
 * Digests that were looked up and not found, for at most a second, so that a hammering stranger costs one look-up a
 * second. Dropped whole on every change of a credential: a new key must never be hidden by an old answer.
 */
export class UnknownDigests {
  #young = new Set<string>()
  #old = new Set<string>()
  #turnedAtMs = 0

  constructor(
    private readonly monotonicMs: () => number,
    private readonly maxPerGeneration: number,
  ) {}

  has(digest: string): boolean {
    this.#turn()
    return this.#young.has(digest) || this.#old.has(digest)
  }

  add(digest: string): void {
    this.#turn()
    if (this.#young.size < this.maxPerGeneration) this.#young.add(digest)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }

  /** Two generations of half the time each: nothing is believed longer than the whole. */
  #turn(): void {
    const nowMs = this.monotonicMs()
    if (nowMs - this.#turnedAtMs < BELIEVED_MS / 2) return
    this.#old = nowMs - this.#turnedAtMs < BELIEVED_MS ? this.#young : new Set()
    this.#young = new Set()
    this.#turnedAtMs = nowMs
  }
}
