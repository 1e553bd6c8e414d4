// What operators do to access tokens through the management API, and to the keys by which clients get them.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../../../../test/support/app.ts'
import { makeSigner, registerKeys, withKey } from '../../../../test/support/client-key.ts'
import { makeId } from '../domain/ids.ts'
import { START, startApi } from './support.test.ts'

let at: TestApp
beforeEach(async () => {
  at = await startApp()
})
afterEach(() => at.close())

const FORMATS = ['jwt', 'opaque'] as const
const SECOND = 1000
const HOUR = 3600 * SECOND

const asking = async (token: string) => (await at.ask({ headers: { Authorization: `Bearer ${token}` } })).status
const now = () => at.clock.now.toISOString()

async function called(method: string, path: string, body?: unknown, key?: string) {
  return at.api(method, `/api/v1${path}`, body, key)
}

async function ok(method: string, path: string, body?: unknown) {
  const answer = await called(method, path, body)
  expect([200, 201, 204]).toContain(answer.status)
  return answer.body as { [field: string]: unknown; items: { id: string; kind: string }[] }
}

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string; exp: number }

/** The public id of a token, as its user finds it: in the identity headers. */
const idOf = async (token: string) =>
  (await at.ask({ headers: { Authorization: `Bearer ${token}` } })).headers.get('Remote-Credential') ?? ''

const stage = (format: (typeof FORMATS)[number], ttl_seconds = 600) =>
  withWebdav(at, { access_token: { format, ttl_seconds } })

