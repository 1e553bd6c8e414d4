import { Me } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { describeCaller } from './me.ts'
import { answer, callerOf, named, newRoutes, PROBLEM } from './operation.ts'

const namedMe = named('Me', Me)

const get = createRoute({
  method: 'get',
  path: '/me',
  tags: ['me'],
  summary: 'Show who calls',
  responses: { 200: answer('The caller, and what it may do here.', namedMe), ...PROBLEM },
})

export function meRoutes() {
  return newRoutes().openapi(get, (c) => c.json(describeCaller(callerOf(c)), 200))
}
