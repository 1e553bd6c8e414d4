// Personal access tokens in every state of theirs, of their owner, of the owner's groups, and of what they are for.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { type MadeToken, Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'
import { lookUpsIn, workOf } from './work.ts'

const DAY_MS = 86_400_000

let stage: Stage
/** Alice may read and write at webdav, by two groups; her tokens narrow nothing. */
beforeEach(async () => {
  stage = await Stage.open()
  for (const [group, scope] of [
    ['readers', 'files:read'],
    ['writers', 'files:write'],
  ]) {
    await stage.make('/groups', { name: group })
    await stage.make('/permissions', { group, resource: 'webdav', scopes: [scope] })
  }
  await stage.make('/users', { username: 'alice', groups: ['readers', 'writers'] })
})
afterEach(() => stage.close())

const reading = (token: string) => ({ lines: [bearer(token)] })
const writing = (token: string) => ({ ...reading(token), asks: { method: 'PUT' } })
const passes = (token: string, asking = reading) => stage.expect('OK', undefined, 'forward', asking(token))
const isRefused = async (token: string, kind: 'T401' | 'S403' | 'F403', code: string, asking = reading) => {
  await stage.expect(kind, code, 'forward', asking(token))
  await stage.expect(kind, code, 'nginx', asking(token))
}
/** What is known of it is held in memory, and so is what it may do. */
async function hotToken(body: Record<string, unknown> = {}, user = 'alice'): Promise<MadeToken> {
  const made = await stage.newToken(user, body)
  await passes(made.token)
  expect(lookUpsIn(await workOf(() => passes(made.token)))).toBe(0)
  return made
}
const change = (body: object, path = '/users/alice') => stage.call('PATCH', path, body)

describe('what happens to a token', () => {
  test('OPQ-07 a revoked token is refused from the next request on, and the others of its owner are not', async () => {
    const [one, two] = [await hotToken(), await hotToken()]
    await stage.call('POST', `/credentials/${one.id}/revoke`, { reason: 'leaked' })
    await isRefused(one.token, 'T401', 'credential_revoked')
    await passes(two.token)
  })

  test('OPQ-07 all tokens of a user at once, and one made right after lives', async () => {
    const tokens = [await hotToken(), await hotToken()]
    await stage.call('POST', '/users/alice/revoke-credentials', {})
    for (const { token } of tokens) await isRefused(token, 'T401', 'credential_revoked')
    await hotToken()
  })

  test('OPQ-07 what is older than a date, whoever owns it', async () => {
    await stage.make('/users', { username: 'bob', groups: ['readers'] })
    const old = [await hotToken(), await hotToken({}, 'bob')]
    stage.test.clock.advance(DAY_MS)
    const created_before = stage.test.clock.now.toISOString()
    const young = await hotToken()
    await stage.call('POST', '/credentials/revoke-older', { kind: 'pat', created_before })
    for (const { token } of old) await isRefused(token, 'T401', 'credential_revoked')
    await passes(young.token)
    await passes(stage.wallet.key)
  })

  test('OPQ-07 a revocation is not taken back by another one that reaches less far', async () => {
    const { token } = await hotToken()
    stage.test.clock.advance(DAY_MS)
    const newer = await hotToken()
    const until = (moment: Date) =>
      stage.call('POST', '/users/alice/revoke-credentials', { created_before: moment.toISOString() })
    const between = new Date(stage.test.clock.now.getTime() - DAY_MS / 2)
    stage.test.clock.advance(DAY_MS)
    await until(stage.test.clock.now)
    await until(between)
    for (const one of [token, newer.token]) await isRefused(one, 'T401', 'credential_revoked')
  })

  test('OPQ-09 OPQ-10 a token lives to its last millisecond and not into the next, with no clean-up running', async () => {
    const expiresAt = new Date(stage.test.clock.now.getTime() + 60_000)
    const { token } = await hotToken({ expires_at: expiresAt.toISOString() })
    const at = (ms: number) => {
      // The stage moves the clock by one second before it asks.
      stage.test.clock.now = new Date(expiresAt.getTime() + ms - 1000)
    }
    at(-1)
    await passes(token)
    at(0)
    await stage.expect('T401', 'credential_expired', 'forward', reading(token))
    at(1)
    await stage.expect('T401', 'credential_expired', 'forward', reading(token))
  })

  test('OPQ-10 a token of which nobody said when it ends does not live for ever', async () => {
    const { token } = await hotToken()
    stage.test.clock.advance(89 * DAY_MS)
    await passes(token)
    stage.test.clock.advance(DAY_MS)
    await isRefused(token, 'T401', 'credential_expired')
  })

  test('OPQ-23 a rotated token and its successor both live for the overlap, to the second', async () => {
    const old = await hotToken()
    const endsAt = stage.test.clock.now.getTime() + 600_000
    const { token } = await stage.make(`/credentials/${old.id}/rotate`, { overlap_seconds: 600 })
    await passes(String(token))
    stage.test.clock.now = new Date(endsAt - 1001)
    await passes(old.token)
    stage.test.clock.now = new Date(endsAt - 1000)
    await stage.expect('T401', 'credential_expired', 'forward', reading(old.token))
    await passes(String(token))
  })

  test('OPQ-23 without an overlap the old token dies with the rotation', async () => {
    const old = await hotToken()
    const { token } = await stage.make(`/credentials/${old.id}/rotate`, { overlap_seconds: 0 })
    await isRefused(old.token, 'T401', 'credential_expired')
    await passes(String(token))
  })

  test('OPQ-23 no rotation brings a dead token back, of whatever it died', async () => {
    const { id, token } = await hotToken()
    const created_before = new Date(stage.test.clock.now.getTime() + DAY_MS).toISOString()
    await stage.call('POST', '/credentials/revoke-older', { kind: 'pat', created_before })
    const answer = await stage.test.api('POST', `/api/v1/credentials/${id}/rotate`, {})
    expect([answer.status, answer.body.code]).toEqual([409, 'conflict'])
    await isRefused(token, 'T401', 'credential_revoked')
  })
})

