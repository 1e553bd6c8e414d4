import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { readRevision } from './change-log.ts'
import type { Tables } from './schema.ts'
import type { Db } from './store.ts'

/** A row as both engines keep it: numbers, texts and nulls. */
type Row = Readonly<Record<string, number | string | null>>

/**
 * Every table that is more than a running server's own, with what its rows are ordered by: those that others refer to
 * first. The change log is for nodes that follow, and whoever starts on a copy has nothing to follow from.
 */
const COPIED = {
  resource: ['name'],
  resource_host: ['host'],
  group: ['name'],
  client: ['id'],
  user: ['id'],
  membership: ['member_kind', 'member', 'group'],
  permission: ['id'],
  credential: ['id'],
  revocation_line: ['subject'],
  signing_key: ['kid'],
  foreign_prefix: ['prefix'],
  issuer: ['name'],
  trust_rule: ['name'],
  user_link: ['issuer', 'subject'],
  used_assertion: ['client', 'jti'],
  retired_id: ['noun', 'noun_id'],
  audit_event: ['id'],
  revision: ['id'],
  setting: ['name'],
} as const satisfies Partial<Record<keyof Tables, readonly string[]>>

export type CopiedTable = keyof typeof COPIED
export const COPIED_TABLES = Object.keys(COPIED) as readonly CopiedTable[]
/** What is kept of each node alone, or written anew by it. */
export const NOT_COPIED = ['change', 'node'] as const satisfies readonly Exclude<keyof Tables, CopiedTable>[]

/** Set while a database is being filled: no server starts on it. */
const FILLING = 'being_filled_from'
const ROWS_A_TRANSACTION = 500

/** Told how many rows of a table are there by now. */
export type OnCopied = (table: CopiedTable, rows: number) => void

/** How many rows a table has, and the SHA-256 of all of them in their order, whatever the engine. */
export type TableDigest = { readonly table: CopiedTable; readonly rows: number; readonly sha256: string }

/** What a database is being filled from; undefined: it is not. */
export async function fillingOf(db: Db): Promise<string | undefined> {
  const row = await db.selectFrom('setting').select('value').where('name', '=', FILLING).executeTakeFirst()
  return row?.value
}

/** Whether nobody has changed anything since the database was made. */
export async function isUntouched(db: Db): Promise<boolean> {
  const { rows } = await sql<{ there: number }>`
    select (select value from revision) + (select count(*) from credential) + (select count(*) from audit_event) as there
  `.execute(db)
  return Number(rows[0]?.there) === 0
}

/**
 * Copies every table into a database that holds nothing yet, or a part of the same copy. A copy that was broken off goes on
 * where it stopped: rows come in their order, and each transaction holds whole rows.
 *
 * The source must not change meanwhile. `origin` names it; a target that is being filled from another one is refused.
 */
export async function copyAll(source: Db, target: Db, origin: string, onCopied: OnCopied): Promise<void> {
  const filling = await fillingOf(target)
  if (filling === undefined) await empty(target, origin)
  else if (filling !== origin) throw new Error(`the database is being filled from ${filling}, not from ${origin}`)
  for (const table of COPIED_TABLES) {
    if (table === 'setting') await copySettings(source, target, onCopied)
    else await copyTable(source, target, table, onCopied)
  }
}

/** At which revision a database is, and how many rows each table has. */
export async function countAll(db: Db): Promise<{ revision: number; rows: Record<CopiedTable, number> }> {
  const rows = {} as Record<CopiedTable, number>
  for (const table of COPIED_TABLES) rows[table] = await countOf(db, table)
  return { revision: await readRevision(db), rows }
}

/** Says that a copy is whole. From now on servers start on it. */
export async function finishCopy(target: Db): Promise<void> {
  await target.deleteFrom('setting').where('name', '=', FILLING).execute()
}

/** What a fresh database holds by itself comes from the source, like everything else. */
async function empty(target: Db, origin: string): Promise<void> {
  await target.transaction().execute(async (db) => {
    for (const table of COPIED_TABLES.toReversed()) await sql`delete from ${sql.table(table)}`.execute(db)
    await db.insertInto('setting').values({ name: FILLING, value: origin }).execute()
  })
}

async function copyTable(source: Db, target: Db, table: CopiedTable, onCopied: OnCopied): Promise<void> {
  let copied = await countOf(target, table)
  let after = await lastOf(target, table)
  for (;;) {
    const rows = await readRows(source, table, after)
    if (rows.length > 0)
      await target
        .insertInto(table)
        .values(rows as never)
        .execute()
    copied += rows.length
    onCopied(table, copied)
    after = rows.at(-1)
    if (after === undefined || rows.length < ROWS_A_TRANSACTION) return
  }
}

/** The mark of the copy stands among them, so they are not simply those behind the last. They are few. */
async function copySettings(source: Db, target: Db, onCopied: OnCopied): Promise<void> {
  const settings = await source.selectFrom('setting').selectAll().where('name', '!=', FILLING).execute()
  if (settings.length > 0) {
    const insert = target.insertInto('setting').values(settings)
    await insert.onConflict((conflict) => conflict.column('name').doNothing()).execute()
  }
  onCopied('setting', settings.length)
}

/** Each table's rows in their order, put down in one way for both engines. */
export async function digestAll(db: Db, onRead: OnCopied): Promise<TableDigest[]> {
  const digests: TableDigest[] = []
  for (const table of COPIED_TABLES) {
    const hash = createHash('sha256')
    let count = 0
    let after: Row | undefined
    for (;;) {
      const rows = await readRows(db, table, after)
      for (const row of rows) {
        if (table === 'setting' && row.name === FILLING) continue
        const columns = Object.keys(row).sort()
        hash.update(`${JSON.stringify(columns.map((column) => [column, row[column]]))}\n`)
        count++
      }
      onRead(table, count)
      after = rows.at(-1)
      if (after === undefined || rows.length < ROWS_A_TRANSACTION) break
    }
    digests.push({ table, rows: count, sha256: hash.digest('hex') })
  }
  return digests
}

function keyOf(table: CopiedTable) {
  return sql.join(COPIED[table].map((column) => sql.ref(column)))
}

async function countOf(db: Db, table: CopiedTable): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db)
  return Number(rows[0]?.n)
}

async function readRows(db: Db, table: CopiedTable, after: Row | undefined): Promise<Row[]> {
  const key = keyOf(table)
  const values = sql.join(COPIED[table].map((column) => after?.[column] ?? null))
  const from = after === undefined ? sql`` : sql`where (${key}) > (${values})`
  const { rows } = await sql<Row>`
    select * from ${sql.table(table)} ${from} order by ${key} limit ${sql.lit(ROWS_A_TRANSACTION)}`.execute(db)
  return rows
}

async function lastOf(db: Db, table: CopiedTable): Promise<Row | undefined> {
  const descending = sql.join(COPIED[table].map((column) => sql`${sql.ref(column)} desc`))
  const { rows } = await sql<Row>`
    select ${keyOf(table)} from ${sql.table(table)} order by ${descending} limit 1`.execute(db)
  return rows[0]
}
