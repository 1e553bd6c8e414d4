import type { IssuedKind } from '@countersign/resource-server'
import { type OwnerRef, refText } from '../domain/credential.ts'
import { stretchOf } from './credential-list.ts'
import { type Change, type Db, toSeconds } from './store.ts'

/** Whose credentials a line goes through. */
export type UnrevokedFilter = { readonly owner: OwnerRef } | { readonly kind: IssuedKind }

/** What a line through these is drawn through. */
export function lineSubject(filter: UnrevokedFilter): string {
  return 'owner' in filter ? refText(filter.owner) : `kind:${filter.kind}`
}

/** A line that is drawn, and how far the one before it went. */
export type PassedLine = {
  readonly filter: UnrevokedFilter
  readonly now: Date
  readonly revision: number
  readonly before: Date | undefined
  readonly earlier: { readonly revision: number; readonly before: number | null } | undefined
}

/** To be asked before the line is drawn. */
export async function lineThrough(
  { db, now, revision }: Pick<Change, 'now' | 'revision'> & { readonly db: Db },
  filter: UnrevokedFilter,
  before: Date | undefined,
): Promise<PassedLine> {
  const earlier = await db
    .selectFrom('revocation_line')
    .select(['revision', 'before'])
    .where('subject', '=', lineSubject(filter))
    .executeTakeFirst()
  return { filter, now, revision, before, earlier }
}

/** SQLite answers before anything else is done: so many rows it counts without a request noticing. */
const ROWS_A_READ = 5000

/**
 * Counts what a line newly revoked: what had not expired, and no line through the same had met before. Lines through
 * others are not looked at. Nor are access tokens that are JWTs: nobody counts them.
 *
 * Part by part, and once the line is drawn: a revocation of millions waits for no count. `pause` lets requests pass.
 */
export async function countUnrevoked(db: Db, line: PassedLine, pause: () => Promise<void>): Promise<number> {
  const { filter, now, revision, before, earlier } = line
  let count = 0
  for (let after: string | undefined; ; await pause()) {
    const part = ordered(db, filter, after)
      .select(['id', 'revoked_at', 'revision', 'created_at', 'expires_at'])
      .limit(ROWS_A_READ)
      .as('part')
    const { seen, last, unrevoked } = await db
      .selectFrom(part)
      .select(({ fn, and, or, eb }) => [
        fn.countAll<number>().as('seen'),
        fn.max<string | null>('id').as('last'),
        fn
          .countAll<number>()
          .filterWhere(
            and([
              eb('revoked_at', 'is', null),
              eb('revision', '>', earlier?.revision ?? -1),
              eb('revision', '<=', revision),
              eb('created_at', '>=', earlier?.before ?? 0),
              or([eb('expires_at', 'is', null), eb('expires_at', '>', toSeconds(now))]),
              ...(before === undefined ? [] : [eb('created_at', '<', toSeconds(before))]),
            ]),
          )
          .as('unrevoked'),
      ])
      .executeTakeFirstOrThrow()
    count += Number(unrevoked)
    if (last === null || Number(seen) < ROWS_A_READ) return count
    after = last
  }
}

function ordered(db: Db, filter: UnrevokedFilter, after: string | undefined) {
  const query = db.selectFrom('credential').orderBy('id')
  if ('kind' in filter) {
    const [first, behind] = stretchOf(filter.kind)
    const { kind } = filter
    const ofKind = query.where('kind', '=', kind).where('id', '<', behind)
    return after === undefined ? ofKind.where('id', '>=', first) : ofKind.where('id', '>', after)
  }
  const { owner } = filter
  const ofOwner = query.where('owner_kind', '=', owner.kind).where('owner', '=', owner.id)
  return after === undefined ? ofOwner : ofOwner.where('id', '>', after)
}
