import type { AuditEvent, AuditEventQuery, Page } from '@countersign/admin-api'
import {
  type AuditEventFilter,
  type AuditPlace,
  findAuditEvent,
  listAuditEvents,
  type StoredAuditEvent,
} from '../store/audit-events.ts'
import { toDate, toSeconds } from '../store/store.ts'
import { notACursor, readCursor, writeCursor } from './cursor.ts'
import type { AdminDeps } from './deps.ts'
import { Rejected } from './problem.ts'

/** What was changed, newest first. */
export async function pageOfAuditEvents({ store }: AdminDeps, query: AuditEventQuery): Promise<Page<AuditEvent>> {
  const { cursor, limit } = query
  const before = cursor === undefined ? undefined : placeOf(readCursor(cursor))
  const { events, next } = await listAuditEvents(store.reader, filterOf(query), before, limit + 1)
  const items = events.slice(0, limit)
  const last = events.length > limit ? items.at(-1) : next
  return { items: items.map(toAuditEvent), next_cursor: last === undefined ? null : writeCursor(keyOf(last)) }
}

export async function requireAuditEvent({ store }: AdminDeps, id: string): Promise<AuditEvent> {
  const event = await findAuditEvent(store.reader, id)
  if (event !== undefined) return toAuditEvent(event)
  throw new Rejected('not_found', 'There is no audit event of this id; GET /api/v1/audit-events lists them.')
}

function filterOf({
  noun,
  noun_id,
  about,
  actor,
  credential,
  action,
  since,
  until,
}: AuditEventQuery): AuditEventFilter {
  const moment = (text: string | undefined) => (text === undefined ? undefined : wholeSecond(new Date(text)))
  return { noun, nounId: noun_id, about, actor, credential, action, since: moment(since), until: moment(until) }
}

/** Events are kept to the second: what happened within the one that is named is before its end, not before its start. */
function wholeSecond(date: Date): Date {
  return new Date(Math.ceil(date.getTime() / 1000) * 1000)
}

function keyOf({ at, revision, id }: AuditPlace): string {
  return `${toSeconds(at)} ${revision} ${id}`
}

function placeOf(key: string): AuditPlace {
  const [, at = '', revision = '', id = ''] = /^(\d{1,12}) (\d{1,15}) (evt_[0-9A-Z]{26})$/.exec(key) ?? []
  if (id === '') throw notACursor()
  return { at: toDate(Number(at)), revision: Number(revision), id }
}

function toAuditEvent({ nounId, at, ...event }: StoredAuditEvent): AuditEvent {
  const { id, revision, actor, credential, action, noun, about, detail } = event
  return { id, at: at.toISOString(), revision, actor, credential, action, noun, noun_id: nounId, about, detail }
}
