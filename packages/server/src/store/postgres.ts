import {
  type ColumnDefinitionNode,
  DataTypeNode,
  Kysely,
  type KyselyPlugin,
  OperationNodeTransformer,
  PostgresAdapter,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  RawNode,
  sql,
} from 'kysely'
import { Pool, type PoolConfig, types } from 'pg'
import type { DecisionsDb } from './decisions.ts'
import { DECISIONS_IN_POSTGRES } from './decisions-engines.ts'
import { migrate, migrateDecisions } from './migrations.ts'
import { sharedDatabase } from './postgres-shared.ts'
import type { DecisionTables, Tables } from './schema.ts'
import { type OnStatementError, telling } from './statement-errors.ts'
import type { SharedDatabase } from './store.ts'

export type PostgresStore = {
  readonly reader: Kysely<Tables>
  readonly writer: Kysely<Tables>
  readonly applied: readonly string[]
  readonly shared: SharedDatabase
  connections(): readonly PoolFigures[]
  close(): Promise<void>
}

/** How the connections of one pool are used, and how many wait for one. */
export type PoolFigures = {
  readonly pool: string
  readonly used: number
  readonly idle: number
  readonly waiting: number
}

function figuresOf(pool: string, { totalCount, idleCount, waitingCount }: Pool): PoolFigures {
  return { pool, used: totalCount - idleCount, idle: idleCount, waiting: waitingCount }
}

/** How long we wait for a connection: a new one, or one of the pool while all are in use. */
const CONNECT_TIMEOUT_MS = 4000
/** How long we wait for an answer. A link that was cut in silence says nothing: the limits of the server do not help. */
const ANSWER_TIMEOUT_MS = 10_000

/** The revision is asked for by a connection of its own, so that the poll waits for nobody and soon knows of a dead link. */
const REVISION_TIMEOUT_MS = 2000

/** Somebody waits for a look-up, and others for their turn behind it. */
const LOOK_UP_TIMEOUT_MS = 3000

const MAX_READERS = 10
/** Changes are serial by the counter's lock: more writers would only wait there. */
const MAX_WRITERS = 4

/** `change()` relies on it: at a higher level, a change that had to wait would fail instead of going on. */
const ISOLATION = "default_transaction_isolation = 'read committed'"

