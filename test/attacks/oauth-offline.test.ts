// A JWT is believed by APIs that ask nobody: what fences its client in has to stand in it, and it has to be readable.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { accessTokenVerifier } from '@countersign/resource-server'
import { PUBLIC_URL, startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../support/app.ts'

const GRANT = { grant_type: 'client_credentials' }
let app: TestApp
beforeEach(async () => {
  app = await startApp({ COUNTERSIGN_TRUSTED_PROXIES: '127.0.0.1/32' })
  await withWebdav(app)
})
afterEach(() => app.close())

/** What an API answers that checks the token by itself, shown from an address. */
async function offline(token: string, from: string): Promise<string> {
  const response = await app.app.publicRoutes.exact['/.well-known/jwks.json']?.(new Request(PUBLIC_URL), '127.0.0.1')
  const whoCalls = accessTokenVerifier({
    issuer: PUBLIC_URL,
    resource: 'https://webdav.example.com',
    keys: await response?.json(),
    now: () => app.clock.now,
  })
  const caller = await whoCalls(new Headers({ Authorization: `Bearer ${token}` }), from)
  return caller.outcome === 'deny' ? caller.code : caller.outcome
}

test('the networks of the client hold offline too, together with those of its secret', async () => {
  await app.api('PATCH', '/api/v1/clients/canister', { networks: ['192.0.2.0/24', '198.51.100.0/24'] })
  const from = { 'X-Forwarded-For': '192.0.2.9' }
  const any = await withSecret(app)
  const token = await tokenFor(app, { ...any.headers, ...from })
  expect(await offline(token, '198.51.100.7')).toBe('allow')
  expect(await offline(token, '203.0.113.7')).toBe('credential_network_refused')

  const narrow = await withSecret(app, 'canister', { networks: ['192.0.2.8/29', '203.0.113.0/24'] })
  const narrowed = await tokenFor(app, { ...narrow.headers, ...from })
  for (const [address, answer] of [
    ['192.0.2.9', 'allow'],
    ['192.0.2.99', 'credential_network_refused'],
    ['198.51.100.7', 'credential_network_refused'],
    ['203.0.113.7', 'credential_network_refused'],
  ] as const) {
    expect([address, await offline(narrowed, address)]).toEqual([address, answer])
  }
})

test('a JWT that would be too long to be believed is not issued: the client is told, and so is why', async () => {
  const projects = Array.from({ length: 500 }, (_, index) => `a-project-of-many-${index}`)
  await app.api('POST', '/api/v1/clients', { id: 'many' })
  const permission = { client: 'many', resource: 'webdav', scopes: ['files:read'], projects }
  expect((await app.api('POST', '/api/v1/permissions', permission)).status).toBe(201)
  const { headers } = await withSecret(app, 'many')
  const answer = await app.oauth('/oauth/token', GRANT, { headers })
  expect([answer.status, answer.body.error]).toEqual([400, 'invalid_scope'])
  expect(String(answer.body.error_description)).toContain('8192')
  const id = answer.headers.get('countersign-decision')
  expect((await app.api('GET', `/api/v1/decisions/${id}`)).body.sentence).toContain('opaque')
  await app.api('PATCH', '/api/v1/resources/webdav', { access_token: { format: 'opaque' } })
  expect((await app.oauth('/oauth/token', GRANT, { headers })).status).toBe(200)
})
