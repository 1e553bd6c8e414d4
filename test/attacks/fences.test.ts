// Who gets tokens where: the token endpoint on the internal listener alone, and clients that are not known outside.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { type Answer, basicOf, type OAuthSent, startApp, type TestApp, withSecret, withWebdav } from '../support/app.ts'

const GRANT = { grant_type: 'client_credentials' }
const INTERNAL = { COUNTERSIGN_INTERNAL_LISTEN: 'unix:/run/countersign/verify.sock' }

/** All that is seen of an answer, but for the id under which it is explained. */
const seen = ({ status, headers, body }: Answer) =>
  JSON.stringify([
    status,
    [...headers].filter(([name]) => !['countersign-decision', 'x-request-id'].includes(name)),
    body,
  ])

let at: TestApp
const start = async (env: Readonly<Record<string, string>> = {}) => {
  at = await startApp({ ...INTERNAL, ...env })
  await withWebdav(at)
}
afterEach(() => at.close())

const outside = { listener: 'public', peer: '203.0.113.9' } as const
const inside = { listener: 'internal', peer: '10.0.0.9' } as const
const post = (path: string, form: object, headers: OAuthSent['headers'], from: OAuthSent = outside) =>
  at.oauth(path, { ...form }, { ...from, ...(headers && { headers }) })
const metadata = (from: OAuthSent) =>
  at.oauth('/.well-known/oauth-authorization-server', '', { method: 'GET', ...from }).then(({ body }) => body)

describe('with tokens on the internal listener alone', () => {
  beforeEach(() => start({ COUNTERSIGN_TOKEN_LISTENER: 'internal' }))

  test('there is no token endpoint outside: its path is like any other that is not there', async () => {
    const { headers } = await withSecret(at)
    const nowhere = await post('/oauth/nowhere', GRANT, headers)
    expect(nowhere.status).toBe(404)
    for (const method of ['POST', 'GET', 'PUT']) {
      const answer = await post('/oauth/token', GRANT, headers, { ...outside, method })
      expect(seen(answer)).toBe(seen(nowhere))
    }
    expect((await post('/oauth/token', GRANT, headers, inside)).status).toBe(200)
  })

  test('the metadata say so, outside and inside', async () => {
    const [out, within] = [await metadata(outside), await metadata(inside)]
    expect(Object.keys(out).filter((name) => /token_endpoint|grant/.test(name))).toEqual([])
    expect(within).toMatchObject({ grant_types_supported: ['client_credentials'], token_endpoint: expect.any(String) })
    expect(within).toMatchObject(out)
  })

  test('what was issued inside is asked about and revoked on either', async () => {
    const { headers } = await withSecret(at)
    for (const from of [outside, inside]) {
      const { access_token: token } = (await post('/oauth/token', GRANT, headers, inside)).body
      expect((await post('/oauth/introspect', { token }, headers, from)).body).toMatchObject({ active: true })
      expect((await post('/oauth/revoke', { token }, headers, from)).status).toBe(200)
      expect((await post('/oauth/introspect', { token }, headers, from)).body).toEqual({ active: false })
    }
  })
})

describe('a client that is fenced off', () => {
  beforeEach(() => start())
  const paths: [path: string, form: object][] = [
    ['/oauth/token', GRANT],
    ['/oauth/introspect', { token: 'x' }],
    ['/oauth/revoke', { token: 'x' }],
  ]
  const fences: [what: string, fence: object, from: OAuthSent][] = [
    ['to the internal listener', { listener: 'internal' }, outside],
    ['to networks', { networks: ['10.0.0.0/8'] }, outside],
    ['to networks, and asks from nowhere that is known', { networks: ['10.0.0.0/8'] }, { ...outside, peer: null }],
    [
      'to both, and is in one of them',
      { listener: 'internal', networks: ['10.0.0.0/8'] },
      { ...inside, peer: '192.0.2.1' },
    ],
  ]
  for (const [what, fence, from] of fences) {
    test(`${what} looks as if it were not there`, async () => {
      const { secret, headers } = await withSecret(at)
      expect((await at.api('PATCH', '/api/v1/clients/canister', fence)).status).toBe(200)
      for (const [path, form] of paths) {
        const unknown = await post(path, form, basicOf('nobody', secret.replace(/.$/, '0')), from)
        const fenced = await post(path, form, headers, from)
        expect(fenced).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
        expect(seen(fenced)).toBe(seen(unknown))
        expect((await post(path, form, headers, inside)).status).toBe(200)
      }
    })
  }

  test('keeps no token that it got inside for outside', async () => {
    const { headers } = await withSecret(at)
    await at.api('PATCH', '/api/v1/clients/canister', { networks: ['10.0.0.0/8'] })
    const { access_token: token } = (await post('/oauth/token', GRANT, headers, inside)).body
    const ask = async (from: string) => (await at.ask({ from, headers: { Authorization: `Bearer ${token}` } })).status
    expect([await ask('10.1.2.3'), await ask('203.0.113.9')]).toEqual([200, 401])
  })
})
