import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { sql } from 'kysely'
import { z } from 'zod'
import { copyAll, finishCopy, NOT_COPIED, type OnCopied } from './copying.ts'
import { migrate } from './migrations.ts'
import type { Tables } from './schema.ts'
import { inOneSnapshot } from './snapshot.ts'
import { openSqlite } from './sqlite.ts'
import type { Db } from './store.ts'

const Note = z.object({ made_at: z.iso.datetime(), version: z.string(), from: z.enum(['sqlite', 'postgres']) })

/** What a backup says of itself. */
export type BackupNote = Readonly<z.output<typeof Note>>

const NOTE = 'backup'

/**
 * Writes one SQLite file of everything, as it was at one moment, while servers go on. The file appears under its name when
 * it is whole; one that is there already is never touched.
 */
export async function writeBackup(source: Db, path: string, note: BackupNote, onCopied: OnCopied): Promise<void> {
  if (existsSync(path)) throw new Error(`${path} is there already: choose another name`)
  const partial = `${path}.partial`
  for (const leftover of [partial, `${partial}-wal`, `${partial}-shm`]) rmSync(leftover, { force: true })
  try {
    closeSync(openSync(partial, 'wx', 0o600))
    if (note.from === 'sqlite') await sql`vacuum into ${partial}`.execute(source)
    else await fill(partial, source, onCopied)
    await annotate(partial, note)
    await checkFile(partial)
    renameDurably(partial, path)
  } finally {
    for (const leftover of [partial, `${partial}-wal`, `${partial}-shm`]) rmSync(leftover, { force: true })
  }
}

async function fill(path: string, source: Db, onCopied: OnCopied): Promise<void> {
  const target = openSqlite<Tables>(path, { synchronous: 'NORMAL' })
  try {
    // The moment counts for nothing: what it dates is replaced.
    await migrate(target, new Date(0))
    await inOneSnapshot(source, (snapshot) => copyAll(snapshot, target, 'a snapshot', onCopied))
    await finishCopy(target)
  } finally {
    await target.destroy()
  }
}

async function annotate(path: string, note: BackupNote): Promise<void> {
  const db = openSqlite<Tables>(path, { synchronous: 'FULL' })
  try {
    for (const table of NOT_COPIED) await sql`delete from ${sql.table(table)}`.execute(db)
    await db.deleteFrom('setting').where('name', '=', NOTE).execute()
    await db
      .insertInto('setting')
      .values({ name: NOTE, value: JSON.stringify(note) })
      .execute()
    // One file, with nothing beside it.
    await sql`pragma journal_mode = delete`.execute(db)
  } finally {
    await db.destroy()
  }
}

/** Opens a backup to be read. Throws unless it is one, and whole. The caller closes what it gets. */
export async function openBackup(
  path: string,
): Promise<{ readonly db: Db; readonly note: BackupNote; close(): Promise<void> }> {
  if (!existsSync(path)) throw new Error(`there is no file ${path}`)
  if (!statSync(path).isFile()) throw new Error(`${path} is no file`)
  await checkFile(path)
  const db = openSqlite<Tables>(path, { synchronous: 'FULL', readonly: true, untouched: true })
  try {
    const note = await readNote(db)
    if (note === undefined) throw new Error(`${path} is a database, but no backup that countersign backup made`)
    return { db, note, close: () => db.destroy() }
  } catch (error) {
    await db.destroy()
    throw error
  }
}

/** What a database says of itself that is a backup, and was not restored; undefined: it is none. */
export async function readNote(db: Db): Promise<BackupNote | undefined> {
  const row = await db.selectFrom('setting').select('value').where('name', '=', NOTE).executeTakeFirst()
  if (row === undefined) return undefined
  try {
    return Note.parse(JSON.parse(row.value))
  } catch {
    throw new Error('what the backup says of itself cannot be read: it is damaged')
  }
}

/** Forgets that a database came from a backup. */
export async function forgetNote(db: Db): Promise<void> {
  await db.deleteFrom('setting').where('name', '=', NOTE).execute()
}

/**
 * Brings everything of a database that nobody has open into its one file.
 *
 * Security: SQLite does not say when it could not do so as it closes, on a full disk for one: what a file then lacks lies
 * beside it.
 */
export async function settle(path: string): Promise<void> {
  const db = openSqlite<Tables>(path, { synchronous: 'FULL' })
  try {
    await sql`pragma wal_checkpoint(truncate)`.execute(db)
    await sql`pragma journal_mode = delete`.execute(db)
  } finally {
    await db.destroy()
  }
  if (existsSync(`${path}-wal`)) throw new Error(`${path} could not be written as one file`)
  await checkFile(path)
}

async function checkFile(path: string): Promise<void> {
  try {
    const db = openSqlite<Tables>(path, { synchronous: 'FULL', readonly: true, untouched: true })
    try {
      const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(db)
      const found = rows.map(({ integrity_check }) => integrity_check)
      if (found.join() !== 'ok') throw new Error(`${path} is damaged: ${found.slice(0, 3).join('; ')}`)
      await sql`select value from revision`.execute(db)
    } finally {
      await db.destroy()
    }
  } catch (error) {
    const isNone = error instanceof Error && /not a database|no such table/.test(error.message)
    throw isNone ? new Error(`${path} is no backup of Countersign`) : error
  }
}

/** The file has its name when all of it is on the disk, and keeps it through a power cut. */
export function renameDurably(from: string, to: string): void {
  syncFile(from)
  renameSync(from, to)
  syncFile(dirname(to))
}

function syncFile(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
