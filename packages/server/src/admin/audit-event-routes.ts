import { AuditEvent, AuditEventPage, AuditEventQuery } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { pageOfAuditEvents, requireAuditEvent } from './audit-events.ts'
import type { AdminDeps } from './deps.ts'
import { answer, idParameter, named, newRoutes, PROBLEM } from './operation.ts'

const tags = ['audit-events']

const list = createRoute({
  method: 'get',
  path: '/audit-events',
  tags,
  summary: 'List who changed what',
  description:
    'One event for each thing that a change changed, kept for ever: no call deletes or alters any. Where several ' +
    'filters are given, or `noun` or `action` alone, a page may hold fewer than `limit`, and still not be the last: ' +
    'follow `next_cursor`.',
  request: { query: AuditEventQuery },
  responses: { 200: answer('Audit events, newest first.', AuditEventPage), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path: '/audit-events/{id}',
  tags,
  summary: 'Show one change',
  request: { params: idParameter('The id of the audit event.', 'evt_01JABCDEFGHJKMNPQRSTVWXYZ0') },
  responses: { 200: answer('The event.', named('AuditEvent', AuditEvent)), ...PROBLEM },
})

export function auditEventRoutes(deps: AdminDeps) {
  return newRoutes()
    .openapi(list, async (c) => c.json(await pageOfAuditEvents(deps, c.req.valid('query')), 200))
    .openapi(get, async (c) => c.json(await requireAuditEvent(deps, c.req.valid('param').id), 200))
}
