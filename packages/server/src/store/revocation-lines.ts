import type { RevocationLine } from '../domain/credential.ts'
import { type Change, type Db, toDate, toSeconds } from './store.ts'

export async function listRevocationLines(db: Db, subjects?: readonly string[]): Promise<RevocationLine[]> {
  let query = db.selectFrom('revocation_line').selectAll()
  if (subjects !== undefined) query = query.where('subject', 'in', subjects)
  return (await query.execute()).map((row) => ({ ...row, at: toDate(row.at) }))
}

/** Revokes everything of `subject` that was made so far, with one row. A later line replaces an earlier one. */
export async function drawRevocationLine(change: Change, subject: string, reason: string | null): Promise<void> {
  const line = { revision: change.revision, at: toSeconds(change.now), by: change.actor.by, reason }
  await change.db
    .insertInto('revocation_line')
    .values({ subject, ...line })
    .onConflict((conflict) => conflict.column('subject').doUpdateSet(line))
    .execute()
}
