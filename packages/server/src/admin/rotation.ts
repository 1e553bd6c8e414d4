import type { Rotated, Rotation } from '@countersign/admin-api'
import { type BelievedCredential, refText, type StoredCredential } from '../domain/credential.ts'
import { makeId } from '../domain/ids.ts'
import { findCredential } from '../store/credentials.ts'
import { judgeIn } from './credential-state.ts'
import { requireCredential } from './credentials.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { latestExpiry, toWholeSeconds } from './expiry.ts'
import { type MadeKind, makeSecret, requireWritten } from './issuing.ts'
import { earlier } from './minting.ts'
import { Rejected } from './problem.ts'
import { toCredential } from './wire.ts'
import { write } from './write.ts'

/**
 * Replaces a key, a personal access token or a client secret by a new one that reaches no further and lives no longer
 * than the old one did. The old one works on beside it for the overlap, never longer than it would have.
 */
export async function rotate(deps: AdminDeps, by: Authorized, id: string, body: Rotation): Promise<Rotated> {
  const { made, text, endsAt } = await write(deps, by, async ({ db, now, credentials }) => {
    const old = await requireCredential(db, id)
    const kind = requireRotated(old)
    const { status } = await judgeIn(db, old, now)
    if (status !== 'live' && status !== 'not_yet_valid') {
      throw new Rejected('conflict', `It is ${status.replaceAll('_', ' ')}; make a new one instead.`)
    }
    const overlapEnd = toWholeSeconds(new Date(now.getTime() + body.overlap_seconds * 1000))
    const endsAt = earlier(old.expiresAt, overlapEnd) ?? overlapEnd
    const newId = makeId(kind, now, deps.store.random)
    const { text, digest, hint } = makeSecret(kind, deps)
    const expiresAt = successorExpiry(old, kind, by.caller.known.stored, now, deps)
    const draft = {
      ...old,
      id: newId,
      hint,
      name: body.name ?? old.name,
      expiresAt,
      importedFrom: null,
      managedBy: null,
    }
    await credentials.rotate(old, draft, digest, endsAt)
    return { made: requireWritten(await findCredential(db, newId)), text, endsAt }
  })
  const replaces = { id, expires_at: endsAt.toISOString() }
  const shown = { key: { key: text }, pat: { token: text }, secret: { secret: text } }[requireRotated(made)]
  return { ...toCredential(made, deps), ...shown, replaces }
}

function requireRotated({ kind }: StoredCredential): MadeKind {
  if (kind === 'key' || kind === 'pat' || kind === 'secret') return kind
  throw new Rejected('conflict', 'Only keys, personal access tokens and client secrets are rotated.')
}

/** As long a life as the old one had, from now; within the configured limit, and for oneself within one's own. */
function successorExpiry(
  old: StoredCredential,
  kind: MadeKind,
  presented: BelievedCredential,
  now: Date,
  deps: AdminDeps,
): Date | null {
  const lifeMs = old.expiresAt === null ? null : old.expiresAt.getTime() - old.createdAt.getTime()
  const asLong = lifeMs === null ? null : toWholeSeconds(new Date(now.getTime() + lifeMs))
  const own = refText(old.owner) === refText(presented.owner) ? presented.expiresAt : null
  return earlier(earlier(asLong, own), latestExpiry(now, kind, deps))
}
