// What an access token is told to be, and what it may do at the management API: less than what minted it, never more.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { isDenied } from '@countersign/resource-server'
import { basicOf, PUBLIC_URL, tokenFor, withSecret } from '../support/app.ts'
import { type Forge, forgeOf, signedBy, strangersKey, twinOf } from '../support/forging.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

const WEBDAV = 'https://webdav.example.com'
let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.close())

const asWith = (token: string) => ({ lines: [bearer(token)] })
const webdavToken = async () => {
  const { headers } = await withSecret(stage.test)
  return tokenFor(stage.test, headers, { resource: WEBDAV })
}

describe('the operator is told', () => {
  let forge: Forge
  beforeEach(async () => {
    forge = forgeOf(stage.test, await webdavToken())
  })
  const explained = (credential: string) =>
    stage.call('POST', '/explain', { method: 'GET', url: `${WEBDAV}/`, credential, client_address: '192.0.2.1' })
  /** What the node knows of the token. */
  const knownNow = async () => {
    const known = await stage.test.app.edge.verify.recognise(forge.live)?.(forge.live)
    if (known === undefined || isDenied(known)) throw new Error('it is not known')
    return known
  }
  const stranger = strangersKey()

  const REASONS: readonly [what: string, text: () => string, because: string][] = [
    ['no key of that id', () => signedBy(stranger.privateKey, { ...forge.header, kid: 'other' }, forge.claims), 'kid'],
    ['another signature', () => signedBy(stranger.privateKey, forge.header, forge.claims), 'signature'],
    ['another algorithm', () => forge.signed({}, { alg: 'ES384' }), 'alg'],
    ['no end', () => forge.signed({ exp: undefined }), 'exp'],
    ['no subject', () => forge.signed({ sub: 'nobody' }), 'sub'],
    ['a time that has not come', () => forge.signed({ nbf: forge.now() + 600 }), 'nbf'],
    ['a revision that nobody took', () => forge.signed({ revision: 1_000_000 }), 'revision'],
  ]
  for (const [what, text, because] of REASONS) {
    test(`JWT-34 why, where a token shows ${what}`, async () => {
      const answer = await stage.expect('T401', 'token_unverified', 'forward', asWith(text()))
      const record = await stage.why(String(answer.headers.get('countersign-decision')))
      expect(record.detail).toMatchObject({ because })
      expect(record.sentence).not.toMatch(/undefined|null|NaN|\[object/)
      expect(await explained(text())).toMatchObject({ decision: { code: 'token_unverified', detail: { because } } })
    })
  }

  test('JWT-38 which token it was: explained by the text, and not kept, counted or marked as used', async () => {
    const before = await stage.call('GET', '/credentials?kind=at&limit=100')
    const explanation = await explained(forge.live)
    expect(explanation).toMatchObject({
      decision: { outcome: 'allow', credential: { id: forge.claims.jti, kind: 'at' }, principal: 'client:canister' },
      answer: { status: 200, headers: { 'remote-credential': forge.claims.jti } },
    })
    stage.oracle.keepSecret(forge.live)
    stage.oracle.holdsNoSecret(JSON.stringify(explanation), 'an explanation')
    await stage.test.app.flush()
    expect(await stage.call('GET', '/credentials?kind=at&limit=100')).toEqual(before)
    const { items } = await stage.call('GET', '/decisions?limit=100')
    expect(JSON.stringify(items)).not.toContain(String(forge.claims.jti))
    const { writtenUseMs, unwrittenUse } = await knownNow()
    expect([writtenUseMs, unwrittenUse]).toEqual([Number.NEGATIVE_INFINITY, undefined])
  })

  test('JWT-44 nothing of a token that somebody put into the path, or where a name belongs', async () => {
    const [, , signature = ''] = forge.live.split('.')
    const pieces = Array.from({ length: signature.length - 12 }, (_, at) => signature.slice(at, at + 12))
    const asked = [
      { asks: { uri: `/${forge.live}` } },
      { asks: { uri: `/x/${forge.live}/y` } },
      { asks: { method: 'PUT', uri: `/a;${forge.live}` } },
    ]
    for (const { asks } of asked) {
      const answer = await stage.ask('forward', { asks })
      const record = JSON.stringify(await stage.why(String(answer.headers.get('countersign-decision'))))
      expect(pieces.filter((piece) => record.includes(piece))).toEqual([])
    }
  })

  test('JWT-56 the moment of its end, and of its revocation', async () => {
    stage.test.clock.now = new Date(Number(forge.claims.exp) * 1000)
    const late = await stage.expect('T401', 'credential_expired', 'forward', asWith(forge.live))
    expect((await stage.why(String(late.headers.get('countersign-decision')))).detail).toEqual({
      expired_at: new Date(Number(forge.claims.exp) * 1000).toISOString(),
    })
    stage.test.clock.now = new Date(Number(forge.claims.iat) * 1000)
    await stage.call('POST', '/leaks', { credential: forge.live, found_at: 'a log' })
    const revoked = await stage.expect('T401', 'credential_revoked', 'forward', asWith(twinOf(forge.live)))
    const { detail } = await stage.why(String(revoked.headers.get('countersign-decision')))
    expect(detail).toMatchObject({ revoked_by: 'leak-report', reason: 'leaked: a log' })
  })
})

describe('at the management API', () => {
  let token: string
  let forge: Forge
  let secretId: string
  const API = `${PUBLIC_URL}/api/v1`
  const as = (text: string) => (method: string, path: string, body?: unknown) =>
    stage.test.api(method, `/api/v1${path}`, body, text)
  beforeEach(async () => {
    await stage.make('/clients', { id: 'steward' })
    const scopes = ['clients:read', 'clients:write', 'credentials:read', 'credentials:write', 'me:read']
    await stage.make('/permissions', { client: 'steward', resource: 'countersign', scopes, roles: ['admin'] })
    await stage.make('/permissions', { client: 'steward', resource: 'webdav', scopes: ['files:read'] })
    const { id, secret } = await withSecret(stage.test, 'steward', { resources: ['countersign'] })
    secretId = id
    token = await tokenFor(stage.test, basicOf('steward', secret), { resource: API, scope: scopes.join(' ') })
    forge = forgeOf(stage.test, token)
  })

  test('JWT-29 a token for another resource is none', async () => {
    const { status, body } = await as(await webdavToken())('GET', '/me')
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'invalid_token' })
  })

  test('JWT-29 a token for the management API is none at a resource', async () => {
    await stage.expect('T401', 'audience_refused', 'forward', asWith(token))
  })

  test('JWT-29 a secret that is not narrowed to it gets no token for it', async () => {
    const { headers } = await withSecret(stage.test, 'steward')
    const form = { grant_type: 'client_credentials', resource: API }
    expect(await stage.test.oauth('/oauth/token', form, { headers })).toMatchObject({
      status: 400,
      body: { error: 'invalid_target' },
    })
  })

  test('JWT-38 a token for it says who it is, by its own id and end', async () => {
    const { status, body } = await as(token)('GET', '/me')
    expect(status).toBe(200)
    expect(JSON.stringify(body)).toContain(String(forge.claims.jti))
    expect(JSON.stringify(body)).toContain('steward')
    expect(JSON.stringify(body)).not.toContain(secretId)
  })

  test('JWT-38 a token for it, changed, is nobody', async () => {
    for (const text of [`${token}=`, forge.signed({ scope: 'x:read' }, { typ: 'JWT' }), token.slice(0, -2)]) {
      expect((await as(text)('GET', '/me')).status).toBe(401)
    }
  })

  test('JWT-44 a token with fewer scopes may do less, whatever its client may do', async () => {
    const { secret } = await withSecret(stage.test, 'steward', { resources: ['countersign'] })
    const form = { resource: API, scope: 'clients:read' }
    const reader = as(await tokenFor(stage.test, basicOf('steward', secret), form))
    expect((await reader('GET', '/clients')).status).toBe(200)
    expect((await reader('POST', '/clients', { id: 'new' })).status).toBe(403)
    expect((await as(token)('POST', '/clients', { id: 'new' })).status).toBe(201)
  })

  test('JWT-44 what it mints for itself is within it: no later end, no other resource, no other scope', async () => {
    const expiresAt = Number(forge.claims.exp) * 1000
    const mint = (body: object) => as(token)('POST', '/clients/steward/keys', body)
    for (const body of [
      { expires_at: new Date(expiresAt + 1000).toISOString() },
      { expires_in_days: 1 },
      { resources: ['webdav'] },
      { resources: ['countersign'], scopes: ['users:write'] },
    ]) {
      expect({ body, status: (await mint(body)).status }).toEqual({ body, status: 403 })
    }
    const made = await mint({})
    expect(made.status).toBe(201)
    expect(Date.parse(String(made.body.expires_at))).toBe(expiresAt)
    const own = as(String(made.body.key))
    expect((await own('GET', '/me')).status).toBe(200)
    stage.test.clock.now = new Date(expiresAt)
    expect((await own('GET', '/me')).status).toBe(401)
  })

  test('JWT-44 an admin gives nobody rights here by a token: it is narrowed to scopes', async () => {
    const { secret } = await withSecret(stage.test, 'steward', { resources: ['countersign'] })
    const all = as(await tokenFor(stage.test, basicOf('steward', secret), { resource: API }))
    const permission = { client: 'other', resource: 'countersign', roles: ['admin'] }
    expect(await all('POST', '/permissions', permission)).toMatchObject({
      status: 403,
      body: { code: 'would_escalate' },
    })
    const made = await all('POST', '/clients/steward/secrets', { resources: ['countersign'] })
    expect(made).toMatchObject({ status: 201, body: { resources: ['countersign'] } })
    expect(made.body.scopes).not.toBe('full')
    expect(Date.parse(String(made.body.expires_at))).toBeLessThanOrEqual(Number(forge.claims.exp) * 1000)
  })

  const DEATHS: readonly [how: string, kill: () => Promise<unknown>][] = [
    ['is revoked', () => stage.call('POST', '/leaks', { credential: token })],
    ['is revoked by its twin', () => stage.call('POST', '/leaks', { credential: twinOf(token) })],
    ['dies with its secret', () => stage.call('POST', `/credentials/${secretId}/revoke`, {})],
  ]
  for (const [how, kill] of DEATHS) {
    test(`JWT-18 what it minted dies when it ${how}, rotated or not, and stays dead past its end`, async () => {
      const made = await as(token)('POST', '/clients/steward/keys', {})
      const rotated = await stage.test.api('POST', `/api/v1/credentials/${made.body.id}/rotate`, {
        expires_in_days: 30,
        overlap_seconds: 600,
      })
      const all = [token, String(made.body.key), ...(rotated.status === 201 ? [String(rotated.body.key)] : [])]
      for (const text of all) expect((await as(text)('GET', '/me')).status).toBe(200)
      await kill()
      for (const text of all) expect((await as(text)('GET', '/me')).status).toBe(401)
      stage.test.clock.now = new Date(Number(forge.claims.exp) * 1000 + 86_400_000)
      for (const text of all) expect((await as(text)('GET', '/me')).status).toBe(401)
    })
  }
})
