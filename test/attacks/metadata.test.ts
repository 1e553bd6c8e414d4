// OAU-37, OAU-38: what this server and the resources say of themselves, to whom, and that it is so.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { resourceMetadataUrl } from '@countersign/resource-server'
import { listen } from '../../packages/server/src/http/listen.ts'
import { basicOf, PUBLIC_URL, startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../support/app.ts'

const SERVER = '/.well-known/oauth-authorization-server'
const RESOURCE = '/.well-known/oauth-protected-resource'
const WEBDAV = 'https://webdav.example.com'
const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']

let at: TestApp
let key: string
beforeEach(async () => {
  at = await startApp()
  ;({ key } = await withWebdav(at))
})
afterEach(() => at.close())

const get = (path: string, headers: Readonly<Record<string, string>> = {}, sent: object = {}) =>
  at.oauth(path, '', { method: 'GET', headers, ...sent })
const call = async (method: string, path: string, body: object) =>
  expect((await at.api(method, `/api/v1${path}`, body)).status).toBeLessThan(202)

describe('OAU-37: the authorization server says', () => {
  test('its issuer, byte for byte, and exactly what there is', async () => {
    const { status, body } = await get(SERVER)
    const algorithms = body.token_endpoint_auth_signing_alg_values_supported
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        issuer: PUBLIC_URL,
        jwks_uri: `${PUBLIC_URL}/.well-known/jwks.json`,
        token_endpoint: `${PUBLIC_URL}/oauth/token`,
        token_endpoint_auth_methods_supported: METHODS,
        token_endpoint_auth_signing_alg_values_supported: algorithms,
        grant_types_supported: ['client_credentials'],
        introspection_endpoint: `${PUBLIC_URL}/oauth/introspect`,
        introspection_endpoint_auth_methods_supported: METHODS,
        introspection_endpoint_auth_signing_alg_values_supported: algorithms,
        revocation_endpoint: `${PUBLIC_URL}/oauth/revoke`,
        revocation_endpoint_auth_methods_supported: METHODS,
        revocation_endpoint_auth_signing_alg_values_supported: algorithms,
        response_types_supported: [],
      },
    })
    expect(algorithms).toContain('ES256')
    for (const weak of ['none', 'HS256', 'HS384', 'HS512']) expect(algorithms).not.toContain(weak)
  })

  test('endpoints that answer, and no other', async () => {
    const { body } = await get(SERVER)
    for (const name of ['token_endpoint', 'introspection_endpoint', 'revocation_endpoint']) {
      expect((await at.oauth(String(body[name]).slice(PUBLIC_URL.length), '')).body.error).toBe('invalid_client')
    }
    expect((await get('/.well-known/jwks.json')).body.keys).toBeArray()
    expect((await get('/.well-known/openid-configuration')).status).toBe(404)
  })

  test('nothing that hangs on who asks, or by which host', async () => {
    const [plain, other] = [
      await get(SERVER),
      await get(SERVER, { Host: 'evil.test', 'X-Forwarded-Host': 'evil.test' }),
    ]
    expect(other.body).toEqual(plain.body)
  })
})

