// Revocation of what an owner had before a date: the tokens that such secrets and keys have minted since go along.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../support/app.ts'
import { withKey } from '../support/client-key.ts'

const MINUTE_MS = 60_000
let app: TestApp
beforeEach(async () => {
  app = await startApp()
  await withWebdav(app, { access_token: { ttl_seconds: 86_400 } })
})
afterEach(() => app.close())

const statusOf = async (token: string) => (await app.ask({ headers: { Authorization: `Bearer ${token}` } })).status

async function revokeOlderThan(ms: number) {
  const created_before = new Date(app.clock.now.getTime() - ms).toISOString()
  const answer = await app.api('POST', '/api/v1/clients/canister/revoke-credentials', { created_before })
  expect(answer.status).toBe(200)
}

test.each(['jwt', 'opaque'])(
  'a %s token dies with the secret that minted it, though it is younger than the date',
  async (format) => {
    await app.api('PATCH', '/api/v1/resources/webdav', { access_token: { format } })
    const old = await withSecret(app)
    app.clock.advance(60 * MINUTE_MS)
    const young = await withSecret(app)
    const [ofOld, ofYoung] = [await tokenFor(app, old.headers), await tokenFor(app, young.headers)]
    expect([await statusOf(ofOld), await statusOf(ofYoung)]).toEqual([200, 200])
    await revokeOlderThan(30 * MINUTE_MS)
    expect([await statusOf(ofOld), await statusOf(ofYoung)]).toEqual([401, 200])
  },
)

test('so does one that a key of the client minted; what a key mints that is registered later lives', async () => {
  const signer = await withKey(app)
  app.clock.advance(60 * MINUTE_MS)
  const { access_token } = (await app.oauth('/oauth/token', signer.form())).body
  expect(await statusOf(String(access_token))).toBe(200)
  app.clock.advance(MINUTE_MS)
  await revokeOlderThan(30 * MINUTE_MS)
  expect(await statusOf(String(access_token))).toBe(401)
  app.clock.advance(MINUTE_MS)
  const next = await withKey(app)
  const { body } = await app.oauth('/oauth/token', next.form())
  expect(await statusOf(String(body.access_token))).toBe(200)
})
