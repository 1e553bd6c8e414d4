// RFC 7009, Token Revocation: who may end a token, and what it is told.
import { beforeEach, describe, expect, test } from 'bun:test'
import { withoutStore } from '../attacks/breaking.ts'
import { basicOf, type OAuthForm, tokenFor, withSecret } from '../support/app.ts'
import { expectError, INVALID_CLIENT, INVALID_REQUEST, NOBODYS_SECRET, seen, standing } from './standing.ts'

const on = standing()
let other: Readonly<Record<string, string>> = {}
beforeEach(async () => {
  await on.admin('POST', '/clients', { id: 'other', groups: ['media'] })
  other = (await withSecret(on.test, 'other')).headers
})

const revoke = (form: OAuthForm, headers = on.basic) => on.post('/oauth/revoke', form, { headers })
const statusOf = async (token: string) => (await on.test.ask({ headers: { Authorization: `Bearer ${token}` } })).status

for (const format of ['jwt', 'opaque'] as const) {
  describe(`a token (${format})`, () => {
    beforeEach(() => on.admin('PATCH', '/resources/webdav', { access_token: { format } }))

    test('§2.1, §2.2: is ended by its client at once, and 200 says so', async () => {
      const [token, kept] = [await tokenFor(on.test, on.basic), await tokenFor(on.test, on.basic)]
      expect(await statusOf(token)).toBe(200)
      expect((await revoke({ token })).status).toBe(200)
      expect(await statusOf(token)).toBe(401)
      expect(await statusOf(kept)).toBe(200)
    })

    test('§2.1: of another client is refused, the client is told, and it lives on', async () => {
      const token = await tokenFor(on.test, on.basic)
      expectError(await revoke({ token }, other), INVALID_REQUEST)
      expect(await statusOf(token)).toBe(200)
    })

    test('§2.2: that was ended already is answered with 200', async () => {
      const token = await tokenFor(on.test, on.basic)
      await revoke({ token })
      expect((await revoke({ token })).status).toBe(200)
    })

    test('§2.2: that has expired is answered with 200', async () => {
      const token = await tokenFor(on.test, on.basic)
      on.test.clock.advance(600_000)
      expect((await revoke({ token })).status).toBe(200)
    })

    test('§2.1: is found whatever the hint says', async () => {
      for (const token_type_hint of ['access_token', 'refresh_token', 'magic', '']) {
        const token = await tokenFor(on.test, on.basic)
        expect((await revoke({ token, token_type_hint })).status).toBe(200)
        expect(await statusOf(token)).toBe(401)
      }
    })

    test('§2.2.1: while it cannot be ended the answer is 503, with when to try again, and it lives on', async () => {
      const token = await tokenFor(on.test, on.basic)
      await withoutStore(async () => {
        const { status, headers } = await revoke({ token })
        expect(status).toBe(503)
        expect(headers.get('retry-after')).toMatch(/^[1-9][0-9]*$/)
      })
      expect(await statusOf(token)).toBe(200)
    })

    test('§2.1: ends nothing beside it: neither its secret nor later tokens', async () => {
      await revoke({ token: await tokenFor(on.test, on.basic) })
      expect(await statusOf(await tokenFor(on.test, on.basic))).toBe(200)
    })
  })
}

describe('a request', () => {
  test('§2.2: about a token that nobody knows is answered with 200', async () => {
    const token = await tokenFor(on.test, on.basic)
    for (const unknown of ['x', 'a.b.c', `${token}x`, token.slice(0, -1), 'cs_at_nobody', 'ä', 'x'.repeat(20_000)]) {
      expect((await revoke({ token: unknown })).status).toBe(200)
    }
    expect(await statusOf(token)).toBe(200)
  })

  test('§2.1: without a token, or with two, is invalid_request', async () => {
    for (const form of [{}, { token: '' }, { token_type_hint: 'access_token' }, 'token=a&token=b', 'token=a&token=a']) {
      expectError(await revoke(form), INVALID_REQUEST)
    }
  })

  test('§2.1: without a client is invalid_client, before the token is looked at', async () => {
    const token = await tokenFor(on.test, on.basic)
    expectError(await revoke({ token }, {}), INVALID_CLIENT)
    expectError(await revoke({ token }, basicOf('canister', NOBODYS_SECRET)), INVALID_CLIENT)
    expectError(await revoke({ token }, { Authorization: `Bearer ${token}` }), INVALID_CLIENT)
    expectError(await revoke({}, basicOf('canister', NOBODYS_SECRET)), INVALID_CLIENT)
    expect(await statusOf(token)).toBe(200)
  })

  test('§2.1: of an unknown client and one with a wrong secret are answered alike', async () => {
    const form = { token: await tokenFor(on.test, on.basic) }
    const unknown = await revoke(form, basicOf('nobody', NOBODYS_SECRET))
    expect(seen(await revoke(form, basicOf('canister', NOBODYS_SECRET)))).toEqual(seen(unknown))
  })

  test('§2: by GET, or with the token in the URL, is not served', async () => {
    const token = await tokenFor(on.test, on.basic)
    const query = `?token=${token}`
    const answer = await on.post('/oauth/revoke', '', { method: 'GET', query, headers: on.basic })
    expect(answer.status).toBe(405)
    expectError(await on.post('/oauth/revoke', '', { query, headers: on.basic }), INVALID_REQUEST)
    expect(await statusOf(token)).toBe(200)
  })

  test('§2.1: as JSON is invalid_request', async () => {
    const headers = { ...on.basic, 'Content-Type': 'application/json' }
    expectError(await on.post('/oauth/revoke', '{"token":"a"}', { headers }), INVALID_REQUEST)
  })
})