describe('what happens to the owner of a token', () => {
  test('OPQ-11 the tokens of a disabled user are refused, and live again with them, but for the revoked ones', async () => {
    const [one, two] = [await hotToken(), await hotToken()]
    await change({ disabled: true })
    await isRefused(one.token, 'T401', 'owner_disabled')
    await stage.call('POST', `/credentials/${two.id}/revoke`, {})
    await change({ disabled: false })
    await passes(one.token)
    await isRefused(two.token, 'T401', 'credential_revoked')
  })

  test('OPQ-11 a token that is made for a disabled user is of no use before they are enabled', async () => {
    await change({ disabled: true })
    const { token } = await stage.newToken('alice')
    await isRefused(token, 'T401', 'owner_disabled')
    await change({ disabled: false })
    await passes(token)
  })

  test('OPQ-11 ADM-15 the tokens of a deleted user stay dead: the name is never given again', async () => {
    const { id, token } = await hotToken()
    await stage.call('DELETE', '/users/alice')
    await isRefused(token, 'T401', 'owner_missing')
    const refusals = [
      ['POST', '/users', { username: 'alice' }, 409],
      ['PATCH', '/users/alice', { disabled: false }, 404],
      ['PUT', '/users/alice', {}, 405],
      ['POST', '/users/alice/tokens', {}, 404],
      ['GET', '/users/alice/tokens', undefined, 404],
      ['POST', `/credentials/${id}/rotate`, {}, 409],
      ['PATCH', `/credentials/${id}`, { revoked_at: null }, 405],
      ['POST', '/permissions', { user: 'alice', resource: 'webdav' }, 400],
    ] as const
    for (const [method, path, body, status] of refusals) {
      const answer = await stage.test.api(method, `/api/v1${path}`, body)
      expect([method, path, answer.status]).toEqual([method, path, status])
    }
    // A client of that name is somebody else.
    await stage.make('/clients', { id: 'alice', groups: ['readers'] })
    await isRefused(token, 'T401', 'owner_missing')
    const { items } = await stage.call('GET', '/credentials?owner=user:alice')
    expect(items).toMatchObject([{ id, state: 'owner_disabled' }])
  })

  test('OPQ-11 a client and a user of one name are two: what befalls the one does not befall the other', async () => {
    await stage.make('/clients', { id: 'alice', groups: ['readers'] })
    const key = await stage.newKey('alice')
    const { token } = await hotToken()
    const asKey = await passes(key.key)
    const asToken = await passes(token)
    expect([asKey, asToken].map(({ headers }) => headers.get('remote-user'))).toEqual(['client:alice', 'alice'])
    await change({ disabled: true }, '/clients/alice')
    await stage.call('POST', '/clients/alice/revoke-credentials', {})
    await passes(token)
    await isRefused(key.key, 'T401', 'credential_revoked')
    await change({ disabled: false }, '/clients/alice')
    await change({ disabled: true })
    await passes((await stage.newKey('alice')).key)
    await isRefused(token, 'T401', 'owner_disabled')
  })
})

