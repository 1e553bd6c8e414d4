import { sql } from 'kysely'
import { forgetNote } from './backup-file.ts'
import { change, HOST_ACTOR, type Store, toSeconds } from './store.ts'

export type Reckoning = {
  /** What was revoked after the backup was made: credentials by their public ids, or all of `client:…`, `user:…`, `family:…`. */
  readonly revoked: readonly string[]
  /** Whatever was made since is revoked as well; undefined: nothing is for its age. */
  readonly since: Date | undefined
}

export type Reckoned = {
  /** Revoked now, of those that were named. */
  readonly again: number
  /** Named, but not in the backup: made after it, so nobody knows them any more. */
  readonly unknown: readonly string[]
  readonly bySince: number
  readonly signingKeys: number
  readonly accessTokens: number
}

const REASON = 'restored from a backup'

/**
 * Brings what a backup holds up to what is known to have happened since, before any server starts on it.
 *
 * Security: what signed tokens after the backup was made may be in wrong hands, and whoever got one meanwhile is in no list
 * here. All signing keys are retired with what they signed, and every access token that has a row is deleted: clients get
 * new ones by themselves.
 */
export async function reckon(store: Store, { revoked, since }: Reckoning): Promise<Reckoned> {
  const { result } = await change(store, HOST_ACTOR, async (running) => {
    const { db, now } = running
    const at = toSeconds(now)
    await forgetNote(db)
    const mark = { revoked_at: at, revoked_by: HOST_ACTOR.by, revoked_reason: REASON, revision: running.revision }
    const draw = async (subject: string) => {
      const line = { revision: running.revision, before: null, at, by: HOST_ACTOR.by, reason: REASON, ends_at: null }
      await db
        .insertInto('revocation_line')
        .values({ subject, ...line })
        .onConflict((conflict) => conflict.column('subject').doUpdateSet(line))
        .execute()
    }
    const { revision: _, ...revocation } = mark
    const found = new Set<string>()
    let again = 0
    for (const id of new Set(revoked)) {
      if (id.includes(':')) {
        await draw(id)
        await running.record('revocation_line.draw', 'revocation_line', id, { reason: REASON })
        found.add(id)
        again++
        continue
      }
      const row = await db.selectFrom('credential').select('revoked_at').where('id', '=', id).executeTakeFirst()
      if (row !== undefined) found.add(id)
      // A line is drawn for those without a row too: of a JWT, or a client's own key, it is all there is.
      await draw(`credential:${id}`)
      if (row === undefined || row.revoked_at !== null) continue
      await db.updateTable('credential').set(revocation).where('id', '=', id).execute()
      await running.record('credential.revoke', 'credential', id, { reason: REASON })
      again++
    }
    let bySince = 0
    if (since !== undefined) {
      const made = await db
        .selectFrom('credential')
        .select('id')
        .where('created_at', '>=', toSeconds(since))
        .where('revoked_at', 'is', null)
        .where('kind', '!=', 'at')
        .execute()
      for (const { id } of made) {
        await draw(`credential:${id}`)
        await db.updateTable('credential').set(revocation).where('id', '=', id).execute()
        await running.record('credential.revoke', 'credential', id, { reason: REASON })
      }
      bySince = made.length
    }
    const keys = await db
      .updateTable('signing_key')
      .set({ retired_at: at })
      .where('retired_at', 'is', null)
      .executeTakeFirst()
    const tokens = await db.deleteFrom('credential').where('kind', '=', 'at').executeTakeFirst()
    await sql`delete from node`.execute(db)
    await running.record('database.restore', 'signing_key', 'all', {
      revoked: again,
      revoked_since: since?.toISOString() ?? null,
    })
    return {
      again,
      bySince,
      unknown: [...new Set(revoked)].filter((id) => !found.has(id)),
      signingKeys: Number(keys.numUpdatedRows),
      accessTokens: Number(tokens.numDeletedRows),
    }
  })
  return result
}
