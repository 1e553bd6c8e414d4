// Addresses that this server is told to fetch keys from, and that lie inside: nobody there hears of it.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Server } from 'bun'
import { PUBLIC_URL } from '../support/app.ts'
import { signedBy, strangersKey } from '../support/forging.ts'
import { Stage } from './stage.ts'

const { privateKey, jwk } = strangersKey()
let stage: Stage
let inside: Server<undefined>
let heard: string[]
beforeEach(async () => {
  heard = []
  inside = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ url }) => {
      heard.push(url)
      return Response.json({ keys: [jwk] })
    },
  })
})
afterEach(async () => {
  await stage.close()
  await inside.stop(true)
})

/** Authenticates as a client whose keys are said to be at `uri`; undefined: no client may say so. */
async function authenticated(uri: string) {
  const keys = { token_endpoint_auth_methods: ['private_key_jwt'], jwks_uri: uri }
  const made = await stage.test.api('POST', '/api/v1/clients', { id: 'keyed', ...keys })
  if (made.status !== 201) {
    expect([uri, made.status]).toEqual([uri, 400])
    return undefined
  }
  await stage.make('/permissions', { client: 'keyed', resource: 'webdav', scopes: ['files:read'] })
  const iat = Math.floor(stage.test.clock.now.getTime() / 1000)
  const claims = { iss: 'keyed', sub: 'keyed', aud: PUBLIC_URL, jti: crypto.randomUUID(), iat, exp: iat + 60 }
  const client_assertion = signedBy(privateKey, { alg: 'ES256', kid: jwk.kid, typ: 'JWT' }, claims)
  const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const form = { grant_type: 'client_credentials', client_assertion_type, client_assertion }
  return stage.test.oauth('/oauth/token', form)
}

const URIS: readonly ((port: number) => string)[] = [
  (port) => `http://127.0.0.1:${port}/jwks`,
  (port) => `https://127.0.0.1:${port}/jwks`,
  (port) => `http://localhost:${port}/jwks`,
  (port) => `http://[::ffff:127.0.0.1]:${port}/jwks`,
  (port) => `http://2130706433:${port}/jwks`,
  (port) => `http://0.0.0.0:${port}/jwks`,
  (port) => `http://a:b@127.0.0.1:${port}/jwks`,
  () => 'http://169.254.169.254/latest/meta-data',
  () => 'file:///etc/passwd',
  () => 'data:application/json,{}',
]
for (const uriOf of URIS) {
  test(`ADM-09 keys at ${uriOf(8080)} are not fetched`, async () => {
    stage = await Stage.open()
    const answer = await authenticated(uriOf(inside.port ?? 0))
    if (answer !== undefined) {
      expect([401, 503]).toContain(answer.status)
      expect(answer.body.access_token).toBeUndefined()
    }
    expect(heard).toEqual([])
  })
}

test('ADM-09 keys at an address that the operator named are fetched: it is the address that was refused', async () => {
  stage = await Stage.open({ COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8' })
  const answer = await authenticated(`http://127.0.0.1:${inside.port}/jwks`)
  expect(answer?.status).toBe(200)
  expect(heard.length).toBe(1)
})
