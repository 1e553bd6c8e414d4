import type { JSONWebKeySet } from 'jose'
import { inlineKeys } from './inline-keys.ts'
import type { VerificationKeys } from './jwk-set.ts'
import { type KeyClientOptions, type KeyFetch, remoteKeys } from './remote-keys.ts'
import { runtimeMonotonicMs, runtimeNow } from './runtime-clock.ts'

export type IssuerKeysOptions = {
  /** The public URL of the Countersign server, byte for byte. */
  readonly issuer: string
  /** The issuer's keys. Omitted: fetched from `<issuer>/.well-known/jwks.json` when first needed, and kept. */
  readonly keys?: JSONWebKeySet
  /** The clock, for tests. */
  readonly now?: () => Date
  /** What the keys are fetched with. Omitted: the `fetch` of the runtime. */
  readonly fetch?: KeyFetch
}

/** What Countersign signs with. */
export const SIGNING_ALG = 'ES256'

/** The keys by which a Countersign server signs access tokens and assertions. */
export function issuerKeys(
  { issuer, keys, now, fetch = globalThis.fetch }: IssuerKeysOptions,
  onLoad?: KeyClientOptions['onLoad'],
): VerificationKeys {
  const algorithms = [SIGNING_ALG]
  if (keys !== undefined) return inlineKeys({ jwks: keys, algorithms, onLoad })
  return remoteKeys({
    uri: `${issuer}/.well-known/jwks.json`,
    algorithms,
    // Called bare: some runtimes refuse a `fetch` with another `this`.
    fetch: (uri, init) => fetch(uri, init),
    now: now ?? runtimeNow,
    onLoad,
    ...(now === undefined && { monotonicMs: runtimeMonotonicMs }),
  })
}
