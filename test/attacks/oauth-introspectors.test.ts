// What an introspector may ask is narrowed by what it shows, as everything else that a client may.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../support/app.ts'

const USAGE = 'https://usage.example.com'
const WEBDAV = 'https://webdav.example.com'
let app: TestApp
let key: string
let token: string
beforeEach(async () => {
  app = await startApp()
  key = (await withWebdav(app)).key
  token = await tokenFor(app, (await withSecret(app)).headers)
  await app.api('POST', '/api/v1/clients', { id: 'api' })
  await app.api('PATCH', '/api/v1/resources/webdav', { introspectors: ['api'] })
  const usage = { name: 'usage', identifier: USAGE, hosts: [], rules: [], scopes: [], introspectors: ['api'] }
  expect((await app.api('POST', '/api/v1/resources', usage)).status).toBe(201)
})
afterEach(() => app.close())

const ask = async (form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>>) =>
  (await app.oauth('/oauth/introspect', form, { headers })).body

test('a secret that is narrowed to one resource asks at no other', async () => {
  const { headers } = await withSecret(app, 'api', { resources: ['usage'] })
  for (const form of [{ token }, { token: key, resource: WEBDAV }, { token: key }]) {
    expect(await ask(form, headers)).toEqual({ active: false })
  }
  const ofWebdav = await withSecret(app, 'api', { resources: ['webdav'] })
  for (const form of [{ token }, { token: key, resource: WEBDAV }, { token: key }]) {
    expect(await ask(form, ofWebdav.headers)).toMatchObject({ active: true, aud: WEBDAV })
  }
})

test('one that is not narrowed asks at each, and says at which', async () => {
  const { headers } = await withSecret(app, 'api')
  expect(await ask({ token }, headers)).toMatchObject({ active: true })
  expect(await ask({ token: key }, headers)).toMatchObject({ error: 'invalid_request' })
})