describe('what happens to the rights of a token', () => {
  test('OPQ-13 who leaves a group loses what it holds, at once', async () => {
    const { token } = await hotToken()
    await passes(token, writing)
    await change({ groups: ['readers'] })
    await isRefused(token, 'S403', 'scope_missing', writing)
    const { headers } = await passes(token)
    expect([headers.get('remote-groups'), headers.get('remote-scopes')]).toEqual(['readers,users', 'files:read'])
    await change({ groups: [] })
    await isRefused(token, 'S403', 'permission_missing')
    await change({ groups: ['writers', 'readers'] })
    await passes(token, writing)
  })

  test('OPQ-13 a disabled group gives nothing, is in no header and fulfils no rule, until it is enabled', async () => {
    const rules = [{ path: '/**', require: { groups: ['readers'] } }]
    const club = {
      name: 'club',
      identifier: 'https://club.test',
      hosts: ['club.test'],
      scopes: [],
      rules,
      groups: 'all',
    }
    await stage.make('/resources', club)
    await stage.make('/permissions', { user: 'alice', resource: 'club' })
    const { token } = await hotToken()
    const atClub = (text: string) => ({ ...reading(text), asks: { host: 'club.test' } })
    await passes(token, atClub)
    await change({ disabled: true }, '/groups/readers')
    await isRefused(token, 'S403', 'scope_missing')
    await isRefused(token, 'S403', 'group_missing', atClub)
    const { headers } = await passes(token, writing)
    expect(headers.get('remote-groups')).toBe('writers,users')
    await change({ disabled: false }, '/groups/readers')
    await passes(token)
    await passes(token, atClub)
  })

  test('OPQ-13 a deleted group is gone for its members, and no new one takes its place', async () => {
    const { token } = await hotToken()
    await stage.call('DELETE', '/groups/readers')
    await isRefused(token, 'S403', 'scope_missing')
    expect((await stage.test.api('POST', '/api/v1/groups', { name: 'readers' })).status).toBe(409)
  })

  test('OPQ-14 a token never may more than its owner may now, whatever it was narrowed to', async () => {
    const { token } = await hotToken({ resources: ['webdav'], scopes: ['files:read', 'files:write'] })
    await passes(token, writing)
    await change({ groups: ['readers'] })
    await isRefused(token, 'S403', 'scope_missing', writing)
    const { headers } = await passes(token)
    expect(headers.get('remote-scopes')).toBe('files:read')
  })

  test('OPQ-14 and what its owner gains is not the token’s, where it was narrowed', async () => {
    const { token } = await hotToken({ resources: ['webdav'], scopes: ['files:read'] })
    await stage.make('/permissions', { user: 'alice', resource: 'webdav', scopes: ['files:*'] })
    await stage.make('/permissions', { user: 'alice', resource: 'intranet', scopes: ['pages:*'] })
    await isRefused(token, 'S403', 'scope_missing', writing)
    const elsewhere = { ...reading(token), asks: { host: 'intranet.example.com', uri: '/pub/page' } }
    await stage.expect('S403', 'resource_not_granted', 'forward', elsewhere)
  })

  test('OPQ-14 roles that are taken away are out of the headers at once', async () => {
    const { id } = await stage.make('/permissions', { user: 'alice', resource: 'webdav', roles: ['editor'] })
    const { token } = await hotToken()
    expect((await passes(token)).headers.get('remote-roles')).toBe('editor')
    await stage.call('DELETE', `/permissions/${id}`)
    expect((await passes(token)).headers.get('remote-roles')).toBe('none')
  })

  test('OPQ-15 a disabled resource refuses every token', async () => {
    const tokens = [await hotToken(), await hotToken({ resources: ['webdav'] })]
    await change({ disabled: true }, '/resources/webdav')
    for (const { token } of tokens) await isRefused(token, 'F403', 'resource_disabled')
    await change({ disabled: false }, '/resources/webdav')
    for (const { token } of tokens) await passes(token)
  })

  test('OPQ-15 a deleted resource is gone for the tokens that name it, and no other takes its name', async () => {
    const { token } = await hotToken({ resources: ['webdav'] })
    await stage.call('DELETE', '/resources/webdav')
    await stage.expect('F403', 'host_unknown', 'forward', reading(token))
    const again = { name: 'webdav', identifier: 'https://other.test', hosts: ['webdav.example.com'], rules: [] }
    expect((await stage.test.api('POST', '/api/v1/resources', again)).status).toBe(409)
    await stage.make('/resources', { ...again, name: 'webdav2', rules: [{ path: '/**' }] })
    await stage.make('/permissions', { user: 'alice', resource: 'webdav2' })
    await isRefused(token, 'S403', 'resource_not_granted')
  })

  test('OPQ-18 a token for one service at another, at the management API, and the other way round', async () => {
    await stage.make('/permissions', { user: 'alice', resource: 'intranet', scopes: ['pages:read'] })
    const [here, there, api] = [
      await stage.newToken('alice', { resources: ['webdav'] }),
      await stage.newToken('alice', { resources: ['intranet'] }),
      await stage.newToken('alice', { resources: ['countersign'] }),
    ]
    await passes(here.token)
    for (const { token } of [there, api]) await isRefused(token, 'S403', 'resource_not_granted')
    const intranet = (token: string) => ({ ...reading(token), asks: { host: 'intranet.example.com', uri: '/pub/x' } })
    await passes(there.token, intranet)
    await isRefused(here.token, 'S403', 'resource_not_granted', intranet)
    for (const { token } of [here, there, await stage.newToken('alice')]) {
      const { status, body } = await stage.test.api('GET', '/api/v1/me', undefined, token)
      expect([status, body.code]).toEqual([403, 'resource_not_granted'])
    }
    expect((await stage.test.api('GET', '/api/v1/me', undefined, api.token)).status).toBe(200)
  })
})

