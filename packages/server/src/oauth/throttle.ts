// How often somebody may fail to authenticate as a client. Successes are not counted.

import { type Address, parseName } from '@countersign/resource-server'
import { dropOldest, TokenBuckets } from '../domain/token-buckets.ts'

/**
 * Failures that are let through at once: a fleet behind one address, restarted with a secret that expired, fails this
 * often before anybody has looked. No guess at 256 bits comes nearer by it.
 */
export const BURST = 50
/** One more every 3 seconds: 20 a minute, where a thousand are tried. */
export const REFILL_MS = 3000
/** Sources, and clients, of which failures are remembered: some 10 MB. */
const MAX_BUCKETS = 65_536

/** Where an attempt comes from and whom it names, as far as either is known. */
export type Attempt = { readonly source: string; readonly client: string }

/**
 * Counts failures by where they come from and by whom they name, on this node: n nodes let n times as many through.
 *
 * Security: both counts are the same for clients that there are and for those that there are not. What is not known, or
 * could be no client id, is counted as one. An attacker with more addresses than are remembered has more guesses; each
 * still costs an address.
 */
export class FailureThrottle {
  /** Those that were under way at once, before the first had failed, are paid for later: by as many at most. */
  readonly #sources: TokenBuckets
  readonly #clients: TokenBuckets
  /** Clients that showed a key at a source: what is known of them in memory, as a secret is. */
  readonly #proven = new Set<string>()
  readonly #max: number

  constructor(monotonicMs: () => number, max = MAX_BUCKETS) {
    const failures = { burst: BURST, refillMs: REFILL_MS, max }
    this.#sources = new TokenBuckets(monotonicMs, { ...failures, maxDebt: BURST })
    this.#clients = new TokenBuckets(monotonicMs, failures)
    this.#max = max
  }

  /** How many sources and clients are remembered. */
  get size(): number {
    return this.#sources.size + this.#clients.size + this.#proven.size
  }

  /** How long until the source may fail again; 0: it may now. */
  waitMs({ source }: Attempt): number {
    return this.#sources.waitMs(source)
  }

  /** Notes a failure. Says how long whoever it named may not fail any more; 0: it was one of those that may be. */
  noteFailure({ source, client }: Attempt): number {
    this.#sources.take(source)
    const isHeld = this.#clients.waitMs(client) > 0
    this.#clients.take(client)
    return isHeld ? this.#clients.waitMs(client) : 0
  }

  noteProven(attempt: Attempt): void {
    const key = pairOf(attempt)
    this.#proven.delete(key)
    this.#proven.add(key)
    if (this.#proven.size > this.#max) dropOldest(this.#proven)
  }

  wasProven(attempt: Attempt): boolean {
    return this.#proven.has(pairOf(attempt))
  }
}

/** Whom an attempt is counted for: an IPv4 address, the /64 of an IPv6 one, which is one subscriber. */
export function attemptOf(address: Address | undefined, clientId: string | undefined): Attempt {
  return { source: sourceOf(address), client: parseName(clientId ?? '') ?? '' }
}

function sourceOf(address: Address | undefined): string {
  if (address === undefined) return 'unknown'
  const { family, words } = address
  return family === 4 ? `4:${words[3]}` : `6:${words[0]}:${words[1]}`
}

function pairOf({ source, client }: Attempt): string {
  return `${source} ${client}`
}
