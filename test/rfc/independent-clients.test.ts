// Two strict OAuth clients that others wrote, against a running Countersign: whatever in an answer is not by the letter
// of its RFC, they refuse. Under Bun here, and once more under Node.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { type ClientKey, clientKey } from './client-key.ts'

const FORGE = 'https://forge.example.com'
const DAV = 'https://webdav.example.com'
/** The server of the test speaks plain HTTP, on the loopback interface. */
const insecure = { [oauth.allowInsecureRequests]: true }
const teardown = new Teardown()
let server: CountersignServer
let as: oauth.AuthorizationServer
let key: ClientKey
let secret = ''

beforeAll(async () => {
  server = await startCountersign(await teardown.temporaryDirectory('independent'))
  teardown.add(() => server.stop())
  key = await clientKey('signer')
  for (const [name, identifier, format] of [
    ['forge', FORGE, 'jwt'],
    ['webdav', DAV, 'opaque'],
  ] as const) {
    const rules = [{ path: '/**', require: { scopes: ['own:read'] } }]
    const body = { name, identifier, hosts: [`${name}.example.com`], scopes: ['own:read', 'own:write'], rules }
    await server.make('/resources', { ...body, access_token: { format } })
  }
  const signing = { token_endpoint_auth_methods: ['private_key_jwt'], jwks: { keys: [key.publicJwk] } }
  for (const body of [{ id: 'canister' }, { id: 'signer', ...signing }]) {
    await server.make('/clients', body)
    for (const resource of ['forge', 'webdav']) {
      await server.make('/permissions', { client: body.id, resource, scopes: ['own:read', 'own:write'] })
    }
  }
  secret = String((await server.make('/clients/canister/secrets', {})).secret)
  const issuer = new URL(server.url)
  const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
  as = await oauth.processDiscoveryResponse(issuer, found)
}, 30_000)
afterAll(() => teardown.run())

type Way = { readonly client: oauth.Client; readonly auth: () => oauth.ClientAuth }
const ways: Record<string, Way> = {
  client_secret_basic: { client: { client_id: 'canister' }, auth: () => oauth.ClientSecretBasic(secret) },
  client_secret_post: { client: { client_id: 'canister' }, auth: () => oauth.ClientSecretPost(secret) },
  private_key_jwt: {
    client: { client_id: 'signer' },
    auth: () => oauth.PrivateKeyJwt({ key: key.key, kid: key.publicJwk.kid }),
  },
}

async function granted(
  { client, auth }: Way,
  parameters: Record<string, string>,
): Promise<oauth.TokenEndpointResponse> {
  const response = await oauth.clientCredentialsGrantRequest(as, client, auth(), parameters, insecure)
  return oauth.processClientCredentialsResponse(as, client, response)
}

