import type { Decision } from '@countersign/admin-api'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DecisionTables } from './schema.ts'
import { parseJson } from './store.ts'

/** Where records are kept, with what its engine says in words of its own. */
export type DecisionsDb = Kysely<DecisionTables> & { readonly own: DecisionsEngine }

export type DecisionsEngine = {
  /**
   * Writes records, each as [id, at, outcome, code, resource, credential, body]. One statement, whose text is the same for
   * however many: one for each took twice as long.
   */
  insertRecords(rows: readonly (readonly unknown[])[]): RawBuilder<unknown>
  /** What all of it takes on disk, of what is in use. */
  readonly bytes: RawBuilder<{ bytes: number }>
  /** Drops the oldest tenth of the counts. */
  readonly dropOldestCounts: RawBuilder<unknown>
  /** Gives what was dropped back to the disk; undefined: that is done by itself. */
  readonly reclaim: RawBuilder<unknown> | undefined
}

export type DecisionFilter = {
  readonly outcome?: 'allow' | 'deny' | undefined
  readonly resource?: string | undefined
  readonly credential?: string | undefined
  readonly code?: string | undefined
  /** Older than the one with this id. */
  readonly before?: string | undefined
  readonly limit: number
}

/** How often a credential was allowed by one rule in one hour (hours since 1970). */
export type AllowedCount = {
  readonly credential: string
  readonly resource: string
  readonly rule: number
  readonly hour: number
  readonly count: number
}

function rowOf(record: Decision) {
  const { id, at, outcome, code, resource, credential } = record
  const seconds = Math.floor(Date.parse(at) / 1000)
  return [id, seconds, outcome, code, resource, credential?.id ?? null, JSON.stringify(record)]
}

export async function insertDecisions(
  db: DecisionsDb,
  records: readonly Decision[],
  counts: readonly AllowedCount[],
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    if (records.length > 0) await db.own.insertRecords(records.map(rowOf)).execute(trx)
    const added = addedUp(counts)
    if (added.length === 0) return
    await trx
      .insertInto('allowed')
      .values(added)
      .onConflict((conflict) =>
        conflict
          .columns(['credential', 'resource', 'rule', 'hour'])
          .doUpdateSet((set) => ({ count: sql<number>`${set.ref('allowed.count')} + ${set.ref('excluded.count')}` })),
      )
      .execute()
  })
}

/**
 * One count a row: no statement may write a row twice. In one order, whoever writes them: two transactions that lock
 * rows in different orders can wait for each other for ever.
 */
function addedUp(counts: readonly AllowedCount[]): AllowedCount[] {
  const byRow = new Map<string, AllowedCount>()
  for (const one of counts) {
    const row = JSON.stringify([one.credential, one.resource, one.rule, one.hour])
    byRow.set(row, { ...one, count: one.count + (byRow.get(row)?.count ?? 0) })
  }
  return [...byRow].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
}

export async function findDecision(db: DecisionsDb, id: string): Promise<Decision | undefined> {
  const row = await db.selectFrom('decision').select('body').where('id', '=', id).executeTakeFirst()
  return row && parseJson<Decision>(row.body)
}

/** Newest first. */
export async function listDecisions(db: DecisionsDb, filter: DecisionFilter): Promise<Decision[]> {
  let query = db.selectFrom('decision').select('body').orderBy('seq', 'desc').limit(filter.limit)
  if (filter.outcome !== undefined) query = query.where('outcome', '=', filter.outcome)
  if (filter.resource !== undefined) query = query.where('resource', '=', filter.resource)
  if (filter.credential !== undefined) query = query.where('credential', '=', filter.credential)
  if (filter.code !== undefined) query = query.where('code', '=', filter.code)
  if (filter.before !== undefined) {
    const before = db.selectFrom('decision').select('seq').where('id', '=', filter.before)
    query = query.where('seq', '<', before)
  }
  return (await query.execute()).map((row) => parseJson<Decision>(row.body))
}

export type Retention = { readonly seconds: number; readonly maxBytes: number }

/** Drops what is older than the retention, and the oldest tenth of everything where there is too much. */
export async function trimDecisions(db: DecisionsDb, now: Date, retention: Retention): Promise<void> {
  const before = Math.floor(now.getTime() / 1000) - retention.seconds
  await db.deleteFrom('decision').where('at', '<', before).execute()
  await db
    .deleteFrom('allowed')
    .where('hour', '<', Math.floor(before / 3600))
    .execute()
  if ((await fileBytes(db)) <= retention.maxBytes) return
  await sql`delete from decision where seq <= (select min(seq) + (max(seq) - min(seq)) / 10 from decision)`.execute(db)
  await db.own.dropOldestCounts.execute(db)
  await db.own.reclaim?.execute(db)
}

async function fileBytes(db: DecisionsDb): Promise<number> {
  const { rows } = await db.own.bytes.execute(db)
  return rows[0]?.bytes ?? 0
}
