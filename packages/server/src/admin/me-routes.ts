import {
  CredentialPage,
  IssuedToken,
  Me,
  MyResources,
  NewToken,
  PageQuery,
  Revocation,
  Revoked,
  Rotated,
  Rotation,
} from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { pageOfCredentials, requireCredential, revoke } from './credentials.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { createToken } from './issuing.ts'
import { describeCaller, resourcesOfCaller } from './me.ts'
import { answer, callerOf, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import { noCredential } from './problem.ts'
import { rotate as rotateCredential } from './rotation.ts'
import { pageOfAll } from './whole-list.ts'

const tags = ['me']
const params = idParameter('The public id of a token of the caller.', 'pat_01JABCDEFGHJKMNPQRSTVWXYZ0')

const get = createRoute({
  method: 'get',
  path: '/me',
  tags,
  summary: 'Show who calls',
  responses: { 200: answer('The caller, and what it may do here.', named('Me', Me)), ...PROBLEM },
})
const resources = createRoute({
  method: 'get',
  path: '/me/resources',
  tags,
  summary: 'Show what the caller may reach, and so what a token can be narrowed to',
  request: { query: PageQuery },
  responses: { 200: answer('By resource.', named('MyResources', MyResources)), ...PROBLEM },
})
const list = createRoute({
  method: 'get',
  path: '/me/tokens',
  tags,
  summary: 'List the caller’s personal access tokens',
  request: { query: PageQuery },
  responses: { 200: answer('Whatever their state, in the order of their making.', CredentialPage), ...PROBLEM },
})
const create = createRoute({
  method: 'post',
  path: '/me/tokens',
  tags,
  summary: 'Make a personal access token for oneself',
  description:
    'It reaches no further than the credential that is presented, and is revoked with it. A personal access token makes ' +
    'none, unless COUNTERSIGN_PAT_BY_PAT is `allow`.',
  request: sent(NewToken, { name: 'ci', resources: ['forge'], scopes: ['repo:read'], expires_in_days: 30 }),
  responses: { 201: answer('The token, shown this once.', named('IssuedToken', IssuedToken)), ...PROBLEM },
})
const rotate = createRoute({
  method: 'post',
  path: '/me/tokens/{id}/rotate',
  tags,
  summary: 'Replace a token of one’s own by a new one with the same rights',
  request: { params, ...sent(Rotation, { overlap_seconds: 3600 }) },
  responses: { 201: answer('The new one, shown this once.', named('Rotated', Rotated)), ...PROBLEM },
})
const revokeOne = createRoute({
  method: 'post',
  path: '/me/tokens/{id}/revoke',
  tags,
  summary: 'Revoke a token of one’s own',
  request: { params, ...sent(Revocation, { reason: 'leaked' }) },
  responses: { 200: answer('It is revoked, now or since before.', named('Revoked', Revoked)), ...PROBLEM },
})

export function meRoutes(deps: AdminDeps) {
  return newRoutes()
    .openapi(get, (c) => c.json(describeCaller(callerOf(c)), 200))
    .openapi(resources, (c) => {
      const mine = resourcesOfCaller(callerOf(c), deps.directory)
      return c.json(
        pageOfAll(mine, c.req.valid('query'), ({ resource }) => resource),
        200,
      )
    })
    .openapi(list, async (c) => {
      const query = { ...c.req.valid('query'), owner: `user:${callersName(callerOf(c))}`, kind: 'pat' } as const
      return c.json(await pageOfCredentials(deps, query), 200)
    })
    .openapi(create, async (c) => {
      const by = callerOf(c)
      return c.json(await createToken(deps, by, callersName(by), c.req.valid('json')), 201)
    })
    .openapi(rotate, async (c) => {
      const id = await requireOwn(deps, callerOf(c), c.req.valid('param').id)
      return c.json(await rotateCredential(deps, callerOf(c), id, c.req.valid('json')), 201)
    })
    .openapi(revokeOne, async (c) => {
      const id = await requireOwn(deps, callerOf(c), c.req.valid('param').id)
      return c.json(await revoke(deps, callerOf(c), id, c.req.valid('json')), 200)
    })
}

/** The rules of these paths let users pass alone. */
function callersName({ caller }: Authorized): string {
  const { owner } = caller.known.stored
  if (owner.kind !== 'user') throw new Error('only users reach this route')
  return owner.id
}

/** Others' credentials are as if they were not there. An owner never changes, so this may be asked before the change. */
async function requireOwn({ store }: AdminDeps, by: Authorized, id: string): Promise<string> {
  const { kind, owner } = await requireCredential(store.reader, id)
  if (kind !== 'pat' || owner.kind !== 'user' || owner.id !== callersName(by)) throw noCredential()
  return id
}
