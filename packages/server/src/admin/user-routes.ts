import {
  BulkRevocation,
  BulkRevoked,
  CredentialPage,
  IssuedToken,
  NewToken,
  NewUser,
  PageQuery,
  User,
  UserChange,
  UserPage,
} from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { pageOfCredentials, revokeAllOf } from './credentials.ts'
import type { AdminDeps } from './deps.ts'
import { createToken } from './issuing.ts'
import { answer, callerOf, DONE, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import { changeUser, createUser, describeUser, pageOfUsers, removeUser, requireUser } from './users.ts'

const tags = ['users']
const path = '/users/{id}'
const params = idParameter('The username.', 'alice')
const one = { request: { params } }

const namedUser = named('User', User)
const namedIssuedToken = named('IssuedToken', IssuedToken)

const list = createRoute({
  method: 'get',
  path: '/users',
  tags,
  summary: 'List users',
  request: { query: PageQuery },
  responses: { 200: answer('Users by username.', UserPage), ...PROBLEM },
})
const create = createRoute({
  method: 'post',
  path: '/users',
  tags,
  summary: 'Make a user',
  description: 'A role beyond `user` needs role `admin`, by a credential that is not narrowed to scopes or projects.',
  request: sent(NewUser, { username: 'alice', name: 'Alice', roles: ['user'], groups: ['media'] }),
  responses: { 201: answer('The user.', namedUser), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Show a user',
  ...one,
  responses: { 200: answer('The user.', namedUser), ...PROBLEM },
})
const change = createRoute({
  method: 'patch',
  path,
  tags,
  summary: 'Change a user',
  description:
    'Only the fields sent change. It shows on every credential of theirs at the next request. The last user with role ' +
    '`admin` keeps it.',
  request: { params, ...sent(UserChange, { disabled: true }) },
  responses: { 200: answer('The user as they are now.', namedUser), ...PROBLEM },
})
const remove = createRoute({
  method: 'delete',
  path,
  tags,
  summary: 'Delete a user and their permissions; their credentials die',
  description: 'The username is never given again.',
  ...one,
  responses: DONE,
})
const listTokens = createRoute({
  method: 'get',
  path: '/users/{id}/tokens',
  tags,
  summary: 'List the personal access tokens of a user',
  request: { params, query: PageQuery },
  responses: { 200: answer('Whatever their state, in the order of their making.', CredentialPage), ...PROBLEM },
})
const makeToken = createRoute({
  method: 'post',
  path: '/users/{id}/tokens',
  tags,
  summary: 'Make a personal access token for a user',
  description:
    'What is left out narrows nothing: the token may do whatever its owner may, now and later, at every resource but ' +
    '`countersign`. Without an end it gets the configured one (90 days, if nothing is configured).',
  request: {
    params,
    ...sent(NewToken, { name: 'ci', resources: ['forge'], scopes: ['repo:read'], expires_in_days: 30 }),
  },
  responses: { 201: answer('The token, shown this once.', namedIssuedToken), ...PROBLEM },
})
const revokeAll = createRoute({
  method: 'post',
  path: '/users/{id}/revoke-credentials',
  tags,
  summary: 'Revoke whatever credentials a user has, or what was made before a date',
  request: { params, ...sent(BulkRevocation, { reason: 'left the company' }) },
  responses: { 200: answer('They are refused from now on.', named('BulkRevoked', BulkRevoked)), ...PROBLEM },
})

export function userRoutes(deps: AdminDeps) {
  const { reader } = deps.store
  return newRoutes()
    .openapi(list, async (c) => c.json(await pageOfUsers(deps, c.req.valid('query')), 200))
    .openapi(create, async (c) => c.json(await createUser(deps, callerOf(c), c.req.valid('json')), 201))
    .openapi(get, async (c) => c.json(await describeUser(reader, c.req.valid('param').id), 200))
    .openapi(change, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await changeUser(deps, callerOf(c), id, c.req.valid('json')), 200)
    })
    .openapi(remove, async (c) => {
      await removeUser(deps, callerOf(c), c.req.valid('param').id)
      return c.body(null, 204)
    })
    .openapi(listTokens, async (c) => {
      const { id } = await requireUser(reader, c.req.valid('param').id)
      const query = { ...c.req.valid('query'), owner: `user:${id}`, kind: 'pat' } as const
      return c.json(await pageOfCredentials(deps, query), 200)
    })
    .openapi(makeToken, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await createToken(deps, callerOf(c), id, c.req.valid('json')), 201)
    })
    .openapi(revokeAll, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await revokeAllOf(deps, callerOf(c), { kind: 'user', id }, c.req.valid('json')), 200)
    })
}
