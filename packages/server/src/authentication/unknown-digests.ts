/** How long "there is no such credential" is believed without asking again. */
const BELIEVED_MS = 1000

/**
 * Digests that were looked up and not found, for at most a second, so that a hammering stranger costs one look-up a
 * second. Dropped whole on every change of a credential: a new key must never be hidden by an old answer.
 */
export class UnknownDigests {
  /** Digest → when it was not found; in the order of that time. */
  readonly #notFoundAtMs = new Map<string, number>()

  constructor(
    private readonly monotonicMs: () => number,
    private readonly max: number,
  ) {}

  get size(): number {
    return this.#notFoundAtMs.size
  }

  has(digest: string): boolean {
    const atMs = this.#notFoundAtMs.get(digest)
    return atMs !== undefined && this.monotonicMs() - atMs < BELIEVED_MS
  }

  add(digest: string): void {
    // Deleted first, so that the oldest stay in front.
    this.#notFoundAtMs.delete(digest)
    if (this.#notFoundAtMs.size >= this.max) this.#dropOldest()
    this.#notFoundAtMs.set(digest, this.monotonicMs())
  }

  clear(): void {
    this.#notFoundAtMs.clear()
  }

  #dropOldest(): void {
    const [oldest] = this.#notFoundAtMs.keys()
    if (oldest !== undefined) this.#notFoundAtMs.delete(oldest)
  }
}
