// OAU-23 to OAU-25: who learns what of a credential at /oauth/introspect.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { listen } from '../../packages/server/src/http/listen.ts'
import {
  type Answer,
  BOOTSTRAP_KEY,
  type OAuthForm,
  type OAuthSent,
  startApp,
  type TestApp,
  tokenFor,
  withSecret,
  withWebdav,
} from '../support/app.ts'
import { withoutStore } from './breaking.ts'
import { invented } from './vectors/credentials.ts'

const WEBDAV = 'https://webdav.example.com'
const FORGE = {
  name: 'forge',
  identifier: 'https://forge.example.com',
  hosts: ['forge.example.com'],
  scopes: ['repo:read', 'repo:write'],
  rules: [{ path: '/:project/**', require: { scopes: ['repo:read'] } }],
}
const INACTIVE = { active: false }
const GATE_IS_INTROSPECTOR = { introspectors: ['gate'] }
type Headers = Readonly<Record<string, string>>

let at: TestApp
/** Of `canister`. */
let key: string
let keyId: string
/** `gate` is an introspector of webdav, `stranger` of nothing; `canister` owns the key. */
let gate: Headers
let stranger: Headers
let canister: Headers

beforeEach(async () => {
  at = await startApp()
  ;({ id: keyId, key } = await withWebdav(at))
  await made('/clients', { id: 'gate' })
  await made('/clients', { id: 'stranger' })
  await changed('/resources/webdav', GATE_IS_INTROSPECTOR)
  ;({ headers: gate } = await withSecret(at, 'gate'))
  ;({ headers: stranger } = await withSecret(at, 'stranger'))
  ;({ headers: canister } = await withSecret(at))
})
afterEach(() => at.close())

