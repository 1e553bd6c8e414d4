// Every route of the management API, as its own description lists them, by every kind of caller that it is not for.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { pinnedIssuer, register, trust } from '../support/pinned-issuer.ts'
import { type MadeToken, Stage } from './stage.ts'
import { invented } from './vectors/credentials.ts'
import { bearer, type Line } from './vectors/vector.ts'

const AT_API = { resources: ['countersign'] }
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']
const WRITING = ['POST', 'PUT', 'PATCH', 'DELETE']

type Ids = Readonly<Record<string, string>>
type Route = readonly [method: string, path: string]

let stage: Stage
/** As the description lists them: `GET /users/{id}`. */
let routes: Route[]
/** By the path before the id: what is there, and what was there. */
let present: Ids
let deleted: Ids
const tokens: Record<string, MadeToken> = {}

beforeAll(async () => {
  stage = await Stage.open()
  const { paths } = (await stage.call('GET', '/openapi.json')) as { paths: Record<string, object> }
  routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => [method.toUpperCase(), path.replace('/api/v1', '')] as const),
  )
  const newUser = async (username: string, roles: string[], token: Record<string, unknown> = AT_API) => {
    await stage.make('/users', { username, roles })
    tokens[username] = await stage.newToken(username, token)
    return tokens[username].id
  }
  await newUser('alice', ['admin'])
  await newUser('bob', ['user'])
  await newUser('auditor', ['auditor'])
  await newUser('nobody', [])
  await newUser('narrow', ['admin'], { ...AT_API, scopes: ['me:read'] })
  await newUser('elsewhere', ['admin'], {})
  await newUser('disabled', ['admin'])
  await newUser('leaver', ['admin'])
  await stage.make('/clients', { id: 'robot' })
  await stage.make('/permissions', { client: 'robot', resource: 'countersign', roles: ['admin'] })
  tokens.robot = { id: '', token: (await stage.newKey('robot', AT_API)).key }

  const nouns = async (suffix: string) => {
    const name = `thing-${suffix}`
    const identifier = `https://${name}.test`
    await stage.make('/resources', { name, identifier, hosts: [`${name}.test`], scopes: [], rules: [] })
    await stage.make('/groups', { name })
    await stage.make('/clients', { id: name })
    const { id } = await stage.make('/permissions', { group: name, resource: 'webdav', scopes: ['files:read'] })
    const corp = pinnedIssuer(stage.test, `https://${name}.idp.example.com`)
    await register(stage.test, corp, { name, issuer: `https://${name}.idp.example.com` })
    await trust(stage.test, { name, issuer: name, as: { client: name } })
    const named = { '/resources/': name, '/groups/': name, '/clients/': name, '/issuers/': name, '/trust-rules/': name }
    return { ...named, '/permissions/': String(id) }
  }
  const decision = await stage.ask('forward', {})
  const decisionId = String(decision.headers.get('countersign-decision'))
  const events = (await stage.call('GET', '/audit-events?limit=1')).items as { id: string }[]
  const keys = (await stage.call('GET', '/signing-keys')).items as { kid: string }[]
  const alices = String(tokens.alice?.id)
  present = {
    ...(await nouns('there')),
    ...{ '/users/': 'alice', '/credentials/': alices, '/me/tokens/': alices, '/decisions/': decisionId },
    '/audit-events/': String(events[0]?.id),
    '/signing-keys/': String(keys[0]?.kid),
  }
  const gone = String(tokens.leaver?.id)
  deleted = {
    ...(await nouns('gone')),
    ...{
      '/users/': 'leaver',
      '/credentials/': gone,
      '/me/tokens/': gone,
      '/decisions/': 'dec_00000000000000000000000000',
      '/audit-events/': 'evt_00000000000000000000000000',
      '/signing-keys/': 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    },
  }
  await stage.call('PATCH', '/users/disabled', { disabled: true })
  for (const noun of [
    '/trust-rules/',
    '/issuers/',
    '/permissions/',
    '/resources/',
    '/groups/',
    '/clients/',
    '/users/',
  ]) {
    await stage.call('DELETE', noun + deleted[noun])
  }
})
afterAll(() => stage.close())

const showing = (name: string): Line[] => [bearer(tokens[name]?.token ?? '')]
/** `GET /users/{id}` with an id in it; undefined: it has none. */
function filled(path: string, ids: Ids): string | undefined {
  if (!path.includes('{')) return undefined
  const noun = path.slice(0, path.indexOf('{'))
  const id = ids[noun]
  if (id === undefined) throw new Error(`${path} has an id of which this matrix knows none`)
  return path.replace(/\{\w+\}/, id)
}
async function send([method, path]: Route, lines: readonly Line[], ids: Ids): Promise<string> {
  const body = WRITING.includes(method) ? {} : undefined
  const { status, body: text } = await stage.send(method, filled(path, ids) ?? path, lines, body)
  stage.oracle.holdsNoSecret(text, path)
  return status < 300 ? 'done' : `${status} ${text === '' ? '' : JSON.parse(text).code}`
}
/** What each route answers; those that answer `usual` are left out. */
async function answers(lines: readonly Line[], usual: string, ids = present, of = routes): Promise<object> {
  const found: Record<string, string> = {}
  for (const route of of) {
    const answer = await send(route, lines, ids)
    if (answer !== usual) found[route.join(' ')] = answer
  }
  return found
}
const revision = () => stage.test.app.edge.verify.directory.revision

