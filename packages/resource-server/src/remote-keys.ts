import { type Found, type JwkSet, keyFinder, type VerificationKey, type VerificationKeys } from './jwk-set.ts'
import { type FetchFailure, fetchJwkSet, type KeyFetch } from './remote-keys-fetch.ts'

export type { KeyFetch } from './remote-keys-fetch.ts'

export type KeyClientOptions = {
  readonly algorithms: readonly string[]
  /** How old keys are is told by this clock. */
  readonly now: () => Date
  /** How long ago the source was asked is told by this one. Omitted: by `now`. */
  readonly monotonicMs?: () => number
  /** From 0 to 1: keeps many servers from coming back at once. Omitted: 0. */
  readonly random?: () => number
  /** Told which keys are no longer believed: removed at the source, replaced under their `kid`, or too old. */
  readonly onChange?: (removedKids: readonly (string | undefined)[]) => void
  /** Told of each attempt to load them. It must not throw. */
  readonly onLoad?: ((loaded: JwkSet | FetchFailure) => void) | undefined
  readonly log?: (message: string, details: Readonly<Record<string, unknown>>) => void
}

/** How keys are fetched over the network. */
export type KeyFetching = {
  /** On a server it should refuse private addresses, unless whoever names the address is trusted with them. */
  readonly fetch: KeyFetch
  /** For all of it. Omitted: 3 seconds. */
  readonly timeoutMs?: number
}

export type RemoteKeysOptions = KeyClientOptions & KeyFetching & { readonly uri: string }

/** How long keys are good without being loaded anew. */
export type KeyAges = {
  /** From then on a request has the keys loaded beside it. */
  readonly refreshMs: number
  /** From then on no key is believed without asking, as long as the source answers. */
  readonly maxAgeMs: number
  /** How long keys are believed when the source does not answer. */
  readonly maxStaleMs: number
  /** How often a key that nobody has may have the source asked. */
  readonly unknownKidMs: number
}

const OVER_THE_NETWORK: KeyAges = {
  refreshMs: 8 * 60_000,
  maxAgeMs: 10 * 60_000,
  maxStaleMs: 24 * 3_600_000,
  unknownKidMs: 30_000,
}
/** A failure this young tells that the source is out: nobody waits for it. */
const OUTAGE_MS = 120_000
export const KEY_TIMEOUT_MS = 3000
const MIN_RETRY_MS = 1000
const MAX_RETRY_MS = 60_000
/** How many may wait for one source. */
const MAX_WAITING = 256

/**
 * Keys at a `jwks_uri`: fetched when first asked for, and kept.
 *
 * A key that the source removes is no longer found 10 minutes later, when the source answers; while it does not, the
 * keys that were last seen are believed for up to 24 hours. A key that the source adds is found after at most 30
 * seconds. A cached verification is good for as long as `find` answers the same key.
 *
 * Security: any caller can name a `kid` that nobody has. Such calls make one fetch in 30 seconds, and calls with known
 * keys never wait for it; while 256 wait, others are told at once that it cannot be asked. After failures the source is
 * asked after 1 second, then 2, up to 60.
 *
 * @example
 * const keys = remoteKeys({ uri: 'https://idp.example.com/jwks', fetch, algorithms: ['ES256'], now: () => new Date() })
 * const key = await keys.find(header.kid, header.alg)
 */
export function remoteKeys(options: RemoteKeysOptions): VerificationKeys {
  const { uri, timeoutMs = KEY_TIMEOUT_MS } = options
  return loadedKeys({ ...options, source: uri, load: () => fetchJwkSet(uri, { ...options, timeoutMs }) })
}

export type LoadedKeysOptions = KeyClientOptions & {
  /** What is loaded, for the log. */
  readonly source: string
  /** Never rejects. */
  readonly load: () => Promise<JwkSet | FetchFailure>
  /** Omitted: those of what is fetched over the network. */
  readonly ages?: KeyAges
}

/** The same of keys that come from anywhere else. */
export function loadedKeys(options: LoadedKeysOptions): VerificationKeys {
  return new LoadedKeys(options)
}

class LoadedKeys implements VerificationKeys {
  readonly #options: LoadedKeysOptions
  readonly #ages: KeyAges
  readonly #monotonicMs: () => number
  #keys: readonly VerificationKey[] | undefined
  #finder: ReturnType<typeof keyFinder> = keyFinder([])
  /** When the fetch began that brought the keys, by the clock. */
  #seenAtMs = Number.NEGATIVE_INFINITY
  #askedMs = Number.NEGATIVE_INFINITY
  #failedMs = Number.NEGATIVE_INFINITY
  #retryMs = 0
  /** In a row. */
  #failures = 0
  #asking: Promise<void> | undefined
  #waiting = 0

  constructor(options: LoadedKeysOptions) {
    this.#options = options
    this.#ages = options.ages ?? OVER_THE_NETWORK
    this.#monotonicMs = options.monotonicMs ?? (() => options.now().getTime())
  }

