import {
  BulkRevocation,
  BulkRevoked,
  Client,
  ClientChange,
  ClientPage,
  NewClient,
  PageQuery,
} from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { listClientIds, listClients } from '../store/clients.ts'
import { changeClient, createClient, removeClient, requireClient } from './clients.ts'
import { revokeAllOf } from './credentials.ts'
import { pageOf, sliceOf } from './cursor.ts'
import type { AdminDeps } from './deps.ts'
import { answer, callerOf, DONE, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import { toClient } from './wire.ts'

const tags = ['clients']
const params = idParameter('The id of the client.', 'canister')
const one = { request: { params } }
const path = '/clients/{id}'

const namedClient = named('Client', Client)
const namedBulkRevoked = named('BulkRevoked', BulkRevoked)

const list = createRoute({
  method: 'get',
  path: '/clients',
  tags,
  summary: 'List clients',
  request: { query: PageQuery },
  responses: { 200: answer('Clients by id.', ClientPage), ...PROBLEM },
})
const create = createRoute({
  method: 'post',
  path: '/clients',
  tags,
  summary: 'Register a client',
  request: sent(NewClient, { id: 'canister', name: 'Canister', groups: ['media'] }),
  responses: { 201: answer('The client.', namedClient), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Show a client',
  ...one,
  responses: { 200: answer('The client.', namedClient), ...PROBLEM },
})
const change = createRoute({
  method: 'patch',
  path,
  tags,
  summary: 'Change a client',
  description: 'Only the fields sent change. Of the clients that Countersign itself keeps, only `disabled` may.',
  request: { params, ...sent(ClientChange, { disabled: true }) },
  responses: { 200: answer('The client as it is now.', namedClient), ...PROBLEM },
})
const remove = createRoute({
  method: 'delete',
  path,
  tags,
  summary: 'Delete a client and its permissions; its credentials die',
  description: 'Its id is never given again.',
  ...one,
  responses: DONE,
})
const revokeAll = createRoute({
  method: 'post',
  path: '/clients/{id}/revoke-credentials',
  tags,
  summary: 'Revoke whatever credentials a client has',
  description:
    'Its keys, secrets and access tokens, JWTs too, and the public keys that it registered, until keys are registered ' +
    'anew. With `created_before` only what was made or registered before.',
  request: { params, ...sent(BulkRevocation, { reason: 'leaked' }) },
  responses: { 200: answer('They are refused from now on.', namedBulkRevoked), ...PROBLEM },
})

export function clientRoutes(deps: AdminDeps) {
  const { reader } = deps.store
  return newRoutes()
    .openapi(list, async (c) => {
      const query = c.req.valid('query')
      const ids = await listClientIds(reader, sliceOf(query))
      const found = ids.length === 0 ? [] : await listClients(reader, ids)
      return c.json(
        pageOf(found.map(toClient), query.limit, ({ id }) => id),
        200,
      )
    })
    .openapi(create, async (c) => c.json(await createClient(deps, callerOf(c), c.req.valid('json')), 201))
    .openapi(get, async (c) => c.json(toClient(await requireClient(reader, c.req.valid('param').id)), 200))
    .openapi(change, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await changeClient(deps, callerOf(c), id, c.req.valid('json')), 200)
    })
    .openapi(remove, async (c) => {
      await removeClient(deps, callerOf(c), c.req.valid('param').id)
      return c.body(null, 204)
    })
    .openapi(revokeAll, async (c) => {
      const { id } = c.req.valid('param')
      const owner = { kind: 'client', id } as const
      return c.json(await revokeAllOf(deps, callerOf(c), owner, c.req.valid('json')), 200)
    })
}
