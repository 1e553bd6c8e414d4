import { type Denied, deny, TooManyWait, type Turns } from '@countersign/resource-server'
import type { Directory } from '../directory/directory.ts'
import type { Lookup } from '../store/credentials.ts'
import type { KeptDigests } from './kept-digests.ts'
import { KnownCredential, type KnownCredentials } from './known-credentials.ts'
import { LookUps } from './look-ups.ts'
import type { UnknownDigests } from './unknown-digests.ts'

export type StoredDeps = {
  readonly directory: Directory
  readonly known: KnownCredentials
  readonly unknown: UnknownDigests
  /** Asks the store; rejects when it cannot be asked. */
  readonly findByDigest: (digest: string) => Promise<Lookup>
  /** Bounds how many look-ups run and wait. */
  readonly lookUps: Turns
  /** Those that are probably kept wait elsewhere, so that no flood of guesses can hold up who comes for the first time. */
  readonly ahead?: { readonly digests: KeptDigests; readonly lookUps: Turns } | undefined
  /** Has the directory follow the database to where it is now. */
  readonly confirm: () => Promise<void>
}

/** Finds the credential that is kept under a digest. Synchronous for what is known. */
export type FindStored = (digest: string) => KnownCredential | Denied | Promise<KnownCredential | Denied>

/** How often an answer may be older than the directory before we say that we cannot tell. */
const MAX_STALE_READS = 5

/**
 * Finds stored credentials, whoever issued them: what is known, else by bounded queues of look-ups for all kinds.
 * Which texts are worth a look-up, and under which digest they are kept, is for the resolver of each kind to say.
 */
export function storedCredentials(deps: StoredDeps): FindStored {
  const { directory, known, unknown, ahead } = deps
  const lookUps = new LookUps(
    (digest) => find(digest, deps),
    (digest) => (ahead?.digests.mayHave(digest) ? ahead.lookUps : deps.lookUps),
  )
  return (digest) => {
    const hit = known.get(digest)
    if (hit !== undefined) return hit
    if (unknown.has(digest)) return deny('credential_unknown')
    const before = directory.edition
    return lookUps
      .get(digest)
      .catch(turnedAway)
      .then((found) => {
        // Whoever joined a look-up that began before a change which was acknowledged since must not be served from it.
        return isKnown(found) && directory.edition !== before ? (known.get(digest) ?? find(digest, deps)) : found
      })
  }
}

function isKnown(found: KnownCredential | Denied): found is KnownCredential {
  return found instanceof KnownCredential
}

/**
 * Security: facts are kept only when they were read of the very state that the directory holds; else a revocation that the
 * directory has already taken over could be undone by a slow read.
 */
async function find(digest: string, deps: StoredDeps): Promise<KnownCredential | Denied> {
  for (let attempt = 0; attempt < MAX_STALE_READS; attempt++) {
    // Only what the database says is "cannot tell": what throws here besides is a bug, and answered as one.
    const found = await deps.findByDigest(digest).catch(cannotTell)
    if ('outcome' in found) return found
    const { credential, position } = found
    if (position.revision > deps.directory.revision) {
      const refused = await deps.confirm().catch(cannotTell)
      if (refused !== undefined) return refused
    }
    if (!deps.directory.isAt(position)) continue
    if (credential === undefined) {
      deps.unknown.add(digest)
      return deny('credential_unknown')
    }
    const known = new KnownCredential(credential)
    deps.known.set(digest, known)
    return known
  }
  return deny('store_busy', { because: 'every read was overtaken by a change' })
}

function turnedAway(error: unknown): Denied {
  if (error instanceof TooManyWait) return deny('store_busy', { because: error.message })
  throw error
}

function cannotTell(error: unknown): Denied {
  return deny('store_unavailable', { because: error instanceof Error ? error.message : String(error) })
}