  find(kid: string | undefined, alg: string): Found | Promise<Found> {
    // Once for all that follows: this is asked for each known token each time that it is shown.
    const ageMs = this.#options.now().getTime() - this.#seenAtMs
    const { refreshMs, maxAgeMs, maxStaleMs } = this.#ages
    if (ageMs >= maxStaleMs) this.#forget()
    const key = this.#finder(kid, alg)
    const isFresh = isYounger(ageMs, maxAgeMs)
    if (key !== undefined && (isFresh || this.#isOut())) {
      if (!isYounger(ageMs, refreshMs)) void this.#ask()
      return key
    }
    const asking = this.#keys !== undefined && isFresh ? this.#askForUnknown() : this.#ask()
    if (asking === undefined) return this.#answer(kid, alg)
    // Whoever waits holds memory, and more who wait learn nothing that these do not.
    return this.#waiting >= MAX_WAITING ? 'unavailable' : this.#wait(asking, kid, alg)
  }

  async #wait(asking: Promise<void>, kid: string | undefined, alg: string): Promise<Found> {
    this.#waiting++
    try {
      await asking
    } finally {
      this.#waiting--
    }
    return this.#answer(kid, alg)
  }

  /** While the last attempt failed nobody can say that the source has no such key. */
  #answer(kid: string | undefined, alg: string): Found {
    const isSure = this.#keys !== undefined && this.#failures === 0
    return this.#finder(kid, alg) ?? (isSure ? 'unknown' : 'unavailable')
  }

  #askForUnknown(): Promise<void> | undefined {
    if (this.#asking === undefined && this.#isWithin(this.#askedMs, this.#ages.unknownKidMs)) return undefined
    return this.#ask()
  }

  /** Joins the fetch that is under way, or begins one; undefined: it is too early. */
  #ask(): Promise<void> | undefined {
    if (this.#asking !== undefined) return this.#asking
    if (this.#isWithin(this.#askedMs, MIN_RETRY_MS)) return undefined
    if (this.#failures > 0 && this.#isWithin(this.#failedMs, this.#retryMs)) return undefined
    this.#askedMs = this.#monotonicMs()
    this.#asking = this.#fetch().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #fetch(): Promise<void> {
    const { source, load, now } = this.#options
    const beganAtMs = now().getTime()
    const fetched = await load()
    this.#options.onLoad?.(fetched)
    if ('failure' in fetched) return this.#fail(fetched.failure)

    this.#failures = 0
    this.#seenAtMs = beganAtMs
    this.#replace(fetched.keys)
    for (const problem of fetched.problems) this.#log('a key of a key set is refused', { uri: source, ...problem })
  }

  #fail(because: string): void {
    this.#failures++
    this.#failedMs = this.#monotonicMs()
    const waitMs = Math.min(MIN_RETRY_MS * 2 ** (this.#failures - 1), MAX_RETRY_MS)
    this.#retryMs = waitMs * (1 + (this.#options.random?.() ?? 0) / 4)
    const { source } = this.#options
    this.#log('a key set could not be fetched', {
      uri: source,
      because,
      failures: this.#failures,
      keeps: this.#keys?.length,
    })
  }

  #forget(): void {
    if (this.#keys === undefined) return
    this.#replace([])
    this.#keys = undefined
  }

  /** Keys that stay the same stay the same object: what was verified with them is good for longer. */
  #replace(keys: readonly VerificationKey[]): void {
    const old = this.#keys ?? []
    const kept = keys.map((key) => old.find((one) => isSameKey(one, key)) ?? key)
    const removed = old.filter((one) => !kept.includes(one)).map(({ kid }) => kid)
    this.#keys = kept
    this.#finder = keyFinder(kept)
    if (removed.length === 0) return
    try {
      this.#options.onChange?.([...new Set(removed)])
    } catch (error) {
      this.#log('the change of a key set was not heard', { uri: this.#options.source, because: String(error) })
    }
  }

  #log(message: string, details: Readonly<Record<string, unknown>>): void {
    this.#options.log?.(message, details)
  }

  #isOut(): boolean {
    return this.#failures > 0 && this.#isWithin(this.#failedMs, OUTAGE_MS)
  }

  /** A clock that was set back counts as a time that is over: never waits longer than `spanMs`. */
  #isWithin(sinceMs: number, spanMs: number): boolean {
    const elapsedMs = this.#monotonicMs() - sinceMs
    return elapsedMs >= 0 && elapsedMs < spanMs
  }
}

/** A clock that was set back says nothing of the age: then they are asked for again, and kept if that fails. */
function isYounger(ageMs: number, ms: number): boolean {
  return ageMs >= 0 && ageMs < ms
}

function isSameKey(one: VerificationKey, other: VerificationKey): boolean {
  return one.kid === other.kid && one.alg === other.alg && one.material === other.material
}
