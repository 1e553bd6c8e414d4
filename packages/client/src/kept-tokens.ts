import type { AccessToken } from './access-token.ts'
import { Flight } from './flight.ts'
import { type Clock, fraction, type Random } from './runtime.ts'
import type { Wanted } from './token-request.ts'
import { TokenRequestError } from './token-request-error.ts'

const MAX_ENTRIES = 1000
/** No server, and no clock that jumped, holds us off for longer. */
const MAX_HOLD_SECONDS = 300
/** A token is not sent in its last moments: it would end on the way. At most this long, and 5 % of its life. */
const LAST_MOMENTS_SECONDS = 10

/** How a token is asked for, beside what it is for. */
export type Asking = {
  readonly fresh?: boolean | undefined
  readonly refused?: AccessToken | undefined
  readonly signal?: AbortSignal | undefined
}

export type KeptTokensOptions = {
  readonly request: (wanted: Wanted, signal: AbortSignal) => Promise<AccessToken>
  readonly now: Clock
  readonly random: Random
}

/** Times are milliseconds since 1970. */
type Entry = {
  token: AccessToken | undefined
  refreshAt: number
  usableUntil: number
  flight: Flight<AccessToken> | undefined
  /** The server asked to be left alone until then. */
  heldUntil: number
  heldBy: TokenRequestError | undefined
}

/**
 * The tokens that are kept: one for each resource and set of scopes, and one request at a time for each.
 *
 * Past 70 to 80 % of its life (by chance, so that many callers do not come together) a token is refreshed behind the
 * calls, which go on with the old one; a refresh that fails is tried again later and harms nobody while the old one lives.
 */
export class KeptTokens {
  readonly #options: KeptTokensOptions
  readonly #entries = new Map<string, Entry>()

  constructor(options: KeptTokensOptions) {
    this.#options = options
  }

  async token(wanted: Wanted, { fresh = false, refused, signal }: Asking): Promise<AccessToken> {
    signal?.throwIfAborted()
    const entry = this.#entryOf(wanted)
    const at = this.#now()
    // A refused token is of no use to the other callers either.
    if (refused !== undefined && entry.token?.token === refused.token) entry.token = undefined
    if (entry.token !== undefined && at < entry.usableUntil && !fresh) {
      if (at >= entry.refreshAt) this.#refreshBehind(entry, wanted)
      return entry.token
    }
    if (entry.heldBy !== undefined && at < entry.heldUntil) throw stillHeld(entry.heldBy, entry.heldUntil - at)
    return this.#flightOf(entry, wanted).join(signal)
  }

  #refreshBehind(entry: Entry, wanted: Wanted): void {
    if (entry.flight !== undefined || this.#now() < entry.heldUntil) return
    this.#flightOf(entry, wanted)
      .join()
      .catch(() => {
        const pauseSeconds = 5 * (1 + fraction(this.#options.random))
        entry.refreshAt = Math.max(entry.refreshAt, this.#now() + pauseSeconds * 1000)
      })
  }

  #flightOf(entry: Entry, wanted: Wanted): Flight<AccessToken> {
    if (entry.flight !== undefined && !entry.flight.isAbandoned) return entry.flight
    const flight = new Flight(async (signal) => {
      try {
        const token = await this.#options.request(wanted, signal)
        this.#keep(entry, token)
        return token
      } catch (error) {
        this.#hold(entry, error)
        throw error
      } finally {
        if (entry.flight === flight) entry.flight = undefined
      }
    })
    entry.flight = flight
    return flight
  }

  #keep(entry: Entry, token: AccessToken): void {
    const at = this.#now()
    const end = token.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY
    const life = end - at
    entry.token = token
    entry.refreshAt = at + life * (0.8 - 0.1 * fraction(this.#options.random))
    entry.usableUntil = end - Math.min(LAST_MOMENTS_SECONDS * 1000, life * 0.05)
    entry.heldBy = undefined
    entry.heldUntil = 0
  }

  #hold(entry: Entry, error: unknown): void {
    if (!(error instanceof TokenRequestError) || error.retryAfterSeconds === undefined) return
    entry.heldBy = error
    entry.heldUntil = this.#now() + Math.min(error.retryAfterSeconds, MAX_HOLD_SECONDS) * 1000
  }

  #entryOf({ resource, scopes }: Wanted): Entry {
    const key = JSON.stringify([resource ?? null, scopes === undefined ? null : [...new Set(scopes)].sort()])
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    if (this.#entries.size >= MAX_ENTRIES) this.#forgetOldest()
    const entry = { token: undefined, refreshAt: 0, usableUntil: 0, flight: undefined, heldUntil: 0, heldBy: undefined }
    this.#entries.set(key, entry)
    return entry
  }

  #forgetOldest(): void {
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }

  #now(): number {
    return this.#options.now().getTime()
  }
}

/** Says again what the server said, with the time that is left. */
function stillHeld(by: TokenRequestError, leftMilliseconds: number): TokenRequestError {
  const { error, description, status, decisionId } = by
  const retryAfterSeconds = Math.ceil(leftMilliseconds / 1000)
  return new TokenRequestError({ error, description, status, decisionId, retryAfterSeconds })
}
