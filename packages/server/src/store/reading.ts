import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { Pool, type PoolConfig, types } from 'pg'
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
  const limits = { application_name: 'countersign doctor', query_timeout: TIMEOUT_MS }
  return openPool(databaseUrl, poolOf(databaseUrl, limits, []))
}

/**
 * Opens the database to read all of it, for as long as that takes, while servers may come and go.
 *
 * Security: as above.
 */
export async function openToCopy(dataDir: string, databaseUrl: string | undefined): Promise<ReadDatabase> {
  if (databaseUrl !== undefined) {
    const unlimited = ['statement_timeout = 0', 'idle_in_transaction_session_timeout = 0']
    return openPool(databaseUrl, poolOf(databaseUrl, { application_name: 'countersign backup' }, unlimited))
  }
  // Never as "untouched": a server that starts meanwhile would change what is being read.
  const db = openSqlite<Tables>(join(dataDir, 'countersign.db'), { synchronous: 'FULL', readonly: true })
  return { db, server: undefined, close: () => db.destroy() }
}

async function openPool(databaseUrl: string, pool: Pool): Promise<ReadDatabase> {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
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

function poolOf(connectionString: string, limits: PoolConfig, settings: readonly string[]): Pool {
  const pool = new Pool({
    ...{ connectionString, max: 1, connectionTimeoutMillis: TIMEOUT_MS, ...limits },
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format),
    },
    async onConnect(client) {
      client.on('error', () => undefined)
      const all = ['default_transaction_read_only = on', ...settings]
      await client.query(all.map((setting) => `set ${setting}`).join('; '))
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