/** Asks at the verify endpoint as a proxy does. */
const verify = (host: string, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/verify/forward`, {
    headers: {
      'X-Forwarded-Method': 'GET',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': host,
      'X-Forwarded-Uri': '/',
      'X-Forwarded-For': '192.0.2.1',
      ...headers,
    },
  })

describe('oauth4webapi', () => {
  for (const [method, way] of Object.entries(ways)) {
    test(`gets tokens by ${method}, for a resource and with scopes`, async () => {
      const token = await granted(way, { resource: FORGE, scope: 'own:read' })
      expect(token).toMatchObject({ token_type: 'bearer', scope: 'own:read' })
      const verified = await verify('forge.example.com', { Authorization: `Bearer ${token.access_token}` })
      expect(verified.status).toBe(200)
    })

    test(`introspects and revokes by ${method}`, async () => {
      for (const resource of [FORGE, DAV]) {
        const { access_token } = await granted(way, { resource })
        const introspect = async () => {
          const response = await oauth.introspectionRequest(as, way.client, way.auth(), access_token, insecure)
          return oauth.processIntrospectionResponse(as, way.client, response)
        }
        expect(await introspect()).toMatchObject({ active: true, client_id: way.client.client_id, aud: resource })
        const revoked = await oauth.revocationRequest(as, way.client, way.auth(), access_token, insecure)
        expect(await oauth.processRevocationResponse(revoked)).toBeUndefined()
        expect(await introspect()).toEqual({ active: false })
      }
    })
  }

  test('takes our JWTs for access tokens by RFC 9068, with the keys that it finds itself', async () => {
    const { access_token } = await granted(ways.client_secret_basic as Way, { resource: FORGE })
    const request = new Request(`${FORGE}/x`, { headers: { Authorization: `Bearer ${access_token}` } })
    const claims = await oauth.validateJwtAccessToken(as, request, FORGE, insecure)
    expect(claims).toMatchObject({ client_id: 'canister', scope: 'own:read own:write' })
    const elsewhere = new Request(`${DAV}/x`, { headers: { Authorization: `Bearer ${access_token}` } })
    expect(oauth.validateJwtAccessToken(as, elsewhere, DAV, insecure)).rejects.toThrow()
  })

  test('understands each refusal of the token endpoint', async () => {
    const basic = ways.client_secret_basic as Way
    const refusals: [Promise<unknown>, string][] = [
      [granted(basic, { resource: 'https://nowhere.test' }), 'invalid_target'],
      [granted(basic, { scope: 'admin' }), 'invalid_scope'],
      [
        granted({ ...(ways.client_secret_post as Way), auth: () => oauth.ClientSecretPost('guess') }, {}),
        'invalid_client',
      ],
    ]
    for (const [refusal, error] of refusals) {
      const failure: unknown = await refusal.catch((thrown: unknown) => thrown)
      const shown = failure instanceof oauth.WWWAuthenticateChallengeError ? await failure.response.json() : failure
      expect(shown).toMatchObject({ error })
    }
  })

  test('finds the metadata of a resource, and in them who issues its tokens', async () => {
    const resource = new URL(`${server.url}/api/v1`)
    const found = await oauth.resourceDiscoveryRequest(resource, insecure)
    const metadata = await oauth.processResourceDiscoveryResponse(resource, found)
    expect(metadata).toMatchObject({ resource: resource.href, authorization_servers: [as.issuer] })
  })

  test('reads the challenge of a refused request', async () => {
    const challenges = async (url: string, token: string) => {
      const failure: unknown = await oauth
        .protectedResourceRequest(token, 'GET', new URL(url), undefined, undefined, insecure)
        .catch((thrown: unknown) => thrown)
      if (!(failure instanceof oauth.WWWAuthenticateChallengeError)) throw failure
      return failure.cause
    }
    const [bearer] = await challenges(`${server.url}/api/v1/clients`, 'cs_at_nobody')
    expect(bearer).toMatchObject({ scheme: 'bearer', parameters: { error: 'invalid_token' } })
    const [first, ...more] = await challenges(`${server.url}/verify/forward`, 'cs_at_nobody')
    expect([first, ...more].map((one) => one?.scheme)).toContain('bearer')
  })
})

describe('openid-client', () => {
  const configured = async (id: string, auth: openid.ClientAuth) => {
    const options: openid.DiscoveryRequestOptions = { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] }
    return openid.discovery(new URL(server.url), id, undefined, auth, options)
  }

  test('finds the server, and gets, introspects and revokes a token in each way', async () => {
    for (const [id, auth] of [
      ['canister', openid.ClientSecretBasic(secret)],
      ['canister', openid.ClientSecretPost(secret)],
      ['signer', openid.PrivateKeyJwt({ key: key.key, kid: key.publicJwk.kid })],
    ] as const) {
      const config = await configured(id, auth)
      const token = await openid.clientCredentialsGrant(config, { resource: FORGE, scope: 'own:write own:read' })
      expect(token.scope).toBe('own:read own:write')
      expect(token.expiresIn()).toBeGreaterThan(590)
      expect(await openid.tokenIntrospection(config, token.access_token)).toMatchObject({ active: true, client_id: id })
      await openid.tokenRevocation(config, token.access_token)
      expect(await openid.tokenIntrospection(config, token.access_token)).toEqual({ active: false })
    }
  })

  test('calls a resource with its token', async () => {
    const config = await configured('canister', openid.ClientSecretBasic(secret))
    const { access_token } = await openid.clientCredentialsGrant(config, { resource: DAV })
    const verified = await openid.fetchProtectedResource(
      config,
      access_token,
      new URL(`${server.url}/verify/forward`),
      'GET',
      undefined,
      new Headers({
        'X-Forwarded-Method': 'GET',
        'X-Forwarded-Proto': 'https',
        'X-Forwarded-Host': 'webdav.example.com',
        'X-Forwarded-Uri': '/',
        'X-Forwarded-For': '192.0.2.1',
      }),
    )
    expect(verified.status).toBe(200)
  })
})

test('both do under Node what they do under Bun', async () => {
  const environment = { ISSUER: server.url, CLIENT_SECRET: secret, RESOURCE: FORGE }
  const { exitCode, stdout, stderr } = await run(['node', join(import.meta.dir, 'independent-clients.mjs')], {
    env: environment,
  })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(JSON.parse(stdout)).toEqual({ oauth4webapi: ['canister', true, false], 'openid-client': [true, false] })
}, 30_000)