describe('OAU-38: a resource says', () => {
  const at_ = (host: string, path = RESOURCE, sent: object = {}) => get(path, { Host: host }, sent)

  test('by which identifier tokens are for it, who issues them, and its scopes', async () => {
    const { status, body } = await at_('webdav.example.com')
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        resource: WEBDAV,
        authorization_servers: [PUBLIC_URL],
        scopes_supported: ['files:read', 'files:write'],
        bearer_methods_supported: ['header'],
        resource_name: 'webdav',
      },
    })
  })

  test('it at the place that its challenge names, and at no other', async () => {
    const identifiers = [
      ['https://webdav.example.com/', RESOURCE],
      ['https://WebDAV.example.com:443', RESOURCE],
      ['https://webdav.example.com/dav/v2', `${RESOURCE}/dav/v2`],
      ['https://webdav.example.com/dav?tenant=a', `${RESOURCE}/dav?tenant=a`],
    ] as const
    for (const [identifier, place] of identifiers) {
      await call('PATCH', '/resources/webdav', { identifier })
      const challenge = (await at.ask()).headers.get('www-authenticate') ?? ''
      const url = new URL(/resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '')
      expect(`${url.pathname}${url.search}`).toBe(place)
      const found = await at.oauth(url.pathname, '', { method: 'GET', query: url.search, headers: { Host: url.host } })
      expect(found.body).toMatchObject({ resource: identifier })
      for (const elsewhere of [RESOURCE, `${RESOURCE}/`, `${RESOURCE}/other`, `${RESOURCE}/dav`, `${RESOURCE}?a=b`]) {
        if (elsewhere !== place) expect((await at_('webdav.example.com', elsewhere)).status).toBe(404)
      }
    }
  })

  test('nothing at a host that is none of its own, or not that of its identifier, or while it is disabled', async () => {
    const nothing = await get('/nowhere')
    expect(nothing.status).toBe(404)
    await call('PATCH', '/resources/webdav', { hosts: ['webdav.example.com', 'dav.example.com'] })
    for (const host of ['evil.test', 'dav.example.com', '*.example.com', '', 'webdav.example.com/', 'a, b']) {
      expect((await at_(host)).body).toEqual(nothing.body)
    }
    await call('PATCH', '/resources/webdav', { disabled: true })
    expect((await at_('webdav.example.com')).body).toEqual(nothing.body)
    await call('PATCH', '/resources/webdav', { disabled: false, identifier: 'urn:example:webdav' })
    expect((await at_('webdav.example.com')).body).toEqual(nothing.body)
    expect((await at.ask()).headers.get('www-authenticate')).not.toContain('resource_metadata')
  })

  test('it by the host that a proxy of ours names, and not by what another one says', async () => {
    const headers = { Host: 'countersign.internal', 'X-Forwarded-Host': 'webdav.example.com' }
    expect((await get(RESOURCE, headers)).body).toMatchObject({ resource: WEBDAV })
    expect((await get(RESOURCE, headers, { peer: null })).body).toMatchObject({ resource: WEBDAV })
    expect((await get(RESOURCE, headers, { peer: '203.0.113.9' })).status).toBe(404)
  })

  test('that Bearer is not read, where it is not', async () => {
    await call('PATCH', '/resources/webdav', { credential_header: 'X-Webdav-Key' })
    expect((await at_('webdav.example.com')).body).toMatchObject({ bearer_methods_supported: [] })
  })

  test('no empty list of scopes', async () => {
    await call('POST', '/resources', { name: 'bare', identifier: 'https://bare.test', hosts: ['bare.test'], rules: [] })
    expect((await at_('bare.test')).body).not.toHaveProperty('scopes_supported')
  })

  test('all that a client needs to get a token that passes there', async () => {
    const { secret } = await withSecret(at)
    const refused = await at.ask()
    const url = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '')?.[1] ?? ''
    const resource = (await at_(new URL(url).host, new URL(url).pathname)).body
    const issuer = String((resource.authorization_servers as string[])[0])
    expect((await get(SERVER)).body.issuer).toBe(issuer)
    const token = await tokenFor(at, basicOf('canister', secret), { resource: resource.resource })
    expect((await at.ask({ headers: { Authorization: `Bearer ${token}` } })).status).toBe(200)
  })

  test('the same of the management API, at the public URL', async () => {
    const refused = await at.api('GET', '/api/v1/me', undefined, null)
    const url = `${PUBLIC_URL}${RESOURCE}/api/v1`
    expect(refused.headers.get('www-authenticate')).toContain(`resource_metadata="${url}"`)
    expect(resourceMetadataUrl(`${PUBLIC_URL}/api/v1`)).toBe(url)
    const { body } = await at_('127.0.0.1:8420', `${RESOURCE}/api/v1`)
    expect(body).toMatchObject({ resource: `${PUBLIC_URL}/api/v1`, resource_name: 'countersign' })
  })
})

describe('what is public', () => {
  for (const path of [SERVER, RESOURCE, '/.well-known/jwks.json']) {
    test(`${path} may be kept by caches, read by programs in browsers, and not written`, async () => {
      const server = await listen({ kind: 'tcp', hostname: '127.0.0.1', port: 0 }, at.app.publicRoutes)
      const send = (method: string) =>
        fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers: { Host: 'webdav.example.com' } })
      try {
        const [answer, head, post] = [await send('GET'), await send('HEAD'), await send('POST')]
        const headers = ({ headers }: Response) => Object.fromEntries([...headers].filter(([name]) => name !== 'date'))
        expect(headers(answer)).toMatchObject({
          'content-type': 'application/json',
          'cache-control': expect.stringMatching(/^public, max-age=\d+$/),
          'access-control-allow-origin': '*',
        })
        expect([head.status, headers(head), await head.text()]).toEqual([200, headers(answer), ''])
        expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
      } finally {
        await server.stop(true)
      }
    })
  }

  test('is all that other origins may read', async () => {
    const { headers } = await withSecret(at)
    const others = [
      await at.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers }),
      await at.oauth('/oauth/introspect', { token: key }, { headers }),
      await at.oauth('/oauth/revoke', { token: key }, { headers }),
      await at.api('GET', '/api/v1/me'),
      await get('/healthz'),
    ]
    for (const answer of others) expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })
})
