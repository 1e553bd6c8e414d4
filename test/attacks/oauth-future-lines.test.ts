// A date to come revokes what there is and what that minted, not what will be: a line never moves back, and nobody could
// undo it.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../support/app.ts'

const GRANT = { grant_type: 'client_credentials' }
const FAR = '9999-01-01T00:00:00Z'
let app: TestApp
beforeEach(async () => {
  app = await startApp()
  await withWebdav(app)
})
afterEach(() => app.close())

const statusOf = async (headers: Readonly<Record<string, string>>) =>
  (await app.oauth('/oauth/token', GRANT, { headers })).status

test.each([
  ['/api/v1/clients/canister/revoke-credentials', { created_before: FAR }],
  ['/api/v1/credentials/revoke-older', { kind: 'secret', created_before: FAR }],
])('%s', async (path, body) => {
  const old = await withSecret(app)
  const token = await tokenFor(app, old.headers)
  const isBelieved = async () => (await app.ask({ headers: { Authorization: `Bearer ${token}` } })).status === 200
  expect(await isBelieved()).toBe(true)
  expect((await app.api('POST', path, body)).status).toBe(200)
  expect([await statusOf(old.headers), await isBelieved()]).toEqual([401, false])
  app.clock.advance(2000)
  const next = await withSecret(app)
  expect(await statusOf(next.headers)).toBe(200)
  const { status } = await app.ask({ headers: { Authorization: `Bearer ${await tokenFor(app, next.headers)}` } })
  expect(status).toBe(200)
  expect(await statusOf(old.headers)).toBe(401)
})
