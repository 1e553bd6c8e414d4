import { Issuer, IssuerChange, IssuerPage, NewIssuer, PageQuery } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { listIssuerNames, listIssuers } from '../store/issuers.ts'
import { pageOf, sliceOf } from './cursor.ts'
import type { AdminDeps } from './deps.ts'
import { changeIssuer, createIssuer, removeIssuer, requireIssuer } from './issuers.ts'
import { answer, callerOf, DONE, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import { toIssuer } from './wire.ts'

const tags = ['issuers']
const params = idParameter('The name of the issuer.', 'corp')
const one = { request: { params } }
const namedIssuer = named('Issuer', Issuer)

const EXAMPLE = {
  name: 'corp',
  issuer: 'https://idp.example.com',
  algorithms: ['ES256'],
  profile: 'plain',
  jwks_uri: 'https://idp.example.com/keys',
}

const list = createRoute({
  method: 'get',
  path: '/issuers',
  tags,
  summary: 'List issuers',
  request: { query: PageQuery },
  responses: { 200: answer('Issuers by name.', IssuerPage), ...PROBLEM },
})
const create = createRoute({
  method: 'post',
  path: '/issuers',
  tags,
  summary: 'Register an issuer',
  description: 'Its tokens are genuine then. Whom they stand for is for trust rules to say: without one, for nobody.',
  request: sent(NewIssuer, EXAMPLE),
  responses: { 201: answer('The issuer.', namedIssuer), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path: '/issuers/{id}',
  tags,
  summary: 'Show an issuer',
  ...one,
  responses: { 200: answer('The issuer.', namedIssuer), ...PROBLEM },
})
const change = createRoute({
  method: 'patch',
  path: '/issuers/{id}',
  tags,
  summary: 'Change an issuer',
  description:
    'Only the fields sent change. Access tokens that were minted by its tokens end, and its own are verified anew. ' +
    'Where trust rules or links name it, that takes the scope credentials:write too, unless it is disabled; and so does ' +
    'signing as such an issuer. To say to whom our own token is shown takes role admin.',
  request: { params, ...sent(IssuerChange, { disabled: true }) },
  responses: { 200: answer('The issuer as it is now.', namedIssuer), ...PROBLEM },
})
const remove = createRoute({
  method: 'delete',
  path: '/issuers/{id}',
  tags,
  summary: 'Delete an issuer',
  description: 'Refused while trust rules, links of users or audience aliases name it. Its name is never given again.',
  ...one,
  responses: DONE,
})

export function issuerRoutes(deps: AdminDeps) {
  const { reader } = deps.store
  return newRoutes()
    .openapi(list, async (c) => {
      const query = c.req.valid('query')
      const names = await listIssuerNames(reader, sliceOf(query))
      const found = names.length === 0 ? [] : await listIssuers(reader, names)
      return c.json(
        pageOf(found.map(toIssuer), query.limit, ({ name }) => name),
        200,
      )
    })
    .openapi(create, async (c) => c.json(await createIssuer(deps, callerOf(c), c.req.valid('json')), 201))
    .openapi(get, async (c) => c.json(toIssuer(await requireIssuer(reader, c.req.valid('param').id)), 200))
    .openapi(change, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await changeIssuer(deps, callerOf(c), id, c.req.valid('json')), 200)
    })
    .openapi(remove, async (c) => {
      await removeIssuer(deps, callerOf(c), c.req.valid('param').id)
      return c.body(null, 204)
    })
}
