import { sql } from 'kysely'
import { idEnd } from '../domain/ids.ts'
import { forgetNote } from './backup-file.ts'
import { findOwner } from './owners.ts'
import { importedSubject } from './revocation-lines.ts'
import { type Change, change, HOST_ACTOR, type Store, toSeconds } from './store.ts'
import { findMadeSince, type Withdrawn, withdraw } from './withdrawing.ts'

export type Reckoning = {
  /** What was revoked after the backup was made: credentials by their public ids, or all of `client:…`, `user:…`, `family:…`. */
  readonly revoked: readonly string[]
  /** What was deleted or disabled after the backup was made. */
  readonly withdrawn: readonly Withdrawn[]
  /** Whatever was made since counts no more either; undefined: all of it does. */
  readonly since: Date | undefined
}

export type Reckoned = {
  /** Revoked now, of those that were named. */
  readonly again: number
  /** Withdrawn now, of what was named. */
  readonly withdrawn: readonly Withdrawn[]
  /** Named, but not in the backup: made after it, so nobody knows them any more. */
  readonly unknown: readonly string[]
  /** Keys, tokens and secrets that were made since. */
  readonly bySince: number
  /** Whoever was made since, and what was given since: withdrawn now. */
  readonly madeSince: readonly Withdrawn[]
  /** What was changed otherwise since, and is left as it is. */
  readonly changedSince: readonly string[]
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
export async function reckon(store: Store, { revoked, withdrawn: named, since }: Reckoning): Promise<Reckoned> {
  const { result } = await change(store, HOST_ACTOR, async (running) => {
    const { db, now } = running
    await forgetNote(db)
    const { again, unknown } = await revokeAgain(running, new Set(revoked))
    const withdrawn = await withdrawAll(running, named)
    const bySince = since === undefined ? 0 : await revokeSince(running, since)
    // As it was before any of this: what is done here is no change of anybody's.
    const { made, changed } = since === undefined ? { made: [], changed: [] } : await findMadeSince(store.reader, since)
    const madeSince = await withdrawAll(running, made)
    const keys = await db
      .updateTable('signing_key')
      .set({ retired_at: toSeconds(now) })
      .where('retired_at', 'is', null)
      .executeTakeFirst()
    const tokens = await db.deleteFrom('credential').where('kind', '=', 'at').executeTakeFirst()
    await sql`delete from node`.execute(db)
    await running.record('database.restore', 'signing_key', 'all', {
      revoked: again,
      withdrawn: withdrawn.length + madeSince.length,
      revoked_since: since?.toISOString() ?? null,
    })
    return {
      ...{ again, unknown, withdrawn, bySince, madeSince, changedSince: changed },
      signingKeys: Number(keys.numUpdatedRows),
      accessTokens: Number(tokens.numDeletedRows),
    }
  })
  return result
}

async function revokeAgain(running: Change, ids: ReadonlySet<string>): Promise<{ again: number; unknown: string[] }> {
  const unknown: string[] = []
  let again = 0
  for (const id of ids) {
    if (id.includes(':')) {
      await draw(running, id)
      if (!(await isThere(running, id))) {
        unknown.push(id)
        continue
      }
      await running.record('revocation_line.draw', 'revocation_line', id, { reason: REASON })
      again++
      continue
    }
    const query = running.db.selectFrom('credential').select('revoked_at').where('id', '=', id)
    const row = await query.executeTakeFirst()
    if (row?.revoked_at === null) {
      await revoke(running, id)
      again++
      continue
    }
    // A line is drawn for those without a row too: of a JWT, or a client's own key, it is all there is.
    await draw(running, `credential:${id}`)
    if (row !== undefined) continue
    unknown.push(id)
    await rememberRevoked(running, id)
  }
  return { again, unknown }
}

/** Whether there is such a client, user or family. */
async function isThere({ db }: Change, subject: string): Promise<boolean> {
  const colon = subject.indexOf(':')
  const [kind, id] = [subject.slice(0, colon), subject.slice(colon + 1)]
  if (kind === 'client' || kind === 'user') return (await findOwner(db, { kind, id })) !== undefined
  const one = db.selectFrom('credential').select('id').where('family', '=', id)
  return (await one.limit(1).executeTakeFirst()) !== undefined
}

/** What an import of the same would be known by: it was made after the backup, and its digest is in no table. */
async function rememberRevoked(running: Change, id: string): Promise<void> {
  const end = idEnd(id)
  if (end !== undefined) await draw(running, importedSubject(end))
}

async function revokeSince(running: Change, since: Date): Promise<number> {
  const made = await running.db
    .selectFrom('credential')
    .select('id')
    .where('created_at', '>=', toSeconds(since))
    .where('revoked_at', 'is', null)
    .where('kind', '!=', 'at')
    .execute()
  for (const { id } of made) await revoke(running, id)
  return made.length
}

async function withdrawAll(running: Change, all: readonly Withdrawn[]): Promise<Withdrawn[]> {
  const done: Withdrawn[] = []
  for (const one of all) if (await withdraw(running, one, REASON)) done.push(one)
  return done
}

/** Revokes one that has a row, and what it minted. */
async function revoke(running: Change, id: string): Promise<void> {
  await draw(running, `credential:${id}`)
  const revocation = { revoked_at: toSeconds(running.now), revoked_by: HOST_ACTOR.by, revoked_reason: REASON }
  await running.db.updateTable('credential').set(revocation).where('id', '=', id).execute()
  await running.record('credential.revoke', 'credential', id, { reason: REASON })
}

async function draw({ db, now, revision }: Change, subject: string): Promise<void> {
  const line = { revision, before: null, at: toSeconds(now), by: HOST_ACTOR.by, reason: REASON, ends_at: null }
  await db
    .insertInto('revocation_line')
    .values({ subject, ...line })
    .onConflict((conflict) => conflict.column('subject').doUpdateSet(line))
    .execute()
}
