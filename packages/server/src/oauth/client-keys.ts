import {
  inlineKeys,
  type KeyFetch,
  remoteKeys,
  VERIFICATION_ALGORITHMS,
  type VerificationKeys,
} from '@countersign/resource-server'
import type { Client, ClientKeys } from '../domain/client.ts'
import type { RandomBytes } from '../domain/ids.ts'

export type ClientKeyOptions = {
  /** Fetches what stands at a `jwks_uri`; judges whether it may be connected to. */
  readonly fetch: KeyFetch
  readonly clock: () => Date
  readonly monotonicMs: () => number
  readonly random: RandomBytes
  readonly log: { warn(details: object, message: string): void }
  readonly max?: number
}

type Source = { readonly keys: ClientKeys; readonly found: VerificationKeys }

/** Clients whose keys are kept ready. One that is pushed out is asked for its keys again, and nothing else happens. */
const MAX_SOURCES = 4096
const algorithms = Object.keys(VERIFICATION_ALGORITHMS)

/**
 * Finds the registered keys of clients. A source is made when a client first signs, and lives until other keys are
 * registered: so fetched keys outlive changes of the client that are about something else.
 */
export class ClientKeySources {
  /** By client, the one that was asked for last at the end. */
  readonly #sources = new Map<string, Source>()
  readonly #options: ClientKeyOptions

  constructor(options: ClientKeyOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#sources.size
  }

  /** Undefined: the client has registered no keys. */
  of({ id, keys }: Client): VerificationKeys | undefined {
    const kept = this.#sources.get(id)
    this.#sources.delete(id)
    if (keys === null) return undefined
    const source = kept !== undefined && isSameRegistration(kept.keys, keys) ? kept : this.#open(keys)
    this.#sources.set(id, source)
    const [oldest] = this.#sources.keys()
    if (this.#sources.size > (this.#options.max ?? MAX_SOURCES) && oldest !== undefined) this.#sources.delete(oldest)
    return source.found
  }

  #open(keys: ClientKeys): Source {
    if ('jwks' in keys) return { keys, found: inlineKeys({ jwks: keys.jwks, algorithms }) }
    const { fetch, clock, monotonicMs, random, log } = this.#options
    const found = remoteKeys({
      ...{ uri: keys.jwksUri, fetch, algorithms, now: clock, monotonicMs },
      random: () => (random(1)[0] ?? 0) / 255,
      log: (message, details) => log.warn(details, message),
    })
    return { keys, found }
  }
}

/** Read from the database again, or still the same. A number alone could be that of another history, after a restore. */
function isSameRegistration(one: ClientKeys, other: ClientKeys): boolean {
  if (one === other) return true
  return one.revision === other.revision && 'jwksUri' in one && 'jwksUri' in other && one.jwksUri === other.jwksUri
}
