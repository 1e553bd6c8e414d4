// Making and rotating client secrets: by the law of keys, and what that means for the tokens that are got with them.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  basicOf,
  PUBLIC_URL,
  startApp,
  type TestApp,
  tokenFor,
  withSecret,
  withWebdav,
} from '../../../../test/support/app.ts'

let at: TestApp
beforeEach(async () => {
  at = await startApp()
  await withWebdav(at)
})
afterEach(() => at.close())

type Body = Readonly<Record<string, unknown>>
const call = (method: string, path: string, body?: unknown, key?: string) => at.api(method, `/api/v1${path}`, body, key)

async function ok(method: string, path: string, body?: unknown, key?: string): Promise<Body> {
  const answer = await call(method, path, body, key)
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

const MANAGEMENT = `${PUBLIC_URL}/api/v1`
const asking = async (token: string) => (await at.ask({ headers: { Authorization: `Bearer ${token}` } })).status
const asked = async (id: string, secret: unknown) =>
  (await at.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers: basicOf(id, String(secret)) }))
    .status

/** A client that may make credentials, and a key of it for that. */
async function minter(narrowing: Body = {}, permission: Body = { scopes: ['credentials:write', 'me:read'] }) {
  await ok('POST', '/clients', { id: 'minter', groups: ['media'] })
  await ok('POST', '/permissions', { client: 'minter', resource: 'countersign', ...permission })
  const made = await ok('POST', '/clients/minter/keys', { resources: ['countersign', 'webdav'], ...narrowing })
  return { id: String(made.id), key: String(made.key) }
}

test('several live secrets authenticate side by side', async () => {
  const one = await withSecret(at)
  const two = await withSecret(at)
  expect([await asked('canister', one.secret), await asked('canister', two.secret)]).toEqual([200, 200])
})

describe('rotation', () => {
  test('lets both secrets authenticate for the overlap, then the new one alone', async () => {
    const old = await withSecret(at, 'canister', { name: 'production', scopes: ['files:read'] })
    const made = await ok('POST', `/credentials/${old.id}/rotate`, { overlap_seconds: 60 })
    expect(made).toMatchObject({ kind: 'secret', name: 'production', scopes: ['files:read'], family: old.id })
    expect([await asked('canister', old.secret), await asked('canister', made.secret)]).toEqual([200, 200])
    at.clock.advance(60_000)
    expect([await asked('canister', old.secret), await asked('canister', made.secret)]).toEqual([401, 200])
  })

  test('lets the tokens that the old one got live on, but none beyond its end', async () => {
    const old = await withSecret(at)
    const before = await tokenFor(at, old.headers)
    await ok('POST', `/credentials/${old.id}/rotate`, { overlap_seconds: 60 })
    const { body } = await at.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers: old.headers })
    expect(body.expires_in).toBe(60)
    at.clock.advance(61_000)
    expect(await asking(before)).toBe(200)
  })

  test('and revoking the family ends all of it, with every token', async () => {
    const old = await withSecret(at)
    const made = await ok('POST', `/credentials/${old.id}/rotate`, {})
    const tokens = [await tokenFor(at, old.headers), await tokenFor(at, basicOf('canister', String(made.secret)))]
    await ok('POST', `/credentials/${old.id}/revoke`, { family: true })
    expect([await asked('canister', old.secret), await asked('canister', made.secret)]).toEqual([401, 401])
    for (const token of tokens) expect(await asking(token)).toBe(401)
  })
})

describe('a client that makes a secret for itself', () => {
  test.each([
    [{}, { resources: ['forge'] }, 'resources'],
    [{ scopes: ['credentials:write', 'files:read'] }, { scopes: ['files:write'] }, 'scopes'],
    [{ networks: ['127.0.0.0/8'] }, { networks: ['0.0.0.0/0'] }, 'networks'],
    [{ expires_in_days: 1 }, { expires_in_days: 2 }, 'expires_at'],
  ])('by a key of %j makes none of %j', async (narrowing, body, field) => {
    await ok('POST', '/resources', { name: 'forge', identifier: 'https://forge.example.com', rules: [] })
    const { key } = await minter(narrowing)
    const answer = await call('POST', '/clients/minter/secrets', body, key)
    expect([answer.status, answer.body.code]).toEqual([403, 'would_escalate'])
    expect(answer.body.problems).toMatchObject([{ path: field }])
  })

  test('gets one as narrow as its key, whose tokens are as narrow, and die with that key', async () => {
    const { id, key } = await minter({ scopes: ['credentials:write', 'files:read'], expires_in_days: 1 })
    const made = await ok('POST', '/clients/minter/secrets', {}, key)
    expect(made).toMatchObject({
      ...{ parent: id, resources: ['countersign', 'webdav'], scopes: ['credentials:write', 'files:read'] },
      expires_at: new Date(at.clock.now.getTime() + 86_400_000).toISOString(),
    })
    const headers = basicOf('minter', String(made.secret))
    const { body } = await at.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers })
    expect(body.scope).toBe('files:read')
    expect(await asking(String(body.access_token))).toBe(200)
    await ok('POST', `/credentials/${id}/revoke`, {})
    expect(await asked('minter', made.secret)).toBe(401)
    expect(await asking(String(body.access_token))).toBe(401)
  })

  test('by a token makes one that ends with the token, and dies with it', async () => {
    await minter()
    const { headers } = await withSecret(at, 'minter', { resources: ['countersign', 'webdav'] })
    const token = await tokenFor(at, headers, { resource: MANAGEMENT })
    const made = await ok('POST', '/clients/minter/secrets', {}, token)
    const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(made).toMatchObject({
      ...{ parent: jti, resources: ['countersign'] },
      expires_at: new Date(at.clock.now.getTime() + 600_000).toISOString(),
    })
    const beyond = await call('POST', '/clients/minter/secrets', { resources: ['webdav'] }, token)
    expect(beyond.body).toMatchObject({ code: 'would_escalate' })
    await ok('POST', `/credentials/${jti}/revoke`, {})
    const again = await at.oauth(
      '/oauth/token',
      { grant_type: 'client_credentials', resource: MANAGEMENT },
      { headers: basicOf('minter', String(made.secret)) },
    )
    expect([again.status, again.body.error]).toEqual([401, 'invalid_client'])
  })

  test('and another who may make credentials makes it one that reaches as far as its owner', async () => {
    const { key } = await minter()
    expect(await ok('POST', '/clients/canister/secrets', {}, key)).toMatchObject({
      ...{ parent: null, full: true, created_by: 'client:minter', owner: { kind: 'client', id: 'canister' } },
    })
  })
})
