import type pino from 'pino'
import type { AdminDeps } from '../admin/deps.ts'
import { KnownCredentials } from '../authentication/known-credentials.ts'
import { type FindStored, storedCredentials } from '../authentication/stored.ts'
import { UnknownDigests } from '../authentication/unknown-digests.ts'
import { Directory } from '../directory/directory.ts'
import { Follower } from '../directory/follow.ts'
import { revisionSource } from '../directory/revision-source.ts'
import type { Resource } from '../domain/resource.ts'
import { credentialFinder } from '../store/credentials.ts'
import { change, type Store } from '../store/store.ts'
import type { AppIo } from './io.ts'

const KNOWN_PER_GENERATION = 65_536
const MAX_UNKNOWN = 100_000

/** What this node knows of the database, kept at its revision. */
export type Following = {
  readonly directory: Directory
  readonly known: KnownCredentials
  readonly unknown: UnknownDigests
  readonly follower: Follower
  readonly find: FindStored
  /** Runs one change, and returns when this node's next decision is taken by it. */
  readonly change: AdminDeps['change']
}

/** Reads the directory and what it takes to keep up with the database. Throws when it cannot be asked. */
export async function follow(
  store: Store,
  management: Resource,
  io: AppIo,
  log: pino.Logger,
  staleGraceMs: number,
): Promise<Following> {
  const directory = new Directory(management)
  const known = new KnownCredentials(KNOWN_PER_GENERATION)
  const unknown = new UnknownDigests(io.monotonicMs, MAX_UNKNOWN)
  const forget = (ids: readonly string[] | undefined) => {
    known.forget(ids)
    if (ids === undefined || ids.length > 0) unknown.clear()
  }
  const onError = (error: unknown) => log.error({ err: error }, 'the revision could not be confirmed')
  const { monotonicMs } = io
  const source = revisionSource(store)
  const follower = new Follower({ directory, source, monotonicMs, forget, onError, staleGraceMs })
  await follower.confirm()
  const reach = (revision: number) => follower.reach(revision)
  return {
    ...{ directory, known, unknown, follower },
    find: storedCredentials({ directory, known, unknown, findByDigest: credentialFinder(store.reader), reach }),
    change: async (actor, work) => {
      const { result, revision } = await change(store, actor, work)
      await reach(revision)
      return result
    },
  }
}
