// Whoever registers a key of a client is that client: the right to write clients alone is not enough for that.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { startApp, type TestApp, withWebdav } from '../support/app.ts'
import { makeSigner, withKey } from '../support/client-key.ts'

const METHODS = { token_endpoint_auth_methods: ['client_secret_basic', 'private_key_jwt'] }
let app: TestApp
beforeEach(async () => {
  app = await startApp()
  await withWebdav(app)
})
afterEach(() => app.close())

async function registrar(scopes: readonly string[]): Promise<string> {
  const id = `registrar-${scopes.length}`
  await app.api('POST', '/api/v1/clients', { id })
  await app.api('POST', '/api/v1/permissions', { client: id, resource: 'countersign', scopes })
  const { body } = await app.api('POST', `/api/v1/clients/${id}/keys`, { resources: ['countersign'] })
  return String(body.key)
}

test('clients:write alone registers no key, for a client that is there or a new one in its groups', async () => {
  const key = await registrar(['clients:write'])
  const signer = makeSigner(app)
  const intruder = makeSigner(app, 'intruder')
  for (const keys of [{ jwks: { keys: [signer.jwk] } }, { jwks_uri: 'https://keys.example.net/jwks.json' }]) {
    const wanted = { ...METHODS, ...keys }
    for (const [method, path, body] of [
      ['PATCH', '/api/v1/clients/canister', wanted],
      ['POST', '/api/v1/clients', { id: 'intruder', groups: ['media'], ...wanted }],
    ] as const) {
      const { status, body: problem } = await app.api(method, path, body, key)
      expect([method, status, problem.code]).toEqual([method, 403, 'scope_missing'])
    }
  }
  expect((await app.oauth('/oauth/token', signer.form())).status).toBe(401)
  expect((await app.oauth('/oauth/token', intruder.form())).status).toBe(401)
})

test('with credentials:write it does; and what is no key it changes without', async () => {
  const signer = await withKey(app)
  const change = { name: 'Canister 2', access_token_ttl_seconds: 300 }
  const clients = await registrar(['clients:write'])
  expect((await app.api('PATCH', '/api/v1/clients/canister', change, clients)).status).toBe(200)
  expect((await app.api('PATCH', '/api/v1/clients/canister', { jwks: null, ...METHODS }, clients)).status).toBe(400)
  expect((await app.oauth('/oauth/token', signer.form())).status).toBe(200)
  const both = await registrar(['clients:write', 'credentials:write'])
  const next = { jwks: { keys: [makeSigner(app).jwk] } }
  expect((await app.api('PATCH', '/api/v1/clients/canister', next, both)).status).toBe(200)
})
