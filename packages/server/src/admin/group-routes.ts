import {
  Group,
  GroupChange,
  GroupPage,
  GroupWithMembers,
  MemberPage,
  NewGroup,
  PageQuery,
} from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { listGroupNames, listGroups } from '../store/groups.ts'
import { pageOf, sliceOf } from './cursor.ts'
import type { AdminDeps } from './deps.ts'
import { changeGroup, createGroup, describeGroup, pageOfMembers, removeGroup } from './groups.ts'
import { answer, callerOf, DONE, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import { toGroup } from './wire.ts'

const tags = ['groups']
const params = idParameter('The name of the group.', 'media')
const one = { request: { params } }

const namedGroup = named('Group', Group)
const namedGroupWithMembers = named('GroupWithMembers', GroupWithMembers)

const list = createRoute({
  method: 'get',
  path: '/groups',
  tags,
  summary: 'List groups',
  request: { query: PageQuery },
  responses: { 200: answer('Groups by name.', GroupPage), ...PROBLEM },
})
const create = createRoute({
  method: 'post',
  path: '/groups',
  tags,
  summary: 'Make a group',
  request: sent(NewGroup, { name: 'media' }),
  responses: { 201: answer('The group.', namedGroup), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path: '/groups/{id}',
  tags,
  summary: 'Show a group with its members',
  ...one,
  responses: { 200: answer('The group.', namedGroupWithMembers), ...PROBLEM },
})
const members = createRoute({
  method: 'get',
  path: '/groups/{id}/members',
  tags,
  summary: 'List who is in a group',
  request: { params, query: PageQuery },
  responses: { 200: answer('Clients, then users, each by its id.', MemberPage), ...PROBLEM },
})
const change = createRoute({
  method: 'patch',
  path: '/groups/{id}',
  tags,
  summary: 'Change a group',
  description: 'Only the fields sent change. A disabled group gives nothing.',
  request: { params, ...sent(GroupChange, { disabled: true }) },
  responses: { 200: answer('The group as it is now.', namedGroup), ...PROBLEM },
})
const remove = createRoute({
  method: 'delete',
  path: '/groups/{id}',
  tags,
  summary: 'Delete a group and its permissions',
  description: 'Its name is never given again.',
  ...one,
  responses: DONE,
})

export function groupRoutes(deps: AdminDeps) {
  const { reader } = deps.store
  return newRoutes()
    .openapi(list, async (c) => {
      const query = c.req.valid('query')
      const names = await listGroupNames(reader, sliceOf(query))
      const found = names.length === 0 ? [] : await listGroups(reader, names)
      return c.json(
        pageOf(found.map(toGroup), query.limit, ({ name }) => name),
        200,
      )
    })
    .openapi(create, async (c) => c.json(await createGroup(deps, callerOf(c), c.req.valid('json')), 201))
    .openapi(get, async (c) => c.json(await describeGroup(deps, c.req.valid('param').id), 200))
    .openapi(members, async (c) =>
      c.json(await pageOfMembers(deps, c.req.valid('param').id, c.req.valid('query')), 200),
    )
    .openapi(change, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await changeGroup(deps, callerOf(c), id, c.req.valid('json')), 200)
    })
    .openapi(remove, async (c) => {
      await removeGroup(deps, callerOf(c), c.req.valid('param').id)
      return c.body(null, 204)
    })
}
