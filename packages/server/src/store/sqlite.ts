import { constants, type SQLQueryBindings, Database as SqliteFile } from 'bun:sqlite'
import { closeSync, openSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { Kysely, SqliteAdapter, type SqliteDatabase, SqliteDialect } from 'kysely'
import { type OnStatementError, telling } from './statement-errors.ts'

export type SqliteMode = {
  /** FULL: a commit that was acknowledged survives power loss. NORMAL: the newest commits may be lost, never the file. */
  readonly synchronous: 'FULL' | 'NORMAL'
  readonly readonly?: boolean
  /** Nobody has it open: it is read as it lies, without the files that SQLite otherwise makes beside it. */
  readonly untouched?: boolean
  /** Room that deleted rows leave can be given back to the disk. Takes effect on a new file only. */
  readonly incrementalVacuum?: boolean
  /** Told of every statement that fails. */
  readonly onError?: OnStatementError | undefined
}

/** How long a statement waits for another process (backup, the CLI) to release the file. */
const BUSY_TIMEOUT_MS = 2000

/** In place of a path: the database lives in memory and dies with the process. */
export const IN_MEMORY = ':memory:'

/** Opens an SQLite file by way of Kysely. Every pragma that a promise rests on is set here, never left to a default. */
export function openSqlite<Tables>(path: string, mode: SqliteMode): Kysely<Tables> {
  // SQLite gives its companion files the mode of the database: digests and audit events are for their owner alone.
  if (path !== IN_MEMORY && !mode.readonly) closeSync(openSync(path, 'a', 0o600))
  const file = mode.untouched
    ? new SqliteFile(
        `${pathToFileURL(path).href}?immutable=1`,
        constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI,
      )
    : new SqliteFile(path, mode.readonly ? { readonly: true } : { create: true, readwrite: true })
  file.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`)
  if (mode.incrementalVacuum) file.run('pragma auto_vacuum = incremental')
  if (!mode.readonly) file.run('pragma journal_mode = WAL')
  file.run(`pragma synchronous = ${mode.synchronous}`)
  file.run('pragma foreign_keys = ON')
  file.run('pragma trusted_schema = OFF')
  const dialect = new AtomicDialect({ database: kyselyDatabase(file, mode) })
  return new Kysely<Tables>({ dialect, ...telling(mode.onError) })
}

/** bun:sqlite under the few methods that Kysely calls. Statements are cached by their text inside bun:sqlite. */
function kyselyDatabase(file: SqliteFile, { readonly }: SqliteMode): SqliteDatabase {
  return {
    close: () => file.close(),
    prepare(sql) {
      const statement = file.query(said(sql, file, readonly))
      const bind = (parameters: readonly unknown[]) => parameters as SQLQueryBindings[]
      return {
        reader: statement.columnNames.length > 0,
        all: (parameters) => statement.all(...bind(parameters)),
        run: (parameters) => statement.run(...bind(parameters)),
        iterate: (parameters) => statement.iterate(...bind(parameters)),
      }
    },
  }
}

function said(sql: string, file: SqliteFile, readonly: boolean | undefined): string {
  // A transaction that reads first and writes later would be refused, not made to wait, when another process writes.
  if (sql === 'begin' && !readonly) return 'begin immediate'
  // Where the disk fails, SQLite has ended the transaction itself: to end it again would be the error that is told.
  if (sql === 'rollback' && !file.inTransaction) return 'select 1 where false'
  return sql
}

/** SQLite takes schema changes back with their transaction; Kysely does not count on it by itself. */
class AtomicDialect extends SqliteDialect {
  override createAdapter() {
    return new AtomicAdapter()
  }
}

class AtomicAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl() {
    return true
  }
}