/** What was acknowledged is on the disk. Whoever has set more, as with a standby that has to have it too, keeps that. */
const DURABLE = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`

/**
 * A node that dies within a change must not keep the counter locked for the others: whoever falls silent there loses it
 * before those who wait for it give up.
 */
const LIMITS = ["lock_timeout = '4s'", "statement_timeout = '8s'", "idle_in_transaction_session_timeout = '3s'"]

const LASTING = [ISOLATION, ...LIMITS]

/** Whatever number no other lock of this database has. */
const MIGRATION_LOCK = 4_211_904_720

/**
 * Opens the database behind `url`, brought up to this version's schema. What a promise rests on is set on each
 * connection, never left to what server, database or role say.
 *
 * Security: nothing of `url` may get into an error: it holds the password.
 */
export async function openPostgres(url: string, now: Date, onError?: OnStatementError): Promise<PostgresStore> {
  try {
    return await openEach(url, now, onError)
  } catch (error) {
    // An error about the URL itself quotes it.
    const isAboutUrl = error instanceof TypeError || !(error instanceof Error) || error.message.includes(url)
    const message = isAboutUrl ? 'it cannot be read as a URL' : error.message
    throw new Error(`the database of COUNTERSIGN_DATABASE_URL cannot be opened: ${message}`)
  }
}

async function openEach(url: string, now: Date, onError: OnStatementError | undefined): Promise<PostgresStore> {
  const applied = await migrateAlone(url, now)
  const limits = { query_timeout: ANSWER_TIMEOUT_MS }
  const reading = poolOf(url, { max: MAX_READERS, ...limits }, [...LASTING, 'default_transaction_read_only = on'])
  const writing = poolOf(url, { max: MAX_WRITERS, ...limits }, [...LASTING, 'default_transaction_read_only = off'])
  const revisions = poolOf(
    url,
    { max: 1, query_timeout: REVISION_TIMEOUT_MS, connectionTimeoutMillis: REVISION_TIMEOUT_MS },
    [...LASTING, 'default_transaction_read_only = on'],
  )
  const [reader, writer, revisionReader] = [over(reading, onError), over(writing, onError), over(revisions, onError)]
  const lookUpReader = over(reading, onError, LOOK_UP_TIMEOUT_MS)
  const pools = [reader, writer, revisionReader]
  // What was never asked cannot be closed: it would connect when it is asked then.
  for (const db of pools) await sql`select 1`.execute(db)
  return {
    ...{ reader, writer, applied },
    shared: sharedDatabase(url, { revisionReader, lookUpReader }),
    connections: () => [figuresOf('reader', reading), figuresOf('writer', writing), figuresOf('revision', revisions)],
    async close() {
      for (const db of pools) await db.destroy()
    },
  }
}

/** Opens the decisions of all nodes on the database: what the newest were may be lost in a power cut, and no more. */
export async function openPostgresDecisions(url: string, onError?: OnStatementError): Promise<DecisionsDb> {
  await alone(url, (session) => migrateDecisions(asDecisions(session), true))
  const pool = poolOf(
    url,
    { max: 2, query_timeout: ANSWER_TIMEOUT_MS },
    [...LASTING, 'default_transaction_read_only = off', 'synchronous_commit = off'],
    '',
  )
  const db = over(pool, onError)
  await sql`select 1`.execute(db)
  return Object.assign(asDecisions(db), { own: DECISIONS_IN_POSTGRES })
}

/** They lie beside the other tables, and nothing joins them. */
function asDecisions(db: Kysely<Tables>): Kysely<DecisionTables> {
  return db as Kysely<unknown> as Kysely<DecisionTables>
}

/** Several processes may start at once: the first one migrates, the others wait for it and find nothing to do. */
function migrateAlone(url: string, now: Date): Promise<readonly string[]> {
  return alone(url, (session) => migrate(session, now))
}

async function alone<T>(url: string, work: (session: Kysely<Tables>) => Promise<T>): Promise<T> {
  // Without limits: a migration may have much to rewrite, and whoever waits for one has nothing else to do.
  const db = over(poolOf(url, { max: 1 }, [ISOLATION, 'default_transaction_read_only = off']))
  try {
    return await db.connection().execute(async (session) => {
      await requireUtf8(session)
      // It ends with the connection.
      await sql`select pg_advisory_lock(${sql.lit(MIGRATION_LOCK)})`.execute(session)
      return work(session.withPlugin(bytewiseTexts))
    })
  } finally {
    await db.destroy()
  }
}

async function requireUtf8(db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ server_encoding: string }>`show server_encoding`.execute(db)
  const encoding = rows[0]?.server_encoding
  if (encoding !== 'UTF8') throw new Error(`the database has the encoding ${encoding}: create one with encoding UTF8`)
}

/**
 * Texts compare by their bytes, as in SQLite, whatever the locale of the database: lists have one order on both
 * engines, and an operating system that sorts otherwise after an update cannot break a unique index.
 */
class BytewiseTexts extends OperationNodeTransformer {
  protected override transformColumnDefinition(node: ColumnDefinitionNode): ColumnDefinitionNode {
    const column = super.transformColumnDefinition(node)
    const { dataType } = column
    if (!DataTypeNode.is(dataType) || dataType.dataType !== 'text') return column
    return { ...column, dataType: RawNode.createWithSql('text collate "C"') }
  }
}

/** Kysely's own lock is taken too late, after its tables were made, and in its end hides why a migration failed. */
class AloneDialect extends PostgresDialect {
  override createAdapter() {
    return new AloneAdapter()
  }
}

class AloneAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

const transformer = new BytewiseTexts()
const bytewiseTexts: KyselyPlugin = {
  transformQuery: ({ node, queryId }) => transformer.transformNode(node, queryId),
  transformResult: async ({ result }) => result,
}

function poolOf(url: string, limits: PoolConfig, settings: readonly string[], atLast = DURABLE): Pool {
  const pool = new Pool({
    application_name: 'countersign',
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: { getTypeParser },
    async onConnect(client) {
      // A connection that is lost tells whoever uses it next. Without listeners it would end the process.
      client.on('error', () => undefined)
      await client.query([...settings.map((setting) => `set ${setting}`), atLast].join('; '))
    },
    ...limits,
  })
  pool.on('error', () => undefined)
  return pool
}

/** `answerMs`: to wait less long for an answer than the pool does. */
function over(pool: Pool, onError?: OnStatementError, answerMs?: number): Kysely<Tables> {
  const dialect = new AloneDialect({ pool: leavingTheSilent(pool, answerMs) })
  return new Kysely<Tables>({ dialect, ...telling(onError) })
}

const getTypeParser: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === types.builtins.INT8 ? parseInt8 : types.getTypeParser(oid, format)

/** A bigint as a number. One that a number cannot hold would be rounded to another: it is an error. */
function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Error('a number in the database is too large')
  return value
}

/** Closes a connection that did not answer in time: pg would lend it out again, and each query wait for those before. */
function leavingTheSilent(pool: Pool, answerMs?: number): PostgresPool {
  const limit = answerMs === undefined ? {} : { query_timeout: answerMs }
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect()
      const query = (text: string, values: unknown[]) =>
        client.query({ text, values, ...limit }).catch((error: unknown) => {
          if (error instanceof Error && error.message === 'Query read timeout') void client.end()
          throw error
        })
      return { query: query as unknown as PostgresPoolClient['query'], release: (destroy) => client.release(destroy) }
    },
  }
}