describe.each(FORMATS)('access tokens (%s)', (format) => {
  beforeEach(() => stage(format))

  test('of a client die when all of its credentials are revoked; those that are issued later live', async () => {
    const token = await tokenFor(at, (await withSecret(at)).headers)
    expect(await asking(token)).toBe(200)
    await ok('POST', '/clients/canister/revoke-credentials', {})
    expect(await asking(token)).toBe(401)
    const later = await tokenFor(at, (await withSecret(at)).headers)
    expect(await asking(later)).toBe(200)
  })

  test('of a client die that were issued before a moment', async () => {
    const { headers } = await withSecret(at)
    at.clock.advance(60 * SECOND)
    const old = await tokenFor(at, headers)
    at.clock.advance(60 * SECOND)
    const moment = now()
    const young = await tokenFor(at, (await withSecret(at)).headers)
    await ok('POST', '/clients/canister/revoke-credentials', { created_before: moment })
    expect([await asking(old), await asking(young)]).toEqual([401, 200])
  })

  test('of everybody die by their kind and age, and what minted them lives', async () => {
    const { headers } = await withSecret(at)
    const old = await tokenFor(at, headers)
    at.clock.advance(60 * SECOND)
    const moment = now()
    const young = await tokenFor(at, headers)
    await ok('POST', '/credentials/revoke-older', { kind: 'at', created_before: moment })
    expect([await asking(old), await asking(young)]).toEqual([401, 200])
    expect(await asking(await tokenFor(at, headers))).toBe(200)
  })

  test('die with the secret that minted them, also when all secrets of an age are revoked', async () => {
    const { headers } = await withSecret(at)
    const token = await tokenFor(at, headers)
    at.clock.advance(SECOND)
    await ok('POST', '/credentials/revoke-older', { kind: 'secret', created_before: now() })
    expect((await at.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers })).status).toBe(401)
    expect(await asking(token)).toBe(401)
  })

  test('die by their id, once', async () => {
    const { headers } = await withSecret(at)
    const token = await tokenFor(at, headers)
    const another = await tokenFor(at, headers)
    const id = await idOf(token)
    expect(id).toStartWith('at_')
    const first = await ok('POST', `/credentials/${id}/revoke`, { reason: 'pasted into a ticket' })
    expect(first).toMatchObject(
      format === 'jwt' ? { revoked: 1, credential: null } : { revoked: 1, credential: { id, state: 'revoked' } },
    )
    expect([await asking(token), await asking(another)]).toEqual([401, 200])
    expect(await ok('POST', `/credentials/${id}/revoke`, {})).toMatchObject({ revoked: 0 })
  })

  test('die when they are reported as leaked; dead ones and others are not revoked', async () => {
    const { headers } = await withSecret(at)
    const token = await tokenFor(at, headers)
    const respelled = format === 'jwt' ? `${token}=` : `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
    const report = async (credential: string) => (await called('POST', '/leaks', { credential }, undefined)).body
    expect(await report(respelled)).toEqual({ outcome: 'unknown', id: null })
    const id = await idOf(token)
    expect(await report(token)).toEqual({ outcome: 'revoked', id })
    expect(await asking(token)).toBe(401)
    expect(await report(token)).toEqual({ outcome: 'dead', id })
    const expired = await tokenFor(at, headers)
    at.clock.advance(HOUR)
    expect(await report(expired)).toMatchObject({ outcome: 'dead' })
  })
})

test('lists hold access tokens only where they are asked for', async () => {
  await stage('opaque')
  await tokenFor(at, (await withSecret(at)).headers)
  const kinds = async (query: string) => (await ok('GET', `/credentials${query}`)).items.map(({ kind }) => kind)
  expect(await kinds('?owner=client:canister')).toEqual(['key', 'secret'])
  expect(await kinds('?owner=client:canister&state=live')).toEqual(['key', 'secret'])
  expect(await kinds('?kind=at')).toEqual(['at'])
})

test('a secret shows when it last got a token', async () => {
  await stage('jwt')
  const { id, headers } = await withSecret(at)
  expect(await ok('GET', `/credentials/${id}`)).toMatchObject({ last_used_at: null })
  await tokenFor(at, headers)
  await at.app.flush()
  expect(await ok('GET', `/credentials/${id}`)).toMatchObject({ last_used_at: now() })
})

describe('an access token that is a JWT', () => {
  beforeEach(() => stage('jwt', 86_400))
  const issued = async () => {
    const token = await tokenFor(at, (await withSecret(at)).headers)
    return { token, id: claimsOf(token).jti }
  }
  const revoke = (id: string, key?: string) => called('POST', `/credentials/${id}/revoke`, {}, key)

  test('has no record to show, and it is said how to revoke it', async () => {
    const { id } = await issued()
    const { status, body } = await called('GET', `/credentials/${id}`)
    expect(status).toBe(404)
    expect(body.detail).toContain('By its id it can be revoked')
  })

  test('can be revoked by its id for as long as any lives, and no longer', async () => {
    const { id } = await issued()
    at.clock.advance(23 * HOUR)
    expect((await revoke(id)).status).toBe(200)
    const { id: other } = await issued()
    at.clock.advance(25 * HOUR)
    expect((await revoke(other)).status).toBe(404)
  })

  test('that was issued in the future, or of which the id is none, is not found', async () => {
    const { id } = await issued()
    at.clock.advance(-2 * HOUR)
    for (const none of [id, 'at_', 'at_x', `at_${'0'.repeat(26)}`, `at_${'8'.repeat(26)}`, id.toLowerCase()]) {
      expect((await revoke(none)).status).toBe(404)
    }
  })

  test('is revoked by its id only by an admin whom nothing confines: nobody can say whose it is', async () => {
    const { id, token } = await issued()
    await ok('POST', '/clients', { id: 'ops' })
    await ok('POST', '/permissions', { client: 'ops', resource: 'countersign', scopes: ['credentials:write'] })
    const { key } = await ok('POST', '/clients/ops/keys', { resources: ['countersign'] })
    const answer = await revoke(id, String(key))
    expect([answer.status, answer.body.code]).toEqual([403, 'would_escalate'])
    expect(await asking(token)).toBe(200)
  })

  test('is revoked by a line that stays: what it may have minted can be rotated, and then outlives it', async () => {
    const { ok, directory } = await startApi()
    const id = makeId('at', new Date(START.getTime() - HOUR), () => new Uint8Array(16))
    expect(await ok('POST', `/credentials/${id}/revoke`, { body: {} })).toMatchObject({ credential: null })
    expect(directory.lineThrough(`credential:${id}`)).toMatchObject({ endsAt: null })
  })
})

describe('a key that a client registered', () => {
  beforeEach(() => stage('jwt'))
  const tokenBy = (form: Readonly<Record<string, string>>) => at.oauth('/oauth/token', form)

  async function signing() {
    const signer = await withKey(at)
    const { access_token: token } = (await tokenBy(signer.form())).body
    const why = JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString())
    return { signer, token: String(token), id: String(why.credential) }
  }

  test('dies by its id, with the tokens that were got by it', async () => {
    const { signer, token, id } = await signing()
    expect(id).toMatch(/^jwk_[A-Za-z0-9_-]{43}$/)
    expect(await ok('POST', `/credentials/${id}/revoke`, {})).toEqual({ revoked: 1, credential: null } as never)
    expect(await asking(token)).toBe(401)
    expect((await tokenBy(signer.form())).body).toMatchObject({ error: 'invalid_client' })
    expect(await ok('POST', `/credentials/${id}/revoke`, {})).toMatchObject({ revoked: 0 })
  })

  test('stays out once it was revoked, and another one comes in its place', async () => {
    const { signer, id } = await signing()
    await ok('POST', `/credentials/${id}/revoke`, {})
    const again = await called('PATCH', '/clients/canister', { jwks: { keys: [signer.jwk] } })
    expect([again.status, again.body.problems]).toEqual([
      400,
      [{ path: 'jwks', message: `the key ${id} was revoked; expected another one in its place` }],
    ])
    // What is not about keys may change all the same.
    await ok('PATCH', '/clients/canister', { name: 'Canister of the cellar' })
    const fresh = makeSigner(at)
    await registerKeys(at, 'canister', { jwks: { keys: [fresh.jwk] } })
    expect((await tokenBy(fresh.form())).status).toBe(200)
  })

  test('that no client has now may be revoked: it may have been replaced while what it minted lives', async () => {
    const id = `jwk_${'A'.repeat(43)}`
    expect((await called('POST', `/credentials/${id}/revoke`, {})).status).toBe(200)
    expect((await called('GET', `/credentials/${id}`)).body.detail).toContain('stand in its jwks')
    await ok('POST', '/clients', { id: 'elsewhere', jwks_uri: 'https://keys.example.com/jwks.json' })
    expect((await called('POST', `/credentials/${id}/revoke`, {})).status).toBe(200)
  })

  test('is revoked by whoever may change its client', async () => {
    const { id } = await signing()
    await ok('POST', '/clients', { id: 'ops' })
    await ok('POST', '/permissions', { client: 'ops', resource: 'countersign', scopes: ['credentials:write'] })
    const { key } = await ok('POST', '/clients/ops/keys', { resources: ['countersign'] })
    await ok('POST', '/permissions', { client: 'canister', resource: 'countersign', roles: ['auditor'] })
    const refused = await called('POST', `/credentials/${id}/revoke`, {}, String(key))
    expect([refused.status, refused.body.code]).toEqual([403, 'would_escalate'])
    const { items } = await ok('GET', '/permissions?client=canister')
    for (const { id: permission } of items) await ok('DELETE', `/permissions/${permission}`)
    expect((await called('POST', `/credentials/${id}/revoke`, {}, String(key))).status).toBe(200)
  })
})
