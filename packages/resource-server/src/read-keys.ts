import { errorName } from './error-name.ts'
import { JWK_SET_EXPECTED, type JwkSet, parseJwkSet, type VerificationKeys } from './jwk-set.ts'
import { KEY_TIMEOUT_MS, type KeyAges, type KeyClientOptions, loadedKeys } from './remote-keys.ts'
import { type FetchFailure, within } from './remote-keys-fetch.ts'

export type ReadKeysOptions = KeyClientOptions & {
  /** What is read, for the log. */
  readonly source: string
  /** Gives the JWK Set as JSON that was parsed. */
  readonly read: () => Promise<unknown>
  /** How long it is waited for. Omitted: 3 seconds. */
  readonly timeoutMs?: number
}

const CLOSE_BY: KeyAges = { refreshMs: 4000, maxAgeMs: 8000, maxStaleMs: 24 * 3_600_000, unknownKidMs: 1000 }
const MAX_REASON_LENGTH = 300

/**
 * Keys that are pinned in a file or the like, and replaced without a restart: read anew while they are in use. A key that
 * was removed is not found 8 seconds later. What cannot be read, or not in time, leaves the keys as they were.
 *
 * @example
 * const read = async () => JSON.parse(await readFile('/etc/keys/cluster.json', 'utf8'))
 * const keys = readKeys({ source: 'cluster.json', read, algorithms: ['RS256'], now: () => new Date() })
 */
export function readKeys(options: ReadKeysOptions): VerificationKeys {
  const { timeoutMs = KEY_TIMEOUT_MS } = options
  return loadedKeys({ ...options, ages: CLOSE_BY, load: () => within(timeoutMs, () => load(options)) })
}

async function load(options: ReadKeysOptions): Promise<JwkSet | FetchFailure> {
  try {
    const set = await parseJwkSet(await options.read(), options)
    return set ?? { failure: `it is not ${JWK_SET_EXPECTED}` }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return {
      failure: `it could not be read: ${reason.slice(0, MAX_REASON_LENGTH)}`,
      wordless: `it could not be read (${errorName(error)})`,
    }
  }
}
