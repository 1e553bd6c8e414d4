import type { RevocationLine } from '../domain/credential.ts'
import { idEnd } from '../domain/ids.ts'
import { readRow } from './corrupt-row.ts'
import { type Change, type Db, parseRevision, type Store, toDate, toDateOrNull, toSeconds } from './store.ts'

export async function listRevocationLines(db: Db, subjects?: readonly string[]): Promise<RevocationLine[]> {
  let query = db.selectFrom('revocation_line').selectAll()
  if (subjects !== undefined) query = query.where('subject', 'in', subjects)
  return (await query.execute()).map((row) =>
    readRow('revocation_line', row.subject, () => ({
      subject: row.subject,
      revision: parseRevision(row.revision),
      before: toDateOrNull(row.before),
      endsAt: toDateOrNull(row.ends_at),
      at: toDate(row.at),
      by: row.by,
      reason: row.reason,
    })),
  )
}

/**
 * What is known to have been revoked, of what is not there: by the end of its id, which it gets again when it is imported
 * again.
 */
export function importedSubject(end: string): string {
  return `imported:${end}`
}

/** Which of these ids are of something that was revoked before the database was restored. */
export async function findRevokedBefore(db: Db, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const bySubject = new Map(ids.map((id) => [importedSubject(idEnd(id) ?? ''), id]))
  const lines = await listRevocationLines(db, [...bySubject.keys()])
  return lines.flatMap(({ subject }) => bySubject.get(subject) ?? [])
}

/** How far a line reaches. */
export type LineReach = {
  /** Only what was made before this moment; omitted: all that was made up to the change itself. */
  readonly before?: Date | undefined
  /** When all that it goes through has expired; omitted: never. */
  readonly endsAt?: Date | null | undefined
}

/**
 * Revokes, with one row, everything of `subject` that has been made so far, or that was made before a moment. A line
 * never moves back: what it went through stays dead.
 */
export async function drawRevocationLine(
  change: Change,
  subject: string,
  reason: string | null,
  { before: asked, endsAt }: LineReach = {},
): Promise<void> {
  // Of a moment that is still to come: all that has been made so far, not what will be made until then.
  const before = asked !== undefined && asked > change.now ? undefined : asked
  const [drawn] = await listRevocationLines(change.db, [subject])
  const line = {
    revision: before === undefined ? change.revision : (drawn?.revision ?? 0),
    before: toSecondsOrNull(latest(drawn?.before ?? null, before ?? null)),
    at: toSeconds(change.now),
    by: change.actor.by,
    reason,
    ends_at: drawn !== undefined && drawn.endsAt === null ? null : toSecondsOrNull(endsAt ?? null),
  }
  await change.db
    .insertInto('revocation_line')
    .values({ subject, ...line })
    .onConflict((conflict) => conflict.column('subject').doUpdateSet(line))
    .execute()
}

/** Deletes lines through nothing but what has expired, at most `limit`. No answer changes by that. */
export async function deleteEndedLines(store: Store, before: Date, limit: number): Promise<number> {
  const { numDeletedRows } = await store.writer
    .deleteFrom('revocation_line')
    .where('subject', 'in', (select) =>
      select
        .selectFrom('revocation_line')
        .select('subject')
        .where('ends_at', '<', toSeconds(before))
        .orderBy('ends_at')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}

function latest(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other
  return one > other ? one : other
}

function toSecondsOrNull(date: Date | null): number | null {
  return date === null ? null : toSeconds(date)
}
