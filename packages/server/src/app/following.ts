import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Turns } from '@countersign/resource-server'
import type pino from 'pino'
import type { AdminDeps } from '../admin/deps.ts'
import { KeptDigests } from '../authentication/kept-digests.ts'
import { KnownCredentials } from '../authentication/known-credentials.ts'
import { type FindStored, storedCredentials } from '../authentication/stored.ts'
import { UnknownDigests } from '../authentication/unknown-digests.ts'
import type { Config } from '../config.ts'
import { Directory } from '../directory/directory.ts'
import { Follower } from '../directory/follow.ts'
import { Nodes } from '../directory/nodes.ts'
import { revisionSource } from '../directory/revision-source.ts'
import { makeId } from '../domain/ids.ts'
import type { Resource } from '../domain/resource.ts'
import { CorruptRowError } from '../store/corrupt-row.ts'
import { credentialFinder } from '../store/credentials.ts'
import { change, type Store } from '../store/store.ts'
import { VERSION } from '../version.ts'
import type { AppIo } from './io.ts'
import { learnDigests } from './learning-digests.ts'

const KNOWN_PER_GENERATION = 65_536
const MAX_UNKNOWN = 100_000
/** Of each of the two queues where there are two. */
const LOOK_UPS_IN_FLIGHT = 4

/** What this node knows of the database, kept at its revision. */
export type Following = {
  readonly directory: Directory
  readonly known: KnownCredentials
  readonly unknown: UnknownDigests
  readonly follower: Follower
  readonly nodes: Nodes
  readonly find: FindStored
  /** Bounds the look-ups of credentials that are not known here. */
  readonly lookUps: Turns
  /** Of those that are probably kept; undefined: all wait in one queue. */
  readonly ahead: { readonly digests: KeptDigests; readonly lookUps: Turns } | undefined
  /** Reads which credentials were made since, so that they are not taken for guesses. */
  readonly learn: () => Promise<void>
  /** How often the revision could not be confirmed, and how often others said that it moved. */
  readonly counts: { failures: number; wakeUps: number }
  /** Told by other nodes that the database may have moved. */
  readonly wake: (revision: number | undefined) => void
  /** Has the directory follow the database to where it is now, for somebody who waits: rejects before it is too late. */
  readonly confirm: () => Promise<void>
  /** Runs one change, and returns when this node's next decision is taken by it. */
  readonly change: AdminDeps['change']
}

/** Gathers what is made at once. */
const LEARN_AFTER_MS = 200

/** On a slow link each question of many may be answered in time, and all of them not. */
const CONFIRM_MS = 5000

/** Rejects when it takes longer. The work goes on, for those who come later. */
function within(ms: number, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`timeout expired: no answer within ${ms} ms`)), ms)
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}

/** Reads the directory and what it takes to keep up with the database. Throws when it cannot be asked. */
export async function follow(
  store: Store,
  management: Resource,
  config: Config,
  io: AppIo,
  log: pino.Logger,
): Promise<Following> {
  const directory = new Directory(management)
  const known = new KnownCredentials(KNOWN_PER_GENERATION)
  const unknown = new UnknownDigests(io.monotonicMs, MAX_UNKNOWN)
  const isRemote = store.shared !== undefined
  const lookUps = isRemote ? new Turns(LOOK_UPS_IN_FLIGHT) : new Turns()
  const ahead = isRemote ? { digests: new KeptDigests(), lookUps: new Turns(LOOK_UPS_IN_FLIGHT) } : undefined
  const learnNow = ahead === undefined ? async () => undefined : learnDigests(store, ahead.digests)
  /** Not before all that was there is learnt, and once at a time. */
  let isLearning = ahead !== undefined
  const learn = async () => {
    await learnNow()
    isLearning = false
  }
  /** What was made a moment ago is shown a moment later. */
  const learnSoon = () => {
    if (ahead === undefined || isLearning) return
    isLearning = true
    void sleep(LEARN_AFTER_MS)
      .then(learnNow)
      // Those who learn again and again say so.
      .catch(() => undefined)
      .finally(() => {
        isLearning = false
      })
  }
  const forget = (ids: readonly string[] | undefined) => {
    known.forget(ids)
    if (ids === undefined || ids.length > 0) {
      unknown.clear()
      learnSoon()
    }
  }
  const counts = { failures: 0, wakeUps: 0 }
  const onError = (error: unknown) => {
    counts.failures++
    log.error({ err: error }, 'the revision could not be confirmed')
  }
  const { monotonicMs } = io
  const source = revisionSource(store)
  const follower = new Follower({
    ...{ directory, source, monotonicMs, forget, onError, staleGraceMs: config.staleGraceMs },
    forgetTokens: () => known.forgetTokens(),
    onMoved: () => void nodes.report(),
  })
  const nodes = thisNode(store, directory, config, io, log, follower.leaseMs)
  await follower.confirm()
  // Look-ups in a file of this machine take their turns within one request: there nobody waits.
  const confirm = () => within(CONFIRM_MS, follower.confirm())
  const find = credentialFinder(store.shared?.lookUpReader ?? store.reader)
  const findByDigest = (digest: string) =>
    find(digest).catch((error: unknown) => {
      // Whoever shows this one is told that we cannot tell; that it stays so is for an operator to know.
      if (error instanceof CorruptRowError) log.error({ err: error }, 'a credential cannot be read')
      throw error
    })
  return {
    ...{ directory, known, unknown, follower, nodes, lookUps, ahead, counts },
    learn,
    wake: (revision) => {
      counts.wakeUps++
      follower.wake(revision)
    },
    find: storedCredentials({
      directory,
      known,
      unknown,
      findByDigest,
      lookUps,
      ahead,
      confirm,
    }),
    confirm,
    change: async (actor, work) => {
      const { result, revision, recorded } = await change(store, actor, work)
      // Beside the database: a log that is kept elsewhere tells what was revoked since a backup.
      for (const done of recorded) log.info({ ...done, revision, ...actor }, 'changed')
      await follower.reach(revision)
      return result
    },
  }
}

function thisNode(
  store: Store,
  directory: Directory,
  config: Config,
  io: AppIo,
  log: pino.Logger,
  leaseMs: number,
): Nodes {
  const startedAt = io.clock()
  const name = config.nodeName ?? `${hostname()}:${config.listen.port}`
  return new Nodes(
    { id: makeId('node', startedAt, io.random), name, version: VERSION, startedAt, leaseMs },
    store,
    () => directory.revision,
    (error) => log.warn({ err: error }, 'the other nodes could not be told how far this one is'),
  )
}
