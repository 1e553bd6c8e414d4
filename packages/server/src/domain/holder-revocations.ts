import { type BelievedCredential, refText } from './credential.ts'
import { TokenBuckets } from './token-buckets.ts'

/**
 * Of one owner, at once: those of a fleet of two hundred that is shut down. A larger one is told when to come back, and
 * what it does not wait for expires by itself soon: access tokens live for minutes.
 */
export const BURST = 200
/** And then one more each second. */
const REFILL_MS = 1000
const MAX_OWNERS = 65_536

/**
 * How many access tokens their holders may revoke, by owner, on this node.
 *
 * Security: a client can have as many access tokens as it likes, and whoever holds one may have it revoked. Each that is
 * revoked is written down, told to all nodes and, if it is a JWT, remembered until it ends: without a bound one client
 * could keep all nodes busy. Other kinds are not counted, since each of those is a change when it is made; nor is what
 * administrators revoke.
 */
export class HolderRevocations {
  readonly #buckets: TokenBuckets
  /** By the id of what is being revoked. */
  readonly #underWay = new Map<string, Promise<boolean>>()

  constructor(monotonicMs: () => number) {
    this.#buckets = new TokenBuckets(monotonicMs, { burst: BURST, refillMs: REFILL_MS, max: MAX_OWNERS })
  }

  /**
   * Has a credential revoked by `revoke`, which says whether it was live. A number: not now, but in so many milliseconds.
   *
   * Who asks while it is being revoked is answered with whoever asked first. Nothing is counted of what failed.
   */
  run({ id, kind, owner }: BelievedCredential, revoke: () => Promise<boolean>): Promise<boolean> | number {
    const joined = this.#underWay.get(id)
    if (joined !== undefined) return joined
    const key = kind === 'at' || kind === 'jwt' ? refText(owner) : undefined
    const waitMs = key === undefined ? 0 : this.#buckets.waitMs(key)
    if (waitMs > 0) return waitMs
    if (key !== undefined) this.#buckets.take(key)
    const running = revoke()
      .catch((error: unknown) => {
        if (key !== undefined) this.#buckets.giveBack(key)
        throw error
      })
      .finally(() => this.#underWay.delete(id))
    this.#underWay.set(id, running)
    return running
  }
}
