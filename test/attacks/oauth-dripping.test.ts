// A body that drips in: what counts is the moment at which it is there to its end, not that at which it began.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { PUBLIC_URL, startApp, type TestApp, withSecret, withWebdav } from '../support/app.ts'
import { withKey } from '../support/client-key.ts'

const HOUR_MS = 3_600_000
const GRANT = { grant_type: 'client_credentials' }
let app: TestApp
beforeEach(async () => {
  app = await startApp()
  await withWebdav(app, { access_token: { ttl_seconds: 86_400 } })
})
afterEach(() => app.close())

/** Sends the form so slowly that the clock moves on before its end is there. */
async function drip(path: string, form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>>) {
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        app.clock.advance(25 * HOUR_MS)
        controller.enqueue(new TextEncoder().encode(String(new URLSearchParams(form))))
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  const handler = app.app.publicRoutes.exact[path]
  if (handler === undefined) throw new Error(`no route ${path}`)
  const request = new Request(`${PUBLIC_URL}${path}`, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
  })
  return handler(request, '127.0.0.1')
}

test('an assertion that expired on the way is refused, though the request began while it lived', async () => {
  const signer = await withKey(app)
  expect((await drip('/oauth/token', signer.form(), {})).status).toBe(401)
})

test('so is a secret, at each endpoint', async () => {
  for (const path of ['/oauth/token', '/oauth/introspect', '/oauth/revoke']) {
    const { secret, headers } = await withSecret(app, 'canister', { expires_in_days: 1 })
    expect([path, (await drip(path, { ...GRANT, token: secret }, headers)).status]).toEqual([path, 401])
  }
})

test('and a token is not said to be live that has expired on the way', async () => {
  const { headers } = await withSecret(app)
  const { body } = await app.oauth('/oauth/token', GRANT, { headers })
  const answer = await drip('/oauth/introspect', { token: String(body.access_token) }, headers)
  expect(await answer.json()).toEqual({ active: false })
})
