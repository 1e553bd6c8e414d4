import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { Pool, types } from 'pg'
import { knownMigrations } from './migrations.ts'
import type { Tables } from './schema.ts'
import { openSqlite } from './sqlite.ts'
import type { Db } from './store.ts'

/** A database as it is: opened to be looked at, neither made nor brought up to this version. */
export type ReadDatabase = {
  readonly db: Db
  /** What the server says of itself; undefined: the embedded database has no settings of its own. */
  readonly server: PostgresServer | undefined
  close(): Promise<void>
}

export type PostgresServer = {
  readonly version: string
  readonly encoding: string
  /** As the server, the database and the role have it, whatever a connection of ours sets for itself. */
  readonly synchronousCommit: string
  readonly fsync: string
  readonly fullPageWrites: string
  /** Its clock, in Unix milliseconds. */
  readonly nowMs: number
}

const TIMEOUT_MS = 4000

/**
 * Opens the database for reading, and for nothing else.
 *
 * Security: nothing of `databaseUrl` may get into an error: it holds the password.
 */
export async function openForReading(dataDir: string, databaseUrl: string | undefined): Promise<ReadDatabase> {
  if (databaseUrl === undefined) {
    const path = join(dataDir, 'countersign.db')
    // Where no server runs, a reader would make the files anew that lie beside an open database.
    const untouched = !existsSync(`${path}-wal`)
    const db = openSqlite<Tables>(path, { synchronous: 'FULL', readonly: true, untouched })
    return { db, server: undefined, close: () => db.destroy() }
  }
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: poolOf(databaseUrl) }) })
  try {
    return { db, server: await readServer(db), close: () => db.destroy() }
  } catch (error) {
    await db.destroy().catch(() => undefined)
    const isAboutUrl = error instanceof TypeError || !(error instanceof Error) || error.message.includes(databaseUrl)
    throw new Error(isAboutUrl ? 'COUNTERSIGN_DATABASE_URL cannot be read as a URL' : error.message)
  }
}

/** Which migrations of this version the database lacks, and which of a newer one it has. */
export async function readSchemaState(db: Db): Promise<{ readonly missing: string[]; readonly newer: string[] }> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  const applied = rows.map(({ name }) => name)
  return {
    missing: knownMigrations().filter((name) => !applied.includes(name)),
    newer: applied.filter((name) => !knownMigrations().includes(name)),
  }
}

function poolOf(connectionString: string): Pool {
  const pool = new Pool({
    ...{ connectionString, max: 1, application_name: 'countersign doctor' },
    ...{ connectionTimeoutMillis: TIMEOUT_MS, query_timeout: TIMEOUT_MS },
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format),
    },
    async onConnect(client) {
      client.on('error', () => undefined)
      await client.query('set default_transaction_read_only = on')
    },
  })
  pool.on('error', () => undefined)
  return pool
}

async function readServer(db: Db): Promise<PostgresServer> {
  const { rows } = await sql<PostgresServer>`
    select current_setting('server_version') as "version",
      current_setting('server_encoding') as "encoding",
      current_setting('synchronous_commit') as "synchronousCommit",
      current_setting('fsync') as "fsync",
      current_setting('full_page_writes') as "fullPageWrites",
      (extract(epoch from clock_timestamp()) * 1000)::bigint as "nowMs"`.execute(db)
  const [server] = rows
  if (server === undefined) throw new Error('the database does not answer')
  return server
}