/** For anybody; whoever reports a leak has to say something. */
const PUBLIC = { 'GET /openapi.json': 'done', 'POST /leaks': '400 invalid_body' }
/** What each caller is told where it is not told the usual. */
const CALLERS: Readonly<Record<string, { lines: () => Line[]; usual: string; but: Readonly<Record<string, string>> }>> =
  {
    'without a credential': { lines: () => [], usual: '401 credential_missing', but: PUBLIC },
    'with a token that never was': { lines: () => [bearer(invented(1, 'pat'))], usual: '401 invalid_token', but: {} },
    'with the token of a disabled admin': { lines: () => showing('disabled'), usual: '401 invalid_token', but: {} },
    'with the token of a deleted admin': { lines: () => showing('leaver'), usual: '401 invalid_token', but: {} },
    'with an admin’s token that does not name countersign': {
      lines: () => showing('elsewhere'),
      usual: '403 resource_not_granted',
      but: {},
    },
    'with the token of somebody without a role': {
      lines: () => showing('nobody'),
      usual: '403 permission_missing',
      but: PUBLIC,
    },
    'with the token of a user, at what is others’': {
      lines: () => showing('bob'),
      usual: '403 scope_missing',
      but: {
        ...{ 'GET /me': 'done', 'GET /me/resources': 'done', 'GET /me/tokens': 'done', ...PUBLIC },
        'POST /me/tokens': '403 minting_refused',
        'POST /me/tokens/{id}/rotate': '404 not_found',
        'POST /me/tokens/{id}/revoke': '404 not_found',
      },
    },
    'with an admin’s token that is narrowed to reading who one is': {
      lines: () => showing('narrow'),
      usual: '403 scope_missing',
      but: { 'GET /me': 'done', 'GET /me/resources': 'done', 'GET /me/tokens': 'done', ...PUBLIC },
    },
  }

for (const [who, { lines, usual, but }] of Object.entries(CALLERS)) {
  test(`ADM-01 ADM-02 ${who}, every route answers ${usual}, but for what is theirs`, async () => {
    const before = revision()
    expect(await answers(lines(), usual)).toEqual(only(routes, but))
    expect(await answers(lines(), usual, deleted, withIds())).toEqual(only(withIds(), but))
    expect(revision()).toBe(before)
  })
}

function only(some: readonly Route[], but: Readonly<Record<string, string>>): object {
  const names = some.map((route) => route.join(' '))
  return Object.fromEntries(Object.entries(but).filter(([route]) => names.includes(route)))
}

const withIds = () => routes.filter(([, path]) => path.includes('{'))

test('ADM-02 an auditor reads, and writes nothing', async () => {
  const before = revision()
  const found = await answers(showing('auditor'), '403 scope_missing')
  const reading = routes.filter(([method]) => method === 'GET').map((route) => [route.join(' '), 'done'])
  // A question, though it has a body: this one is empty.
  expect(found).toEqual({
    ...Object.fromEntries(reading),
    ...only(routes, PUBLIC),
    'POST /explain': '400 invalid_body',
  })
  expect(revision()).toBe(before)
})

test('ADM-02 a client is no user, whatever its role: their own tokens are for users alone', async () => {
  const users = routes.filter(([, path]) => path.startsWith('/me/tokens'))
  expect(users.length).toBeGreaterThan(3)
  expect(await answers(showing('robot'), '403 principal_kind_refused', present, users)).toEqual({})
})

test('ADM-02 for an admin, what was deleted is not there', async () => {
  const unusual = {
    // Credentials are kept, dead, so that one can ask what they were.
    'GET /credentials/{id}': 'done',
    'POST /credentials/{id}/rotate': '409 conflict',
    'POST /credentials/{id}/revoke': 'done',
  }
  expect(await answers(showing('alice'), '404 not_found', deleted, withIds())).toEqual(unusual)
  const { status, body } = await stage.send('POST', '/users', showing('alice'), { username: 'leaver' })
  expect([status, JSON.parse(body).code]).toEqual([409, 'id_retired'])
})

test('ADM-02 a method that the description does not name does nothing, for an admin too', async () => {
  const before = revision()
  for (const path of new Set(routes.map(([, path]) => path))) {
    for (const method of METHODS) {
      const isRead = method === 'HEAD' && routes.some(([verb, other]) => verb === 'GET' && other === path)
      if (routes.some(([verb, other]) => verb === method && other === path) || isRead) continue
      expect([method, path, await send([method, path], showing('alice'), present)]).toEqual([
        method,
        path,
        expect.stringMatching(
          /^(403 rule_missing|403 principal_kind_refused|(404|405) ?(not_found|method_not_allowed)?)$/,
        ),
      ])
    }
  }
  expect(revision()).toBe(before)
})

test('ADM-02 another way to write a path is no way around its rule', async () => {
  const before = revision()
  const spellings = [
    ...['/users/alice/token%73', '/users/alice/%74okens', '/users/alice/tokens/', '/users/alice//tokens'],
    ...['/users/alice/tokens;x', '/users/alice%2ftokens', '/users/x/../alice/tokens', '/users/alice/./tokens'],
    ...['/users/alice/TOKENS', '/Users/alice/tokens', '/users/alice/tokens%00', '/users/alice/toke%256es'],
    ...['/users/alice/tokens?x=/me/tokens', '/users/alice\\tokens', '/me/../users/alice/tokens', '/me/tokens/%2e%2e'],
    ...['//users/alice/tokens', '/users/alice/revoke-credential%73', '/users/alice/revoke-credentials/'],
  ]
  await stage.make('/users', { username: 'registrar', roles: [] })
  await stage.make('/permissions', { user: 'registrar', resource: 'countersign', scopes: ['users:write', 'me:write'] })
  tokens.registrar = await stage.newToken('registrar', AT_API)
  const after = revision()
  expect(after).toBeGreaterThan(before)
  for (const path of spellings) {
    const { status } = await stage.send('POST', path, showing('registrar'), {})
    expect([path, [400, 403, 404, 405].includes(status)]).toEqual([path, true])
  }
  expect(revision()).toBe(after)
})
