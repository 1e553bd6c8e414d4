import { constants, type SQLQueryBindings, Database as SqliteFile } from 'bun:sqlite'
import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import {
  type CompiledQuery,
  type DatabaseConnection,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
} from 'kysely'
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

/** How long the opening waits for another process (backup, the CLI) to release the file; statements wait as long in turns. */
const BUSY_TIMEOUT_MS = 2000
const ASK_AGAIN_MS = 20
const MOST_TURNS = BUSY_TIMEOUT_MS / ASK_AGAIN_MS

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
  // From here on nobody sleeps in SQLite: every request of this process would wait along.
  file.run('pragma busy_timeout = 0')
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
  readonly #config: SqliteDialectConfig

  constructor(config: SqliteDialectConfig) {
    super(config)
    this.#config = config
  }

  override createAdapter() {
    return new AtomicAdapter()
  }

  override createDriver() {
    return new PatientDriver(this.#config)
  }
}

class AtomicAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl() {
    return true
  }
}

/** There is one connection, and whoever uses it has it alone. */
class PatientDriver extends SqliteDriver {
  #patient: PatientConnection | undefined

  override async acquireConnection(): Promise<DatabaseConnection> {
    this.#patient ??= new PatientConnection(await super.acquireConnection())
    return this.#patient
  }
}

/**
 * Waits for another process that writes, while whatever else there is to do is done. A statement that was told so did
 * nothing, so it is given again. Who comes when the patience is used up already is told at once.
 */
class PatientConnection implements DatabaseConnection {
  #turns = 0

  constructor(private readonly connection: DatabaseConnection) {}

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    for (;;) {
      try {
        const result = await this.connection.executeQuery<Row>(query)
        this.#turns = 0
        return result
      } catch (error) {
        if (!isBusy(error) || ++this.#turns >= MOST_TURNS) throw error
      }
      await sleep(ASK_AGAIN_MS)
    }
  }

  streamQuery<Row>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<Row>> {
    return this.connection.streamQuery(query, chunkSize)
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY')
}
