import {
  AgeRevocation,
  BulkRevoked,
  Credential,
  CredentialPage,
  CredentialQuery,
  IssuedKey,
  IssuedSecret,
  NewKey,
  NewSecret,
  PageQuery,
  Revocation,
  Revoked,
  Rotated,
  Rotation,
} from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { requireClient } from './clients.ts'
import { pageOfCredentials, requireCredential, revoke, revokeOlder } from './credentials.ts'
import type { AdminDeps } from './deps.ts'
import { createKey, createSecret } from './issuing.ts'
import { answer, callerOf, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import { rotate as rotateCredential } from './rotation.ts'
import { toCredential } from './wire.ts'

const tags = ['credentials']
const client = idParameter('The id of the client.', 'canister')
const params = idParameter('The public id of the credential.', 'key_01JABCDEFGHJKMNPQRSTVWXYZ0')

const namedIssuedKey = named('IssuedKey', IssuedKey)
const namedCredential = named('Credential', Credential)
const namedRotated = named('Rotated', Rotated)
const namedRevoked = named('Revoked', Revoked)

const listKeys = createRoute({
  method: 'get',
  path: '/clients/{id}/keys',
  tags,
  summary: 'List the keys of a client',
  request: { params: client, query: PageQuery },
  responses: {
    200: answer('Its keys, whatever their state, in the order of their making.', CredentialPage),
    ...PROBLEM,
  },
})
const create = createRoute({
  method: 'post',
  path: '/clients/{id}/keys',
  tags,
  summary: 'Make a key for a client',
  description:
    'What is left out narrows nothing: the key may do whatever its owner may, now and later, at every resource but ' +
    '`countersign`: for this API, name it in `resources`. Who makes a key for itself makes none that reaches beyond ' +
    'the credential it presents: what is left out is then as narrow as that one, and revoking that one revokes the key.',
  request: { params: client, ...sent(NewKey, { name: 'laptop' }) },
  responses: { 201: answer('The key, shown this once.', namedIssuedKey), ...PROBLEM },
})
const listSecrets = createRoute({
  method: 'get',
  path: '/clients/{id}/secrets',
  tags,
  summary: 'List the secrets of a client',
  request: { params: client, query: PageQuery },
  responses: {
    200: answer('Its secrets, whatever their state, in the order of their making.', CredentialPage),
    ...PROBLEM,
  },
})
const createOneSecret = createRoute({
  method: 'post',
  path: '/clients/{id}/secrets',
  tags,
  summary: 'Make a secret for a client',
  description:
    'The client authenticates with it at `/oauth/token`. A client may have several that are live. Tokens that are ' +
    'minted with it reach no further and live no longer than it does, and die when it is revoked.',
  request: { params: client, ...sent(NewSecret, { name: 'production' }) },
  responses: { 201: answer('The secret, shown this once.', named('IssuedSecret', IssuedSecret)), ...PROBLEM },
})
const list = createRoute({
  method: 'get',
  path: '/credentials',
  tags,
  summary: 'List credentials',
  description:
    'Access tokens only if `kind` asks for them; of those that are JWTs no record is kept, nor of ' +
    'when one was used. With filters other than `owner` and `kind` a page may hold fewer than `limit`, and still not be ' +
    'the last: follow `next_cursor`. A use is written some seconds after it, and once a minute at most.',
  request: { query: CredentialQuery },
  responses: { 200: answer('Credentials in the order of their making.', CredentialPage), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path: '/credentials/{id}',
  tags,
  summary: 'Show a credential',
  request: { params },
  responses: { 200: answer('Everything but the credential itself.', namedCredential), ...PROBLEM },
})
const rotate = createRoute({
  method: 'post',
  path: '/credentials/{id}/rotate',
  tags,
  summary: 'Replace a key, token or client secret by a new one with the same rights',
  description: 'The new one lives at most as long as the old one was made to live.',
  request: { params, ...sent(Rotation, { overlap_seconds: 3600 }) },
  responses: { 201: answer('The new one, shown this once.', namedRotated), ...PROBLEM },
})
const revokeOne = createRoute({
  method: 'post',
  path: '/credentials/{id}/revoke',
  tags,
  summary: 'Revoke a credential and everything that it minted',
  description:
    'Durable when it is answered, and refused on this node from the next request on. No record is kept of an access ' +
    'token that is a JWT (`at_…`), nor of a key that a client has itself (`jwk_…`): they are revoked by their id, the ' +
    'token for a day after it was issued. Whose a token was nobody can say, so that needs role `admin`, by a ' +
    'credential that is not narrowed to scopes or projects.',
  request: { params, ...sent(Revocation, { reason: 'leaked' }) },
  responses: { 200: answer('It is revoked, now or since before.', namedRevoked), ...PROBLEM },
})

const revokeOld = createRoute({
  method: 'post',
  path: '/credentials/revoke-older',
  tags,
  summary: 'Revoke every credential of a kind that is older than a date, and what those minted',
  description: 'Needs role `admin`, by a credential that is not narrowed to scopes or projects.',
  request: sent(AgeRevocation, { kind: 'pat', created_before: '2030-01-01T00:00:00Z', reason: 'leaked' }),
  responses: { 200: answer('They are refused from now on.', named('BulkRevoked', BulkRevoked)), ...PROBLEM },
})

export function credentialRoutes(deps: AdminDeps) {
  return newRoutes()
    .openapi(listKeys, async (c) => {
      const { id } = await requireClient(deps.store.reader, c.req.valid('param').id)
      const query = { ...c.req.valid('query'), owner: `client:${id}`, kind: 'key' } as const
      return c.json(await pageOfCredentials(deps, query), 200)
    })
    .openapi(create, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await createKey(deps, callerOf(c), id, c.req.valid('json')), 201)
    })
    .openapi(listSecrets, async (c) => {
      const { id } = await requireClient(deps.store.reader, c.req.valid('param').id)
      const query = { ...c.req.valid('query'), owner: `client:${id}`, kind: 'secret' } as const
      return c.json(await pageOfCredentials(deps, query), 200)
    })
    .openapi(createOneSecret, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await createSecret(deps, callerOf(c), id, c.req.valid('json')), 201)
    })
    .openapi(revokeOld, async (c) => c.json(await revokeOlder(deps, callerOf(c), c.req.valid('json')), 200))
    .openapi(list, async (c) => c.json(await pageOfCredentials(deps, c.req.valid('query')), 200))
    .openapi(get, async (c) => {
      const stored = await requireCredential(deps.store.reader, c.req.valid('param').id)
      return c.json(toCredential(stored, deps), 200)
    })
    .openapi(rotate, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await rotateCredential(deps, callerOf(c), id, c.req.valid('json')), 201)
    })
    .openapi(revokeOne, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await revoke(deps, callerOf(c), id, c.req.valid('json')), 200)
    })
}
