// Whom a token stands for, where, with what and for how long: the real app, from the secret to the decision.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { basicOf, startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../../../../test/support/app.ts'

let at: TestApp
beforeEach(async () => {
  at = await startApp()
  await withWebdav(at)
})
afterEach(() => at.close())

const GRANT = { grant_type: 'client_credentials' }
const FORGE = {
  name: 'forge',
  identifier: 'https://forge.example.com',
  hosts: ['forge.example.com'],
  scopes: ['repo:read', 'repo:write'],
  rules: [
    { path: '/p/:project/**', require: { scopes: ['repo:read'] } },
    { path: '/**', require: { scopes: ['repo:read'] } },
  ],
}

async function made(path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await at.api('POST', `/api/v1${path}`, body)
  expect([200, 201]).toContain(answer.status)
  return answer.body
}

const changed = async (path: string, body: object) =>
  expect((await at.api('PATCH', `/api/v1${path}`, body)).status).toBe(200)

const asking = (token: string, question: Parameters<TestApp['ask']>[0] = {}) =>
  at.ask({ ...question, headers: { Authorization: `Bearer ${token}` } })

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

for (const format of ['jwt', 'opaque'] as const) {
  describe(`an access token (${format})`, () => {
    beforeEach(() => changed('/resources/webdav', { access_token: { format } }))

    test('of a client says who that is, and what it may do', async () => {
      const { headers } = await withSecret(at)
      const answer = await at.oauth('/oauth/token', GRANT, { headers })
      expect(answer.status).toBe(200)
      expect(Object.keys(answer.body)).toEqual(['access_token', 'token_type', 'expires_in', 'scope'])
      expect(answer.body).toMatchObject({ token_type: 'Bearer', expires_in: 600, scope: 'files:read files:write' })
      const token = String(answer.body.access_token)
      expect(token).toStartWith(format === 'jwt' ? 'ey' : 'cs_at_')

      const allowed = await asking(token)
      expect(allowed.status).toBe(200)
      expect(allowed.headers.get('remote-user')).toBe('client:canister')
      expect(allowed.headers.get('remote-scopes')).toBe('files:read,files:write')
      expect(allowed.headers.get('remote-credential')).toMatch(/^at_[0-9A-Z]{26}$/)
      expect(allowed.headers.get('countersign-expires')).toBe('2030-01-01T00:10:00Z')
    })

    test('ends at its second, whatever is still remembered of it', async () => {
      const { headers } = await withSecret(at)
      const token = await tokenFor(at, headers)
      at.clock.advance(599_999)
      expect((await asking(token)).status).toBe(200)
      at.clock.advance(1)
      expect((await asking(token)).status).toBe(401)
    })

    test('reaches no further than its secret, and ends with it', async () => {
      await made('/resources', FORGE)
      await made('/permissions', { client: 'canister', resource: 'forge', scopes: ['repo:read', 'repo:write'] })
      await changed('/resources/forge', { access_token: { format } })
      const narrowed = { resources: ['forge'], scopes: ['repo:read'], projects: ['a'], expires_in_seconds: 90 }
      const { headers } = await withSecret(at, 'canister', { ...narrowed, networks: ['192.0.2.0/24', '127.0.0.1/32'] })
      const refused = await at.oauth('/oauth/token', { ...GRANT, resource: 'https://webdav.example.com' }, { headers })
      expect(refused.body).toMatchObject({ error: 'invalid_target' })

      const form = { ...GRANT, resource: FORGE.identifier }
      const answer = await at.oauth('/oauth/token', form, { headers })
      expect(answer.body).toMatchObject({ expires_in: 90, scope: 'repo:read' })
      const token = String(answer.body.access_token)
      const atForge = (uri: string, from = '192.0.2.9') => asking(token, { host: 'forge.example.com', uri, from })
      expect((await atForge('/p/a/x')).status).toBe(200)
      expect((await atForge('/p/b/x')).status).toBe(403)
      expect((await atForge('/x')).status).toBe(403)
      expect((await atForge('/p/a/x', '198.51.100.1')).status).toBe(401)
    })

    test('dies at the next request when its client is disabled, and lives again with it', async () => {
      const { headers } = await withSecret(at)
      const token = await tokenFor(at, headers)
      expect((await asking(token)).status).toBe(200)
      await changed('/clients/canister', { disabled: true })
      expect((await asking(token)).status).toBe(401)
      await changed('/clients/canister', { disabled: false })
      expect((await asking(token)).status).toBe(200)
    })

    test('loses at the next request what its client loses, and gains nothing', async () => {
      const { headers } = await withSecret(at)
      const token = await tokenFor(at, headers, { scope: 'files:read' })
      expect((await asking(token, { method: 'PUT' })).status).toBe(403)
      await changed('/clients/canister', { groups: [] })
      expect((await asking(token)).status).toBe(403)
      await made('/permissions', { client: 'canister', resource: 'webdav', scopes: ['files:read', 'files:write'] })
      expect((await asking(token)).status).toBe(200)
      expect((await asking(token, { method: 'PUT' })).status).toBe(403)
    })

    test('dies with the secret that minted it, and with no other', async () => {
      const [one, other] = [await withSecret(at), await withSecret(at)]
      const [mine, others] = [await tokenFor(at, one.headers), await tokenFor(at, other.headers)]
      expect((await asking(mine)).status).toBe(200)
      await made(`/credentials/${one.id}/revoke`, { reason: 'leaked' })
      expect((await asking(mine)).status).toBe(401)
      expect((await asking(others)).status).toBe(200)
    })

    test('outlives the rotation of its secret', async () => {
      const { id, headers } = await withSecret(at)
      const token = await tokenFor(at, headers)
      const { secret } = await made(`/credentials/${id}/rotate`, { overlap_seconds: 60 })
      at.clock.advance(61_000)
      expect((await asking(token)).status).toBe(200)
      expect((await at.oauth('/oauth/token', GRANT, { headers })).status).toBe(401)
      await tokenFor(at, basicOf('canister', String(secret)))
    })

    test('dies with all that its client has, and one that is made next lives', async () => {
      const { headers } = await withSecret(at)
      const token = await tokenFor(at, headers)
      await made('/clients/canister/revoke-credentials', {})
      expect((await asking(token)).status).toBe(401)
      const { headers: fresh } = await withSecret(at)
      expect((await asking(await tokenFor(at, fresh))).status).toBe(200)
    })

    test('dies when all that were made before a moment do', async () => {
      const { headers } = await withSecret(at)
      const early = await tokenFor(at, headers)
      at.clock.advance(2000)
      const created_before = at.clock.now.toISOString()
      const late = await tokenFor(at, headers)
      await made('/credentials/revoke-older', { kind: 'at', created_before })
      expect((await asking(early)).status).toBe(401)
      expect((await asking(late)).status).toBe(200)
      await tokenFor(at, headers)
    })

    test('is for its audience alone: another identifier of the same resource is another audience', async () => {
      const { headers } = await withSecret(at)
      const token = await tokenFor(at, headers)
      await changed('/resources/webdav', { identifier: 'https://files.example.com' })
      expect((await asking(token)).status).toBe(401)
      await changed('/resources/webdav', { identifier: 'https://webdav.example.com' })
      expect((await asking(token)).status).toBe(200)
    })

    test('lives as long as the shorter of resource and client says', async () => {
      const { headers } = await withSecret(at)
      const life = async () => (await at.oauth('/oauth/token', GRANT, { headers })).body.expires_in
      await changed('/clients/canister', { access_token_ttl_seconds: 120 })
      expect(await life()).toBe(120)
      await changed('/resources/webdav', { access_token: { ttl_seconds: 60 } })
      expect(await life()).toBe(60)
    })
  })
}

