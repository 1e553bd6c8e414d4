import { refText, type StoredCredential } from './credential.ts'
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

  constructor(monotonicMs: () => number) {
    this.#buckets = new TokenBuckets(monotonicMs, { burst: BURST, refillMs: REFILL_MS, max: MAX_OWNERS })
  }

  /** How long this one has to wait; 0: it may be revoked now, and is counted. */
  takeOrWaitMs({ kind, owner }: StoredCredential): number {
    if (kind !== 'at') return 0
    const key = refText(owner)
    const waitMs = this.#buckets.waitMs(key)
    if (waitMs === 0) this.#buckets.take(key)
    return waitMs
  }
}
