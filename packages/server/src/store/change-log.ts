import type { Db, Noun, Store } from './store.ts'
import { parseRevision, toSeconds } from './store.ts'

/** One thing that changed; what it is now has to be read. */
export type LoggedChange = { readonly revision: number; readonly noun: Noun; readonly id: string }

/** How long a node may have been away and still catch up; past it, it loads everything. */
const KEPT_SECONDS = 24 * 3600

export async function readRevision(db: Db): Promise<number> {
  const row = await db.selectFrom('revision').select('value').where('id', '=', 1).executeTakeFirstOrThrow()
  return parseRevision(row.value)
}

export async function listChangesAfter(db: Db, revision: number): Promise<LoggedChange[]> {
  const rows = await db.selectFrom('change').selectAll().where('revision', '>', revision).orderBy('revision').execute()
  return rows.map((row) => ({ revision: row.revision, noun: row.noun as Noun, id: row.noun_id }))
}

/** The first revision that the log still holds; a follower older than its predecessor has to load everything. */
export async function readLogStart(db: Db): Promise<number | undefined> {
  const { first } = await db
    .selectFrom('change')
    .select((select) => select.fn.min('revision').as('first'))
    .executeTakeFirstOrThrow()
  return first ?? undefined
}

export async function trimChangeLog(store: Store): Promise<void> {
  const before = toSeconds(store.clock()) - KEPT_SECONDS
  // By revision, not by time: should the clock have gone back, the log must still have no hole in its middle.
  await store.writer
    .deleteFrom('change')
    .where('revision', '<=', (select) =>
      select
        .selectFrom('change')
        .select((column) => column.fn.max('revision').as('last'))
        .where('at', '<', before),
    )
    .execute()
}
