// Behind a unix socket nobody has an address but those whom the proxy names.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { basicOf, startApp, type TestApp, withSecret, withWebdav } from '../support/app.ts'

const GRANT = { grant_type: 'client_credentials' }
let app: TestApp
beforeEach(async () => {
  app = await startApp()
  await withWebdav(app)
})
afterEach(() => app.close())

const ask = (headers: Readonly<Record<string, string>>, from?: string) =>
  app.oauth('/oauth/token', GRANT, {
    headers: { ...headers, ...(from !== undefined && { 'X-Forwarded-For': from }) },
    peer: null,
  })

test('a stranger who fails there again and again holds up nobody at another address', async () => {
  for (let failed = 0; failed < 60; failed++) await ask(basicOf('canister', 'wrong'), '203.0.113.7')
  await app.api('POST', '/api/v1/clients', { id: 'fresh', groups: ['media'] })
  const fresh = await withSecret(app, 'fresh')
  expect((await ask(fresh.headers, '203.0.113.7')).status).toBe(429)
  expect((await ask(fresh.headers, '198.51.100.1')).status).toBe(200)
})

test('a client that is bound to networks gets a token from there alone', async () => {
  const { headers } = await withSecret(app)
  await app.api('PATCH', '/api/v1/clients/canister', { networks: ['192.0.2.0/24'] })
  for (const [from, status] of [
    ['192.0.2.9', 200],
    ['192.0.2.9, 203.0.113.7', 401],
    ['203.0.113.7', 401],
    [undefined, 401],
  ] as const) {
    expect([from, (await ask(headers, from)).status]).toEqual([from, status])
  }
})