async function call(method: string, path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await at.api(method, `/api/v1${path}`, body)
  if (answer.status > 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
  return answer.body
}
const made = (path: string, body: object) => call('POST', path, body)
const changed = (path: string, body: object) => call('PATCH', path, body)
const newKey = async (body: object = {}) => String((await made('/clients/canister/keys', body)).key)

const introspect = (form: OAuthForm, headers: Headers = gate, sent: OAuthSent = {}) =>
  at.oauth('/oauth/introspect', form, { headers, ...sent })
const about = async (token: string, headers: Headers = gate, form: object = {}) => {
  const { status, headers: answered, body } = await introspect({ token, ...form }, headers)
  expect([status, answered.get('cache-control')]).toEqual([200, 'no-store'])
  return body
}
const why = async ({ headers }: Answer) =>
  (await at.api('GET', `/api/v1/decisions/${headers.get('countersign-decision')}`)).body

/** All that is seen of an answer, but for the id under which it is explained. */
const seen = ({ status, headers, body }: Answer) =>
  JSON.stringify([
    status,
    [...headers].filter(([name]) => !['countersign-decision', 'x-request-id'].includes(name)),
    body,
  ])

describe('an introspector learns', () => {
  test('of a key whose it is, what it may do here, and how long', async () => {
    expect(await about(key)).toEqual({
      active: true,
      scope: 'files:read files:write',
      client_id: 'canister',
      token_type: 'Bearer',
      iat: 1893456000,
      sub: 'client:canister',
      aud: WEBDAV,
      iss: 'http://127.0.0.1:8420',
      jti: keyId,
      roles: [],
      groups: ['media', 'clients'],
      projects: null,
      credential: keyId,
      principal: 'client',
      kind: 'key',
    })
    const ending = await newKey({ expires_in_seconds: 3600, scopes: ['files:read'] })
    expect(await about(ending)).toMatchObject({ exp: 1893459600, scope: 'files:read' })
  })

  test('of a personal access token which user that is', async () => {
    await made('/users', { username: 'alice' })
    await made('/permissions', { user: 'alice', resource: 'webdav', scopes: ['files:read'], roles: ['editor'] })
    const { token } = await made('/users/alice/tokens', {})
    const members = await about(String(token))
    expect(members).toMatchObject({
      active: true,
      sub: 'user:alice',
      username: 'alice',
      principal: 'user',
      kind: 'pat',
    })
    expect(members).toMatchObject({ scope: 'files:read', roles: ['editor'] })
    expect(members).not.toHaveProperty('client_id')
  })

  for (const format of ['jwt', 'opaque']) {
    test(`of an access token (${format}) what it says, and what minted it`, async () => {
      await changed('/resources/webdav', { access_token: { format } })
      const { id, headers } = await withSecret(at)
      const token = await tokenFor(at, headers, { scope: 'files:read' })
      const members = await about(token)
      expect(members).toMatchObject({ active: true, scope: 'files:read', aud: WEBDAV, exp: 1893456600, kind: 'at' })
      expect(members).toMatchObject({ credential: id, jti: expect.stringMatching(/^at_/), client_id: 'canister' })
    })
  }

  test('of a credential of another system the same, but for who issued it', async () => {
    const digest = createHash('sha256').update('glpat-0123456789abcdefghij').digest('hex')
    await made('/credentials/import', {
      ...{ prefix: 'glpat-', digest: 'sha256' },
      credentials: [{ digest, owner: 'client:canister' }],
    })
    const members = await about('glpat-0123456789abcdefghij')
    expect(members).toMatchObject({ active: true, sub: 'client:canister', scope: 'files:read files:write' })
    expect(members).not.toHaveProperty('iss')
  })

  test('for each project that it asks about what holds there, whatever it was told before', async () => {
    await made('/resources', { ...FORGE, ...GATE_IS_INTROSPECTOR })
    await made('/permissions', { client: 'canister', resource: 'forge', scopes: ['repo:read'] })
    const there = async (form: Readonly<Record<string, string>>) => {
      const asked = { token: key, resource: FORGE.identifier, ...form }
      return (await at.oauth('/oauth/introspect', asked, { headers: gate })).body.projects
    }
    expect([await there({ project: 'a' }), await there({ project: 'b' }), await there({})]).toEqual([
      ['a'],
      ['b'],
      null,
    ])
    expect([await there({}), await there({ project: 'b' })]).toEqual([null, ['b']])
  })

  test('of rights what holds in each of the projects, or in the one that it asks about', async () => {
    await made('/resources', { ...FORGE, ...GATE_IS_INTROSPECTOR })
    const may = (scope: string, projects?: string[]) =>
      made('/permissions', { client: 'canister', resource: 'forge', scopes: [scope], ...(projects && { projects }) })
    await may('repo:read', ['a', 'b'])
    await may('repo:write', ['b'])
    const there = (form: object = {}) => about(key, gate, { resource: FORGE.identifier, ...form })
    expect(await there()).toMatchObject({ scope: 'repo:read', projects: ['a', 'b'] })
    expect(await there({ project: 'b' })).toMatchObject({ scope: 'repo:read repo:write', projects: ['b'] })
    expect(await there({ project: 'c' })).toEqual(INACTIVE)
    await may('repo:read')
    expect(await there()).toMatchObject({ scope: 'repo:read', projects: null })
  })

  test('what a credential may do now, not what it could when it was made', async () => {
    const token = await tokenFor(at, canister)
    await changed('/clients/canister', { groups: [] })
    expect([await about(key), await about(token)]).toEqual([INACTIVE, INACTIVE])
    await made('/permissions', { client: 'canister', resource: 'webdav', scopes: ['files:read'] })
    expect([await about(key), await about(token)]).toMatchObject([{ scope: 'files:read' }, { scope: 'files:read' }])
  })
})

describe('OAU-23: exactly {"active":false}, and nothing that tells which, of', () => {
  const rows: [what: string, code: string, make: () => string | Promise<string>][] = [
    ['a token that never was', 'credential_unknown', () => invented(1)],
    ['a token that is mistyped', 'credential_mistyped', () => 'cs_key_mistyped'],
    ['a token of somebody else', 'credential_foreign', () => 'something'],
    [
      'a JWT that is forged',
      'token_unverified',
      async () => (await tokenFor(at, canister)).replace(/\.[^.]*$/, '.AAAA'),
    ],
    ['a client secret', 'credential_kind_refused', async () => (await withSecret(at)).secret],
    ['the bootstrap key', 'credential_kind_refused', () => BOOTSTRAP_KEY],
    [
      'an assertion',
      'credential_kind_refused',
      async () => String((await asked()).headers.get('countersign-assertion')),
    ],
    ['an expired key', 'credential_expired', () => aged(newKey({ expires_in_seconds: 60 }))],
    ['a key that is not valid yet', 'credential_not_yet_valid', () => newKey({ not_before: '2035-01-01T00:00:00Z' })],
    ['a revoked key', 'credential_revoked', () => revoked('/credentials/', '/revoke')],
    [
      'a key of a disabled client',
      'owner_disabled',
      () => changed('/clients/canister', { disabled: true }).then(() => key),
    ],
    ['a key for another resource', 'resource_not_granted', () => newKey({ resources: ['countersign'] })],
    [
      'a key without a permission',
      'permission_missing',
      async () => String((await made('/clients/gate/keys', {})).key),
    ],
    [
      'a key at a disabled resource',
      'resource_disabled',
      () => changed('/resources/webdav', { disabled: true }).then(() => key),
    ],
    ['a key that is bound to a network', 'client_address_unknown', () => newKey({ networks: ['127.0.0.0/8'] })],
  ]
  const asked = () => at.ask({ headers: { Authorization: `Bearer ${key}` } })
  const aged = async (made: Promise<string>) => {
    const token = await made
    at.clock.advance(60_000)
    return token
  }
  const revoked = async (before: string, after: string) => {
    await made(`${before}${keyId}${after}`, {})
    return key
  }
  for (const [what, code, make] of rows) {
    test(what, async () => {
      const token = await make()
      const [answer, unknown] = [await introspect({ token }), await introspect({ token: invented(2) })]
      expect(answer.body).toEqual(INACTIVE)
      expect(seen(answer)).toBe(seen(unknown))
      const record = await why(answer)
      expect(record).toMatchObject({ code, detail: { introspected_by: 'client:gate' } })
      expect(record.sentence).not.toMatch(/undefined|null|NaN|\[object/)
    })
  }

  test('a token of 1 MB, but that nothing so large is read: 413', async () => {
    const server = await listen({ kind: 'tcp', hostname: '127.0.0.1', port: 0 }, at.app.publicRoutes)
    const send = (bytes: number) =>
      fetch(`http://127.0.0.1:${server.port}/oauth/introspect`, {
        method: 'POST',
        headers: gate,
        body: new URLSearchParams({ token: 'x'.repeat(bytes) }),
      })
    try {
      expect((await send(1024 * 1024)).status).toBe(413)
      const largest = await send(60_000)
      expect([largest.status, await largest.json()]).toEqual([200, INACTIVE])
    } finally {
      await server.stop(true)
    }
  })
})

describe('OAU-24: inactive as soon as either level says so:', () => {
  const levels: [level: string, path: string, body: () => object][] = [
    ['all that its client has', '/clients/canister/revoke-credentials', () => ({})],
    [
      'all of its kind',
      '/credentials/revoke-older',
      () => ({ kind: 'at', created_before: at.clock.now.toISOString() }),
    ],
  ]
  for (const format of ['jwt', 'opaque']) {
    for (const [level, path, body] of levels) {
      test(`${level} (${format})`, async () => {
        await changed('/resources/webdav', { access_token: { format } })
        const token = await tokenFor(at, canister)
        expect(await about(token)).toMatchObject({ active: true })
        at.clock.advance(2000)
        await made(path, body())
        expect(await about(token)).toEqual(INACTIVE)
        expect(await about(await tokenFor(at, (await withSecret(at)).headers))).toMatchObject({ active: true })
      })
    }
  }
})

describe('who is no introspector', () => {
  test('learns of no credential of others, and cannot tell one from none', async () => {
    const unknown = await introspect({ token: invented(1) }, stranger)
    expect(unknown.body).toEqual(INACTIVE)
    for (const token of [key, await tokenFor(at, canister)]) {
      for (const form of [{}, { resource: WEBDAV }, { resource: 'https://nowhere.test' }]) {
        const answer = await introspect({ token, ...form }, stranger)
        expect(seen(answer)).toBe(seen(unknown))
        expect((await why(answer)).code).toBe('token_not_owned')
      }
    }
  })

  test('learns of its own, at the resource that it names or that its token is for', async () => {
    const token = await tokenFor(at, canister)
    expect(await about(token, canister)).toMatchObject({ active: true, aud: WEBDAV, scope: 'files:read files:write' })
    expect(await about(key, canister, { resource: WEBDAV })).toMatchObject({
      aud: WEBDAV,
      scope: 'files:read files:write',
    })
    for (const resource of ['https://nowhere.test', 'http://127.0.0.1:8420/api/v1']) {
      expect(await about(key, canister, { resource })).toEqual(INACTIVE)
    }
  })

  test('learns of its own key that it lives, and of no rights where no resource is named', async () => {
    const members = await about(key, canister)
    expect(members).toMatchObject({ active: true, sub: 'client:canister', jti: keyId })
    for (const name of ['scope', 'aud', 'roles', 'groups', 'projects']) expect(members).not.toHaveProperty(name)
    at.clock.advance(1000)
    await made(`/credentials/${keyId}/revoke`, {})
    expect(await about(key, canister)).toEqual(INACTIVE)
  })
})

describe('an introspector', () => {
  test('of one resource learns nothing of access tokens for another', async () => {
    await made('/resources', FORGE)
    await made('/permissions', { client: 'canister', resource: 'forge', scopes: ['repo:read'] })
    const token = await tokenFor(at, canister, { resource: FORGE.identifier })
    expect(await about(token)).toEqual(INACTIVE)
    expect(await about(token, gate, { resource: WEBDAV })).toEqual(INACTIVE)
    await changed('/resources/forge', GATE_IS_INTROSPECTOR)
    expect(await about(token)).toMatchObject({ active: true, aud: FORGE.identifier })
    expect(await about(token, gate, { resource: WEBDAV })).toEqual(INACTIVE)
  })

  test('of several says which, unless the token does; the answer does not tell whether there is such a key', async () => {
    await made('/resources', { ...FORGE, ...GATE_IS_INTROSPECTOR })
    const told = await Promise.all([key, invented(1), 'something'].map((token) => introspect({ token })))
    expect(new Set(told.map(seen)).size).toBe(1)
    expect(told[0]).toMatchObject({
      status: 400,
      body: {
        error: 'invalid_request',
        error_description: `The request is malformed. resource is missing; send one of: ${WEBDAV}, ${FORGE.identifier}`,
      },
    })
    expect(await about(key, gate, { resource: WEBDAV })).toMatchObject({ active: true })
    expect(await about(await tokenFor(at, canister))).toMatchObject({ active: true })
    expect(await about(invented(1, 'at'))).toEqual(INACTIVE)
  })

  test('says where a credential was shown, and is believed about that; nobody else is', async () => {
    const bound = await newKey({ networks: ['192.0.2.0/24'] })
    const from = (client_address: string, headers = gate) => about(bound, headers, { client_address, resource: WEBDAV })
    expect(await from('192.0.2.7')).toMatchObject({ active: true })
    expect(await from('198.51.100.1')).toEqual(INACTIVE)
    expect(await from('192.0.2.7', canister)).toEqual(INACTIVE)
    const malformed = await introspect({ token: bound, client_address: '192.0.2.7, 10.0.0.1' })
    expect(malformed).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  test('counts as a use of the credential', async () => {
    await about(key, gate, { client_address: '192.0.2.7' })
    await at.app.flush()
    const { body } = await at.api('GET', `/api/v1/credentials/${keyId}`)
    expect(body).toMatchObject({ last_used_at: '2030-01-01T00:00:00.000Z', last_used_from: '192.0.2.7' })
  })
})

describe('the question', () => {
  test('OAU-25: is never asked by GET', async () => {
    const answer = await introspect('', gate, { method: 'GET', query: `?token=${key}` })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
    expect(JSON.stringify([answer, at.logLines])).not.toContain(key)
  })

  test('needs a token, once', async () => {
    for (const form of ['', 'token=', `token=${key}&token=${key}`, { token: key, client_address: 'here' }] as const) {
      expect(await introspect(form)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    }
  })

  test('needs a client that authenticates', async () => {
    for (const headers of [{}, { Authorization: `Bearer ${key}` }]) {
      expect(await introspect({ token: key }, headers)).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      })
    }
  })

  test('is answered whatever kind of token the hint names', async () => {
    for (const token_type_hint of ['access_token', 'refresh_token', 'pat', '%']) {
      expect(await about(key, gate, { token_type_hint })).toMatchObject({ active: true })
    }
  })

  test('that nobody can answer at the moment is not answered by "inactive"', async () => {
    const { key: unseen } = await made('/clients/canister/keys', {})
    await about(key)
    await withoutStore(async () => {
      const answer = await introspect({ token: String(unseen) })
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
      expect(answer.body).not.toHaveProperty('active')
    })
    expect(await about(String(unseen))).toMatchObject({ active: true })
  })
})
