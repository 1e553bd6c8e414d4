import { ChangedResource, NewResource, PageQuery, Resource, ResourceChange, ResourcePage } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { listResourceNames, listResources } from '../store/resources.ts'
import { refuseManagement } from './built-in.ts'
import { pageOf, sliceOf } from './cursor.ts'
import type { AdminDeps } from './deps.ts'
import { type AdminEnv, answer, callerOf, DONE, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import { changeResource, createResource, removeResource, requireResource } from './resources.ts'
import { toResource } from './wire.ts'

const tags = ['resources']
const params = idParameter('The name of the resource.', 'webdav')
const one = { request: { params } }
const path = '/resources/{id}'

const EXAMPLE = {
  name: 'webdav',
  identifier: 'https://webdav.example.com',
  hosts: ['webdav.example.com'],
  scopes: ['files:read', 'files:write'],
  rules: [
    { methods: ['GET', 'HEAD', 'PROPFIND'], path: '/**', require: { scopes: ['files:read'] } },
    { path: '/**', require: { scopes: ['files:write'] } },
  ],
  access_token: { format: 'jwt', ttl_seconds: 600 },
}

const namedChangedResource = named('ChangedResource', ChangedResource)
const namedResource = named('Resource', Resource)

const list = createRoute({
  method: 'get',
  path: '/resources',
  tags,
  summary: 'List resources',
  request: { query: PageQuery },
  responses: { 200: answer('Resources by name, the management API among them.', ResourcePage), ...PROBLEM },
})
const create = createRoute({
  method: 'post',
  path: '/resources',
  tags,
  summary: 'Protect a resource',
  request: sent(NewResource, EXAMPLE),
  responses: { 201: answer('It is protected.', namedChangedResource), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Show a resource',
  ...one,
  responses: { 200: answer('The resource.', namedResource), ...PROBLEM },
})
const change = createRoute({
  method: 'patch',
  path,
  tags,
  summary: 'Change a resource',
  description: 'Only the fields sent change.',
  request: { params, ...sent(ResourceChange, { disabled: true }) },
  responses: { 200: answer('The resource as it is now.', namedChangedResource), ...PROBLEM },
})
const remove = createRoute({
  method: 'delete',
  path,
  tags,
  summary: 'Delete a resource and the permissions on it',
  description: 'Its name is never given again.',
  ...one,
  responses: DONE,
})

export function resourceRoutes(deps: AdminDeps) {
  const routes = newRoutes()
  routes.use('/resources', refuseOwnName)
  return routes
    .openapi(list, async (c) => {
      const query = c.req.valid('query')
      return c.json(await page(deps, query), 200)
    })
    .openapi(create, async (c) => c.json(await createResource(deps, callerOf(c), c.req.valid('json')), 201))
    .openapi(get, async (c) => c.json(await requireResource(deps, c.req.valid('param').id), 200))
    .openapi(change, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await changeResource(deps, callerOf(c), id, c.req.valid('json')), 200)
    })
    .openapi(remove, async (c) => {
      await removeResource(deps, callerOf(c), c.req.valid('param').id)
      return c.body(null, 204)
    })
}

/** Its name is reserved, so the wire would refuse it as misspelt; but whoever sends it means the management API. */
const refuseOwnName: MiddlewareHandler<AdminEnv> = async ({ req }, next) => {
  const body: unknown = req.method === 'POST' ? await req.json().catch(() => undefined) : undefined
  if (typeof body === 'object' && body !== null && 'name' in body) refuseManagement(body.name)
  await next()
}

/** The management API is not stored; it stands where its name would. */
async function page({ store, directory }: AdminDeps, query: PageQuery) {
  const { management } = directory
  const { after, limit } = sliceOf(query)
  const names = await listResourceNames(store.reader, { after, limit })
  const stored = names.length === 0 ? [] : await listResources(store.reader, names)
  const found = after === undefined || management.name > after ? [...stored, management] : stored
  found.sort((one, other) => (one.name < other.name ? -1 : 1))
  return pageOf(found.slice(0, limit).map(toResource), query.limit, ({ name }) => name)
}
