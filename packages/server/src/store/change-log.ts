import type { Db, Noun, Store } from './store.ts'
import { parseRevision, toSeconds } from './store.ts'

/** One thing that changed; what it is now has to be read. */
export type LoggedChange = { readonly revision: number; readonly noun: Noun; readonly id: string }

/** How long a node may have been away and still catch up; past it, it loads everything. */
const KEPT_SECONDS = 24 * 3600

/** A revision, and the mark of chance that it was given. */
export type Position = { readonly revision: number; readonly stamp: string }

export async function readPosition(db: Db): Promise<Position> {
  const row = await db.selectFrom('revision').select(['value', 'stamp']).where('id', '=', 1).executeTakeFirstOrThrow()
  return { revision: parseRevision(row.value), stamp: row.stamp }
}

export async function readRevision(db: Db): Promise<number> {
  return (await readPosition(db)).revision
}

export async function listChangesAfter(db: Db, revision: number): Promise<LoggedChange[]> {
  const rows = await db.selectFrom('change').selectAll().where('revision', '>', revision).orderBy('revision').execute()
  return rows.map((row) => ({ revision: row.revision, noun: row.noun as Noun, id: row.noun_id }))
}

/** The newest row of the log; undefined: it is empty. */
export async function readLogEnd(db: Db): Promise<Position | undefined> {
  const row = await db
    .selectFrom('change')
    .select(['revision', 'stamp'])
    .orderBy('revision', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && { revision: parseRevision(row.revision), stamp: row.stamp }
}

/** The stamp of what was logged at this revision; undefined: nothing, or no more. */
export async function readLoggedStamp(db: Db, revision: number): Promise<string | undefined> {
  const row = await db.selectFrom('change').select('stamp').where('revision', '=', revision).limit(1).executeTakeFirst()
  return row?.stamp
}

export async function trimChangeLog(store: Store): Promise<void> {
  const before = toSeconds(store.clock()) - KEPT_SECONDS
  // By revision, not by time: should the clock have gone back, the log must still have no hole in its middle. The
  // newest old row stays: whoever has read as far as that one can go on from it.
  await store.writer
    .deleteFrom('change')
    .where('revision', '<', (select) =>
      select
        .selectFrom('change')
        .select((column) => column.fn.max('revision').as('last'))
        .where('at', '<', before),
    )
    .execute()
}
