import type { RevocationLine } from '../domain/credential.ts'
import { type Change, type Db, toDate, toSeconds } from './store.ts'

export async function listRevocationLines(db: Db, subjects?: readonly string[]): Promise<RevocationLine[]> {
  let query = db.selectFrom('revocation_line').selectAll()
  if (subjects !== undefined) query = query.where('subject', 'in', subjects)
  return (await query.execute()).map((row) => ({ ...row, at: toDate(row.at) }))
}

/**
 * Revokes, with one row, everything of `subject` that was made up to the revision `upTo`. A line never moves back:
 * what it went through stays dead.
 */
export async function drawRevocationLine(
  change: Change,
  subject: string,
  reason: string | null,
  upTo: number = change.revision,
): Promise<void> {
  const line = { revision: upTo, at: toSeconds(change.now), by: change.actor.by, reason }
  await change.db
    .insertInto('revocation_line')
    .values({ subject, ...line })
    .onConflict((conflict) => conflict.column('subject').doUpdateSet(line).where('revocation_line.revision', '<', upTo))
    .execute()
}
