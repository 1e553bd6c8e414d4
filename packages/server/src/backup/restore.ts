import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { RandomBytes } from '../domain/ids.ts'
import { fitsKek, loadKek, WRONG_KEK } from '../keys/kek-file.ts'
import { sealWith } from '../keys/seal.ts'
import { openBackup, renameDurably, settle } from '../store/backup-file.ts'
import { readRevision } from '../store/change-log.ts'
import { copyAll, countAll, fillingOf, finishCopy, isUntouched, type OnCopied } from '../store/copying.ts'
import { takeDataDir } from '../store/data-dir.ts'
import { DATABASE, openStore } from '../store/open.ts'
import { type Reckoned, type Reckoning, reckon } from '../store/restoring.ts'
import type { Store } from '../store/store.ts'

export type Restored = Reckoned & {
  readonly made_at: string
  /** At which the backup was made. */
  readonly revision: number
}

/** What is to be brought in, of a backup of that revision and moment. */
export type ReckoningFor = (backup: { readonly revision: number; readonly made_at: string }) => Reckoning

type Io = { readonly clock: () => Date; readonly random: RandomBytes; readonly onCopied: OnCopied }

/**
 * Puts a backup in the place of a database: into a data directory that has none, or a PostgreSQL that holds nothing yet.
 * No server starts on it before what is known to have happened since is brought in.
 */
export async function restore(config: Config, path: string, reckoningFor: ReckoningFor, io: Io): Promise<Restored> {
  const { clock, random } = io
  const { db, note, close } = await openBackup(path)
  const revision = await finallyClosed({ close }, () => readRevision(db))
  const reckoning = reckoningFor({ revision, made_at: note.made_at })
  requireEarlier(reckoning.since, note.made_at)
  if (config.databaseUrl === undefined) requireNoDatabase(config.dataDir)
  const lock = takeDataDir(config.dataDir)
  const workshop = join(config.dataDir, 'restoring')
  rmSync(workshop, { recursive: true, force: true })
  mkdirSync(workshop, { mode: 0o700 })
  try {
    copyFileSync(path, join(workshop, DATABASE))
    // Brings an older one to this version.
    const copy = await openStore(workshop, clock, random)
    const reckoned = await finallyClosed(copy, async () => {
      await requireTables(copy)
      await requireKek(config, copy, random)
      const origin = `the backup of ${note.made_at}`
      const { databaseUrl } = config
      const done =
        databaseUrl === undefined
          ? await reckon(copy, reckoning)
          : await fillPostgres(config, databaseUrl, copy, origin, reckoning, io)
      return { revision, ...done }
    })
    if (config.databaseUrl === undefined) {
      // Only a whole one gets its name.
      await settle(join(workshop, DATABASE))
      renameDurably(join(workshop, DATABASE), join(config.dataDir, DATABASE))
    }
    return { made_at: note.made_at, ...reckoned }
  } finally {
    rmSync(workshop, { recursive: true, force: true })
    lock.release()
  }
}

/**
 * Security: what SQLite left beside a database is a part of it. Beside another one, it would be played into that: whatever
 * was in it would be there again, or nothing could be read any more.
 */
function requireNoDatabase(dataDir: string): void {
  const [there] = ['', '-wal', '-shm', '-journal']
    .map((end) => `${DATABASE}${end}`)
    .filter((name) => existsSync(join(dataDir, name)))
  if (there === undefined) return
  throw new Error(
    there === DATABASE
      ? `${dataDir} has a database already. Move it away first, with ${DATABASE}-wal and ${DATABASE}-shm if they are there: nothing is written over it`
      : `${dataDir} has ${there} of another database. Move it to where that one is: it is a part of it`,
  )
}

async function fillPostgres(
  config: Config,
  databaseUrl: string,
  copy: Store,
  origin: string,
  reckoning: Reckoning,
  { clock, random, onCopied }: Io,
): Promise<Reckoned> {
  const target = await openStore(config.dataDir, clock, random, databaseUrl)
  return finallyClosed(target, async () => {
    if ((await fillingOf(target.reader)) === undefined && !(await isUntouched(target.reader))) {
      throw new Error('the database of COUNTERSIGN_DATABASE_URL is in use already: it has to be a new one')
    }
    await copyAll(copy.reader, target.writer, origin, onCopied)
    const reckoned = await reckon(target, reckoning)
    await finishCopy(target.writer)
    return reckoned
  })
}

/** A moment after the backup was made would revoke nothing: it is a mistake, and what was revoked since stays unsaid. */
function requireEarlier(since: Date | undefined, madeAt: string): void {
  if (since === undefined || since <= new Date(madeAt)) return
  throw new Error(
    `the backup was made at ${madeAt}: nothing in it was made since ${since.toISOString()}. Leave it out, and say what was ` +
      'revoked after the backup was made: --revoked <path>, or --accept-lost-revocations',
  )
}

/** Throws where a table of the backup is missing. */
async function requireTables(store: Store): Promise<void> {
  try {
    await countAll(store.reader)
  } catch (error) {
    throw new Error(`the backup is damaged: ${error instanceof Error ? error.message : 'a table cannot be read'}`)
  }
}

/** A backup holds keys that this one opens; without it, no server would start on what was restored. */
async function requireKek(config: Config, store: Store, random: RandomBytes): Promise<void> {
  const path = join(config.dataDir, 'kek')
  if (config.kek === undefined && !existsSync(path)) {
    throw new Error(
      `${path} is missing: it is in no backup. Put it there from where you keep it, or set COUNTERSIGN_KEK`,
    )
  }
  const fits = await fitsKek(store.reader, sealWith(config.kek ?? loadKek(config.dataDir, random), random))
  if (fits === undefined)
    throw new Error('the backup does not say which key-encryption key it was made with: it is damaged')
  if (!fits) throw new Error(WRONG_KEK)
}

async function finallyClosed<T>(store: { close(): Promise<void> }, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    await store.close()
  }
}