describe('what is shown of a token and its owner', () => {
  test('OPQ-26 ADM-14 a token is shown by the call that makes it and by no other, to no reader', async () => {
    const password = 'a password of these tests'
    await change({ password })
    const { id, token } = await hotToken()
    stage.oracle.keepSecret(password)
    await stage.make('/users', { username: 'reader', roles: ['auditor', 'user'] })
    const reader = (await stage.newToken('reader', { resources: ['countersign'] })).token
    const refusal = await stage.ask('forward', { ...writing(token), asks: { host: 'forge.example.com', uri: '/a' } })
    const decision = refusal.headers.get('countersign-decision')
    const paths = [
      ...['/credentials', `/credentials/${id}`, '/users/alice/tokens', '/users', '/users/alice', '/groups/readers'],
      ...['/decisions', `/decisions/${decision}`, '/permissions', '/me', '/me/tokens', '/me/resources', '/clients'],
      ...['/credentials?owner=user:alice&kind=pat&state=live', '/openapi.json'],
    ]
    for (const path of paths) {
      for (const key of [undefined, reader]) {
        if (key === undefined && path === '/me/tokens') continue
        const answer = await stage.test.api('GET', `/api/v1${path}`, undefined, key)
        expect([path, answer.status, answer.headers.get('cache-control')]).toEqual([path, 200, 'no-store'])
        const text = JSON.stringify(answer.body)
        stage.oracle.holdsNoSecret(text, path)
        if (path !== '/openapi.json') expect(text).not.toMatch(/[0-9a-f]{64}|argon2|password_hash|"digest"/)
      }
    }
    const question = { method: 'GET', url: 'https://webdav.example.com/', credential_id: id }
    const { body } = await stage.test.api('POST', '/api/v1/explain', question, reader)
    stage.oracle.holdsNoSecret(JSON.stringify(body), 'explain')
    expect(JSON.stringify(body)).not.toContain('eyJ')
    stage.logsNoSecret()
  })

  for (const id of ['%25', '_', "'", 'pat_%25', "pat_' or '1'='1", 'pat__'.repeat(6), 'PAT_01', 'alice%00', '*']) {
    test(`OPQ-28 ${id} is nobody’s id`, async () => {
      const { token } = await hotToken()
      const { token: own } = await stage.newToken('alice', { resources: ['countersign'] })
      const segment = id.replaceAll(' ', '%20')
      const calls = [
        ['GET', `/credentials/${segment}`],
        ['POST', `/credentials/${segment}/revoke`],
        ['GET', `/users/${segment}`],
        ['DELETE', `/users/${segment}`],
        ['GET', `/users/${segment}/tokens`],
        ['POST', `/users/${segment}/revoke-credentials`],
        ['POST', `/me/tokens/${segment}/revoke`, own],
      ] as const
      for (const [method, path, key] of calls) {
        const body = method === 'POST' ? {} : undefined
        const { status } = await stage.test.api(method, `/api/v1${path}`, body, key)
        expect([method, path, [404, 400].includes(status)]).toEqual([method, path, true])
      }
      for (const query of [`owner=user:${segment}`, `owner=${segment}`]) {
        const { status, body } = await stage.test.api('GET', `/api/v1/credentials?${query}`)
        expect([query, status === 400 || (body.items as unknown[]).length === 0]).toEqual([query, true])
      }
      await passes(token)
    })
  }
})