describe('a JWT', () => {
  test('says what RFC 9068 asks for, what minted it, and nothing of what it does not narrow', async () => {
    const { id, headers } = await withSecret(at)
    const token = await tokenFor(at, headers, { scope: 'files:read' })
    const { jti, revision, ...claims } = claimsOf(token)
    expect(claims).toEqual({
      iss: 'http://127.0.0.1:8420',
      sub: 'client:canister',
      aud: 'https://webdav.example.com',
      exp: 1893456600,
      iat: 1893456000,
      client_id: 'canister',
      scope: 'files:read',
      credential: id,
      resource: 'webdav',
    })
    expect(jti).toMatch(/^at_/)
    expect(revision).toBePositive()
  })
})

describe('the resource of a token', () => {
  const target = async (headers: Readonly<Record<string, string>>, form: object = {}) => {
    const { body } = await at.oauth('/oauth/token', { ...GRANT, ...form }, { headers })
    return body.error === undefined ? claimsOf(String(body.access_token)).aud : body
  }

  test('is the one that is asked for', async () => {
    await made('/resources', FORGE)
    await made('/permissions', { client: 'canister', resource: 'forge', scopes: ['repo:read'] })
    const { headers } = await withSecret(at)
    expect(await target(headers, { resource: FORGE.identifier })).toBe(FORGE.identifier)
    expect(await target(headers, { resource: 'https://webdav.example.com' })).toBe('https://webdav.example.com')
  })

  test('that none is asked for is that of the oldest permission, and a later one changes nothing', async () => {
    const { headers } = await withSecret(at)
    expect(await target(headers)).toBe('https://webdav.example.com')
    at.clock.advance(1000)
    await made('/resources', FORGE)
    await made('/permissions', { group: 'media', resource: 'forge', scopes: ['repo:read'] })
    expect(await target(headers)).toBe('https://webdav.example.com')
  })

  test('that is unknown, disabled or not permitted reads alike, and the client is told what it may ask for', async () => {
    await made('/resources', FORGE)
    const { headers } = await withSecret(at)
    const told = {
      error: 'invalid_target',
      error_description: 'The client has no such resource. It may ask for: https://webdav.example.com',
    }
    for (const resource of [FORGE.identifier, 'https://nowhere.test', 'relative', 'https://webdav.example.com/#a']) {
      expect(await target(headers, { resource })).toEqual(told)
    }
    await changed('/resources/forge', { disabled: true })
    await made('/permissions', { client: 'canister', resource: 'forge', scopes: ['repo:read'] })
    expect(await target(headers, { resource: FORGE.identifier })).toEqual(told)
  })

  test('is never the management API, unless the secret names that', async () => {
    await made('/permissions', { client: 'canister', resource: 'countersign', scopes: ['decisions:read'] })
    const resource = 'http://127.0.0.1:8420/api/v1'
    expect(await target((await withSecret(at)).headers, { resource })).toMatchObject({ error: 'invalid_target' })
    const { headers } = await withSecret(at, 'canister', { resources: ['countersign'] })
    const token = await tokenFor(at, headers, { resource })
    expect((await at.api('GET', '/api/v1/decisions', undefined, token)).status).toBe(200)
    expect((await at.api('GET', '/api/v1/clients', undefined, token)).status).toBe(403)
  })
})

describe('the scopes of a token', () => {
  const granted = async (headers: Readonly<Record<string, string>>, scope: string) =>
    (await at.oauth('/oauth/token', { ...GRANT, scope }, { headers })).body

  test('are those asked for that the client may have, and are always named', async () => {
    const { headers } = await withSecret(at)
    expect(await granted(headers, 'files:write')).toMatchObject({ scope: 'files:write' })
    expect(await granted(headers, 'admin files:read')).toMatchObject({ scope: 'files:read' })
  })

  test('are refused when none is left, and the client is told which it may have', async () => {
    const { headers } = await withSecret(at)
    for (const scope of ['admin', 'files:*', '*', 'FILES:READ']) {
      expect(await granted(headers, scope)).toEqual({
        error: 'invalid_scope',
        error_description: 'The client may have none of these scopes. It may have: files:read files:write',
      })
    }
    for (const scope of [' files:read', 'files:read  files:write', 'files:read"', 'ä']) {
      expect(await granted(headers, scope)).toMatchObject({ error: 'invalid_scope' })
    }
  })
})
