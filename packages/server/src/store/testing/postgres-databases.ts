import { Client } from 'pg'
import { openPostgres } from '../postgres.ts'
import { startPostgres } from './postgres-server.ts'

export type Database = { readonly url: string; remove(): Promise<void> }

type Server = { readonly url: string; readonly client: Client; readonly template: string }

/** Set by scripts/test.ts, which starts one server for all it runs. Any other server will do on which one may make databases. */
const GIVEN = 'TEST_POSTGRES_URL'

/** When the template was first started: what it holds from then on, every database holds. */
const FIRST_START = new Date('2030-01-01T00:00:00Z')

let starting: Promise<Server> | undefined
let made = 0

/** The server that the databases are on, started when it is first asked for. Throws where none can be started. */
export async function postgresUrl(): Promise<string> {
  starting ??= start()
  return (await starting).url
}

/** A database as a first start leaves it. */
export async function makeDatabase(): Promise<Database> {
  await postgresUrl()
  const { template } = await (starting as Promise<Server>)
  return create(`template ${template} strategy file_copy`)
}

/** A database without a table. */
export function makeEmptyDatabase(): Promise<Database> {
  return create('')
}

/** Runs SQL beside the server, as an operator with psql does. */
export async function runSql(url: string | undefined, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

/** Keeps a table from everybody else, as a change by hand does that takes long. Returns what lets it go. */
export async function holdTable(url: string | undefined, table: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query('begin')
  await client.query(`lock table ${client.escapeIdentifier(table)} in access exclusive mode`)
  return () => client.end()
}

/** All that is in a database, as text. */
export async function textOf(url: string): Promise<string> {
  const rows = await runSql(url, `select schema_to_xml('public', true, false, '')::text as xml`)
  return rows.map(({ xml }) => xml).join()
}

async function create(how: string): Promise<Database> {
  starting ??= start()
  const { url, client } = await starting
  const name = `test_${process.pid}_${made++}`
  await client.query(`create database ${name} ${how}`)
  return {
    url: urlOf(url, name),
    remove: async () => void (await client.query(`drop database if exists ${name} with (force)`)),
  }
}

async function start(): Promise<Server> {
  const url = process.env[GIVEN] ?? (await startPostgres())
  const client = new Client({ connectionString: url })
  await client.connect()
  // The types do not know it. A process that has nothing else to wait for may end.
  ;(client as Client & { unref(): void }).unref()
  const template = `template_${process.pid}`
  await client.query(`create database ${template}`)
  await (await openPostgres(urlOf(url, template), FIRST_START)).close()
  return { url, client, template }
}

/** The same server, another database. */
function urlOf(server: string, database: string): string {
  return server.replace(/^(postgres(?:ql)?:\/\/[^/]*\/)[^?]*/, `$1${database}`)
}
