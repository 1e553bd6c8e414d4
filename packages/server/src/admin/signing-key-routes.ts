import { PageQuery, SigningKey, SigningKeyPage, SigningKeyRotation } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import type { AdminDeps } from './deps.ts'
import { answer, callerOf, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import { pageOfKeys, requireSigningKey, rotateKeys } from './signing-keys.ts'

const tags = ['signing-keys']

const namedSigningKey = named('SigningKey', SigningKey)

const list = createRoute({
  method: 'get',
  path: '/signing-keys',
  tags,
  summary: 'List the keys that tokens are signed with',
  description:
    'Those that are published at `/.well-known/jwks.json`. The audit events tell of those that were retired.',
  request: { query: PageQuery },
  responses: { 200: answer('The keys, the one that signs last first.', SigningKeyPage), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path: '/signing-keys/{id}',
  tags,
  summary: 'Show a key that signs, will, or did',
  request: { params: idParameter('Its `kid`.', 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs') },
  responses: { 200: answer('The key, also after it was retired.', namedSigningKey), ...PROBLEM },
})
const rotate = createRoute({
  method: 'post',
  path: '/signing-keys/rotate',
  tags,
  summary: 'Publish the key that signs next',
  description:
    'It signs once everybody who follows the key set knows it; the present one signs until then, and is published ' +
    'until nothing that it signed can be alive. Is one waiting already, no other is made. With `now`, for a key that ' +
    'leaked, a new one signs at once and all others are retired with what they signed. Needs role `admin`, by a ' +
    'credential that is not narrowed to scopes or projects.',
  request: { body: { ...sent(named('SigningKeyRotation', SigningKeyRotation), { now: false }).body, required: false } },
  responses: { 200: answer('The key that signs next, and from when on.', namedSigningKey), ...PROBLEM },
})

export function signingKeyRoutes(deps: AdminDeps) {
  return newRoutes()
    .openapi(list, async (c) => c.json(await pageOfKeys(deps, c.req.valid('query')), 200))
    .openapi(get, async (c) => c.json(await requireSigningKey(deps, c.req.valid('param').id), 200))
    .openapi(rotate, async (c) => c.json(await rotateKeys(deps, callerOf(c), c.req.valid('json')), 200))
}
