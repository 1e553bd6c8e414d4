import type { ExpressionBuilder } from 'kysely'
import type { OwnerRef, StoredCredential } from '../domain/credential.ts'
import { toStoredCredential } from './credentials.ts'
import type { Tables } from './schema.ts'
import { type Db, toSeconds } from './store.ts'

export type CredentialListFilter = {
  readonly owner?: OwnerRef | undefined
  /** Undefined: all but access tokens. There are thousands, they end by themselves, and those that are JWTs are in no list. */
  readonly kind?: string | undefined
  readonly name?: string | undefined
  /** Only those that end between these two moments. */
  readonly endsBetween?: readonly [Date, Date] | undefined
  /** Only those that another system issued, or only ours. */
  readonly imported?: boolean | undefined
  /** What they begin with, when another system issued them. */
  readonly importedFrom?: string | undefined
  /** Only those that were last used before, or made before and never used. */
  readonly unusedSince?: Date | undefined
  readonly neverUsed?: boolean | undefined
  /** Only those that this declared file made. */
  readonly managedBy?: string | undefined
  /** Only the one of ours that is kept under this digest. */
  readonly digest?: string | undefined
}

/** How many rows are looked through at once for what no index has: SQLite answers before anything else is done. */
const WINDOW_ROWS = 5000
/** Up to so many, what an index has is read from there. */
const FEW = 1000

export type CredentialSlice = {
  readonly credentials: readonly StoredCredential[]
  /** The id to go on after; undefined: there are no more. */
  readonly next: string | undefined
}

/**
 * At most `limit` that fit, in the order of their making, kind by kind. Where no index has only what fits, no more than a
 * window of rows is looked through: then there may be few or none here, and more further on.
 */
export async function sliceOfCredentials(
  db: Db,
  filter: CredentialListFilter,
  after: string | undefined,
  limit: number,
): Promise<CredentialSlice> {
  const few = await fewIds(db, filter)
  const isWindow = few === undefined && conditionsOf(filter).length > 0
  const size = isWindow ? WINDOW_ROWS : few === undefined ? limit : FEW
  let listed = ordered(db, filter, after)
  if (few !== undefined) listed = listed.where('id', 'in', few)
  // The window is limited before what fits is looked for in it: so is what is read.
  const window = listed
    .select([...JUDGED])
    .limit(size)
    .as('credential')
  const ids = db
    .selectFrom(window)
    .select('id')
    .where(({ and, eb }) => and(conditionsOf(filter).map((condition) => condition(eb as Row))))
    .orderBy('id')
    .limit(limit)
  const rows = await db.selectFrom('credential').selectAll().where('id', 'in', ids).orderBy('id').execute()
  const credentials = rows.map(toStoredCredential)
  if (credentials.length === limit) return { credentials, next: credentials.at(-1)?.id }
  if (!isWindow) return { credentials, next: undefined }
  const end = await listed
    .select('id')
    .offset(size - 1)
    .limit(1)
    .executeTakeFirst()
  return { credentials, next: end?.id }
}

/** The ids of access tokens come before those of all other kinds. */
const BEHIND_ACCESS_TOKENS = 'au'

/** What an index gives in the order of the list. Ids begin with their kind: so each kind is one stretch of them. */
function ordered(
  db: Db,
  { owner, kind, importedFrom, managedBy, digest }: CredentialListFilter,
  after: string | undefined,
) {
  let query = db.selectFrom('credential').orderBy('id')
  if (digest !== undefined) query = query.where('digest', '=', digest)
  if (managedBy !== undefined) query = query.where('managed_by', '=', managedBy)
  if (owner !== undefined) query = query.where('owner_kind', '=', owner.kind).where('owner', '=', owner.id)
  else if (importedFrom !== undefined) query = query.where('imported_from', '=', importedFrom)
  if (kind !== undefined) query = query.where('id', '<', stretchOf(kind)[1]).where('kind', '=', kind)
  const start = kind ?? BEHIND_ACCESS_TOKENS
  // One bound, not two: SQLite would go to the first, and walk from there to the other.
  return after === undefined || after < start ? query.where('id', '>=', start) : query.where('id', '>', after)
}

/** Between which words all ids of a kind stand: `key` and `kez`. */
export function stretchOf(kind: string): readonly [first: string, behind: string] {
  return [kind, kind.slice(0, -1) + String.fromCharCode(kind.charCodeAt(kind.length - 1) + 1)]
}

/** The ids that an index has for the filter, when they are few. */
async function fewIds(db: Db, { owner, endsBetween, importedFrom }: CredentialListFilter) {
  if (endsBetween === undefined || owner !== undefined || importedFrom !== undefined) return undefined
  const [from, to] = endsBetween.map(toSeconds) as [number, number]
  const ids = db.selectFrom('credential').select('id').where('expires_at', '>', from).where('expires_at', '<', to)
  const { count } = await db
    .selectFrom(ids.limit(FEW + 1).as('few'))
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count) <= FEW ? ids.limit(FEW) : undefined
}

type Row = ExpressionBuilder<Tables, 'credential'>

/** What the conditions are about. */
const JUDGED = ['id', 'name', 'expires_at', 'imported_from', 'last_used_at', 'created_at'] as const

/** What has to be looked for row by row. */
function conditionsOf(filter: CredentialListFilter) {
  const { owner, name, endsBetween, imported, importedFrom, unusedSince, neverUsed } = filter
  const conditions: ((row: Row) => ReturnType<Row['and']>)[] = []
  if (name !== undefined) conditions.push((row) => row('name', '=', name))
  if (endsBetween !== undefined) {
    const [from, to] = endsBetween.map(toSeconds) as [number, number]
    conditions.push((row) => row.and([row('expires_at', '>', from), row('expires_at', '<', to)]))
  }
  if (imported !== undefined) conditions.push((row) => row('imported_from', imported ? 'is not' : 'is', null))
  if (importedFrom !== undefined && owner !== undefined)
    conditions.push((row) => row('imported_from', '=', importedFrom))
  if (neverUsed) conditions.push((row) => row('last_used_at', 'is', null))
  if (unusedSince !== undefined) {
    const before = toSeconds(unusedSince)
    conditions.push((row) =>
      row.or([
        row('last_used_at', '<', before),
        row.and([row('last_used_at', 'is', null), row('created_at', '<', before)]),
      ]),
    )
  }
  return conditions
}
