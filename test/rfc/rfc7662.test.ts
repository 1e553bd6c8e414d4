// RFC 7662, Token Introspection: what is said of a token, and to whom.
import { beforeEach, describe, expect, test } from 'bun:test'
import { basicOf, type OAuthForm, PUBLIC_URL, tokenFor, withSecret } from '../support/app.ts'
import { expectError, INVALID_CLIENT, INVALID_REQUEST, NOBODYS_SECRET, seen, standing, WEBDAV } from './standing.ts'

const on = standing()
let reader: Readonly<Record<string, string>> = {}
let other: Readonly<Record<string, string>> = {}
beforeEach(async () => {
  await on.admin('POST', '/clients', { id: 'reader' })
  await on.admin('POST', '/clients', { id: 'other', groups: ['media'] })
  reader = (await withSecret(on.test, 'reader')).headers
  other = (await withSecret(on.test, 'other')).headers
  await on.admin('PATCH', '/resources/webdav', { introspectors: ['reader'] })
})

const introspect = (form: OAuthForm, headers = reader) => on.post('/oauth/introspect', form, { headers })
async function expectInactive(form: OAuthForm, headers = reader): Promise<void> {
  const { status, body } = await introspect(form, headers)
  expect({ status, body }).toEqual({ status: 200, body: { active: false } })
}

for (const format of ['jwt', 'opaque'] as const) {
  describe(`a token (${format})`, () => {
    let token = ''
    beforeEach(async () => {
      await on.admin('PATCH', '/resources/webdav', { access_token: { format } })
      token = await tokenFor(on.test, on.basic, { scope: 'files:read' })
    })

    test('§2.2: that is good is active, and described', async () => {
      const { status, headers, body } = await introspect({ token })
      expect(status).toBe(200)
      expect(headers.get('content-type')).toStartWith('application/json')
      const now = on.test.clock.now.getTime() / 1000
      expect(body).toMatchObject({
        active: true,
        scope: 'files:read',
        client_id: 'canister',
        token_type: 'Bearer',
        exp: now + 600,
        iat: now,
        sub: 'client:canister',
        aud: WEBDAV,
        iss: PUBLIC_URL,
        jti: expect.stringMatching(/^at_/),
      })
    })

    test('§2.2: is found whatever the hint says', async () => {
      for (const token_type_hint of ['access_token', 'refresh_token', 'magic', '']) {
        expect((await introspect({ token, token_type_hint })).body.active).toBe(true)
      }
    })

    test('§2.2: that has expired is inactive, and nothing else is said', async () => {
      on.test.clock.advance(600_000)
      await expectInactive({ token })
    })

    test('§2.2: that was revoked, or whose secret was, is inactive', async () => {
      await on.post('/oauth/revoke', { token })
      await expectInactive({ token })
      const later = await tokenFor(on.test, on.basic)
      expect((await introspect({ token: later })).body.active).toBe(true)
      await on.admin('POST', `/credentials/${on.secretId}/revoke`, {})
      await expectInactive({ token: later })
    })

    test('§2.2: of a disabled client is inactive, and lives again with it', async () => {
      await on.admin('PATCH', '/clients/canister', { disabled: true })
      await expectInactive({ token })
      await on.admin('PATCH', '/clients/canister', { disabled: false })
      expect((await introspect({ token })).body.active).toBe(true)
    })

    test('§2.2, §4: is inactive for a client that may not know of it', async () => {
      await expectInactive({ token }, other)
    })

    test('§2.2: is active for the client that it was issued to', async () => {
      expect((await introspect({ token }, on.basic)).body.active).toBe(true)
    })

    test('§4: with a letter changed is inactive', async () => {
      for (const wrong of [`${token}x`, token.slice(0, -1), ` ${token}`, `${token}\n`, `Bearer ${token}`]) {
        await expectInactive({ token: wrong })
      }
    })
  })
}

describe('another credential that we issued', () => {
  test('§2.2: a key of a client is described as far as it has such members', async () => {
    const { id, key } = await on.admin('POST', '/clients/canister/keys', { name: 'laptop', resources: ['webdav'] })
    const { body } = await introspect({ token: String(key) })
    expect(body).toMatchObject({ active: true, client_id: 'canister', sub: 'client:canister', jti: id })
    expect(body).not.toContainKey('exp')
    await expectInactive({ token: String(key) }, other)
  })

  test('§2.2: of a person it has username, and no client_id', async () => {
    await on.admin('POST', '/users', { username: 'alice', groups: ['media'] })
    const { token } = await on.admin('POST', '/users/alice/tokens', { name: 'ci', resources: ['webdav'] })
    const { body } = await introspect({ token: String(token) })
    expect(body).toMatchObject({ active: true, username: 'alice', sub: 'user:alice', exp: expect.any(Number) })
    expect(body).not.toContainKey('client_id')
  })

  test('§4: a client secret is told to nobody as a token', async () => {
    await expectInactive({ token: on.secret })
  })
})

describe('a request', () => {
  test('§2.2: about a token that nobody knows is no error', async () => {
    for (const token of ['x', 'a.b.c', 'ey.ey.ey', 'cs_at_nobody', 'ä', 'x'.repeat(20_000)])
      await expectInactive({ token })
  })

  test('§2.1: without a token, or with two, is invalid_request', async () => {
    for (const form of [{}, { token: '' }, { token_type_hint: 'access_token' }, 'token=a&token=b', 'token=a&token=a']) {
      expectError(await introspect(form), INVALID_REQUEST)
    }
  })

  test('§2.1, §2.3: without a client is invalid_client, before the token is looked at', async () => {
    const token = await tokenFor(on.test, on.basic)
    for (const headers of [{}, basicOf('reader', NOBODYS_SECRET), { Authorization: `Bearer ${token}` }]) {
      const answer = await introspect({ token }, headers)
      expectError(answer, INVALID_CLIENT)
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /)
    }
    expectError(await introspect({}, {}), INVALID_CLIENT)
  })

  test('§2.3: of an unknown client and one with a wrong secret are answered alike', async () => {
    const form = { token: await tokenFor(on.test, on.basic) }
    const unknown = await introspect(form, basicOf('nobody', NOBODYS_SECRET))
    expect(seen(await introspect(form, basicOf('reader', NOBODYS_SECRET)))).toEqual(seen(unknown))
  })

  test('§2.1: by GET, or with the token in the URL, is not served', async () => {
    const query = `?token=${await tokenFor(on.test, on.basic)}`
    expect((await on.post('/oauth/introspect', '', { method: 'GET', query, headers: reader })).status).toBe(405)
    expectError(await on.post('/oauth/introspect', '', { query, headers: reader }), INVALID_REQUEST)
  })

  test('§2.1: as JSON is invalid_request', async () => {
    const headers = { ...reader, 'Content-Type': 'application/json' }
    expectError(await on.post('/oauth/introspect', '{"token":"a"}', { headers }), INVALID_REQUEST)
  })

  test('§4: the answer may be kept by nobody, and repeats no token', async () => {
    const token = await tokenFor(on.test, on.basic)
    const answer = await introspect({ token })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(JSON.stringify(answer.body)).not.toContain(token)
  })
})
