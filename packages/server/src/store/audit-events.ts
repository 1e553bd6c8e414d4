import { type SelectQueryBuilder, sql } from 'kysely'
import type { Tables } from './schema.ts'
import { type Db, parseObject, toDate, toSeconds } from './store.ts'

export type StoredAuditEvent = {
  readonly id: string
  readonly revision: number
  readonly at: Date
  readonly actor: string
  readonly credential: string | null
  readonly action: string
  readonly noun: string
  readonly nounId: string
  readonly about: string | null
  readonly detail: Readonly<Record<string, unknown>>
}

export type AuditEventFilter = {
  readonly noun?: string | undefined
  readonly nounId?: string | undefined
  readonly about?: string | undefined
  readonly actor?: string | undefined
  readonly credential?: string | undefined
  readonly action?: string | undefined
  /** At this moment or later. */
  readonly since?: Date | undefined
  readonly until?: Date | undefined
}

/** Where an event stands in the list. What one change did stands in the order of its doing. */
export type AuditPlace = { readonly at: Date; readonly revision: number; readonly id: string }

export async function findAuditEvent(db: Db, id: string): Promise<StoredAuditEvent | undefined> {
  const row = await db.selectFrom('audit_event').selectAll().where('id', '=', id).executeTakeFirst()
  return row && toStoredAuditEvent(row)
}

/** By these columns there are lists, newest first; the first that is asked for is read. */
const LISTED = { credential: 'credential', nounId: 'noun_id', about: 'about', actor: 'actor' } as const
const UNLISTED = { noun: 'noun', action: 'action' } as const

/** How many rows of a list are looked through at once for what it is not ordered by. */
const WINDOW_ROWS = 2000

export type AuditSlice = {
  readonly events: readonly StoredAuditEvent[]
  /** Where to go on; undefined: there are no more. */
  readonly next: AuditPlace | undefined
}

/**
 * At most `limit` that fit, newest first. Where none of the lists has only what fits, no more than a window of it is
 * looked through: then there may be few or none here, and more further on.
 */
export async function listAuditEvents(
  db: Db,
  filter: AuditEventFilter,
  before: AuditPlace | undefined,
  limit: number,
): Promise<AuditSlice> {
  const [listed, ...others] = wantedOf(filter, LISTED)
  const rest = [...others, ...wantedOf(filter, UNLISTED)]
  const isWindow = rest.length > 0
  const size = isWindow ? WINDOW_ROWS : limit
  const window = newestFirst(where(inTime(db, filter, before), listed === undefined ? [] : [listed]))
  const looked = db.selectFrom(window.selectAll().limit(size).as('audit_event'))
  const rows = await newestFirst(where(looked, rest)).selectAll().limit(limit).execute()
  const events = rows.map(toStoredAuditEvent)
  if (events.length === limit) return { events, next: events.at(-1) }
  if (!isWindow) return { events, next: undefined }
  const end = await window
    .select(['at', 'revision', 'id'])
    .offset(size - 1)
    .limit(1)
    .executeTakeFirst()
  return { events, next: end && { ...end, at: toDate(end.at) } }
}

type Wanted = readonly [column: Column, value: string]
type Column = (typeof LISTED)[keyof typeof LISTED] | (typeof UNLISTED)[keyof typeof UNLISTED]
type Query = SelectQueryBuilder<Tables, 'audit_event', object>

function wantedOf(filter: AuditEventFilter, columns: Partial<Record<keyof AuditEventFilter, Column>>): Wanted[] {
  return Object.entries(columns).flatMap(([field, column]) => {
    const value = filter[field as keyof AuditEventFilter]
    return typeof value === 'string' ? [[column, value] as const] : []
  })
}

function inTime(db: Db, { since, until }: AuditEventFilter, before: AuditPlace | undefined): Query {
  let query: Query = db.selectFrom('audit_event')
  if (since !== undefined) query = query.where('at', '>=', toSeconds(since))
  if (until !== undefined) query = query.where('at', '<', toSeconds(until))
  if (before === undefined) return query
  const { at, revision, id } = before
  return query.where(sql<boolean>`(at, revision, id) < (${toSeconds(at)}, ${revision}, ${id})`)
}

function where(query: Query, wanted: readonly Wanted[]): Query {
  return wanted.reduce((narrowed, [column, value]) => narrowed.where(column, '=', value), query)
}

function newestFirst(query: Query): Query {
  return query.orderBy('at', 'desc').orderBy('revision', 'desc').orderBy('id', 'desc')
}

function toStoredAuditEvent(row: Tables['audit_event']): StoredAuditEvent {
  const { noun_id: nounId, at, detail, ...same } = row
  return { ...same, nounId, at: toDate(at), detail: parseObject(detail, 'the detail of an audit event') }
}
