import { NewPermission, Permission, PermissionChange, PermissionPage, PermissionQuery } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import type { AdminDeps } from './deps.ts'
import { answer, callerOf, DONE, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import {
  changePermission,
  createPermission,
  pageOfPermissions,
  removePermission,
  requirePermission,
} from './permissions.ts'
import { toPermission } from './wire.ts'

const tags = ['permissions']
const params = idParameter('The id of the permission.', 'perm_01JABCDEFGHJKMNPQRSTVWXYZ0')
const one = { request: { params } }

const namedPermission = named('Permission', Permission)

const list = createRoute({
  method: 'get',
  path: '/permissions',
  tags,
  summary: 'List permissions',
  request: { query: PermissionQuery },
  responses: { 200: answer('Permissions in the order of their making.', PermissionPage), ...PROBLEM },
})
const create = createRoute({
  method: 'post',
  path: '/permissions',
  tags,
  summary: 'Let a holder reach a resource',
  description:
    'What bears on rights at `countersign` needs role `admin` there, by a credential that is not narrowed to scopes ' +
    'or projects: else 403 `would_escalate`.',
  request: sent(NewPermission, { group: 'media', resource: 'webdav', scopes: ['files:read'], roles: [] }),
  responses: { 201: answer('The permission.', namedPermission), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path: '/permissions/{id}',
  tags,
  summary: 'Show a permission',
  ...one,
  responses: { 200: answer('The permission.', namedPermission), ...PROBLEM },
})
const change = createRoute({
  method: 'patch',
  path: '/permissions/{id}',
  tags,
  summary: 'Say what declares a permission',
  description: 'Another holder, resource or scope is another permission: make that, then delete this.',
  request: { params, ...sent(PermissionChange, { managed_by: 'platform' }) },
  responses: { 200: answer('The permission as it is now.', namedPermission), ...PROBLEM },
})
const remove = createRoute({
  method: 'delete',
  path: '/permissions/{id}',
  tags,
  summary: 'Take a permission',
  ...one,
  responses: DONE,
})

export function permissionRoutes(deps: AdminDeps) {
  return newRoutes()
    .openapi(list, async (c) => c.json(await pageOfPermissions(deps, c.req.valid('query')), 200))
    .openapi(create, async (c) => c.json(await createPermission(deps, callerOf(c), c.req.valid('json')), 201))
    .openapi(get, async (c) => {
      const permission = await requirePermission(deps.store.reader, c.req.valid('param').id)
      return c.json(toPermission(permission), 200)
    })
    .openapi(change, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await changePermission(deps, callerOf(c), id, c.req.valid('json')), 200)
    })
    .openapi(remove, async (c) => {
      await removePermission(deps, callerOf(c), c.req.valid('param').id)
      return c.body(null, 204)
    })
}
