// RFC 8414, Authorization Server Metadata: what is said of ourselves, and that it is so.
import { describe, expect, test } from 'bun:test'
import { PUBLIC_URL, startApp } from '../support/app.ts'
import { GRANT, standing } from './standing.ts'

const on = standing()
const PATH = '/.well-known/oauth-authorization-server'
const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
const metadata = async () => (await on.read(PATH)).body

describe('the document', () => {
  test('§3.1, §3.2: is read by GET and is JSON', async () => {
    const { status, headers } = await on.read(PATH)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toMatch(/^application\/json/)
  })

  test('§3.3: names the issuer exactly as it is configured, which the tokens name, too', async () => {
    const { issuer } = await metadata()
    expect(issuer).toBe(PUBLIC_URL)
    const [, payload = ''] = String((await on.token()).body.access_token).split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString()).iss).toBe(issuer)
  })

  test('§2: names the endpoints under the issuer, and each is served', async () => {
    const { token_endpoint, introspection_endpoint, revocation_endpoint, jwks_uri } = await metadata()
    expect(token_endpoint).toBe(`${PUBLIC_URL}/oauth/token`)
    expect(introspection_endpoint).toBe(`${PUBLIC_URL}/oauth/introspect`)
    expect(revocation_endpoint).toBe(`${PUBLIC_URL}/oauth/revoke`)
    for (const endpoint of [token_endpoint, introspection_endpoint, revocation_endpoint]) {
      expect((await on.post(new URL(String(endpoint)).pathname, {}, { headers: {} })).body.error).toBe('invalid_client')
    }
    expect((await on.read(new URL(String(jwks_uri)).pathname)).body.keys).toBeArray()
  })

  test('§2: names the grants that are served, and no other', async () => {
    const supported = (await metadata()).grant_types_supported
    expect(supported).toEqual(['client_credentials'])
    for (const grant_type of ['authorization_code', 'implicit', 'password', 'refresh_token']) {
      expect((await on.token({ grant_type })).body.error).toBe('unsupported_grant_type')
    }
  })

  test('§2: names no response type, since there is no authorization endpoint', async () => {
    const { authorization_endpoint, response_types_supported = [] } = await metadata()
    expect(authorization_endpoint).toBeUndefined()
    expect(response_types_supported).toEqual([])
  })

  test('§2: names the ways in which a client authenticates, at each endpoint', async () => {
    const said = await metadata()
    for (const endpoint of ['token', 'introspection', 'revocation']) {
      expect((said[`${endpoint}_endpoint_auth_methods_supported`] as string[]).toSorted()).toEqual(METHODS)
    }
  })

  test('§2: names the algorithms of assertions at each endpoint, never none and never a symmetric one', async () => {
    const said = await metadata()
    for (const endpoint of ['token', 'introspection', 'revocation']) {
      const algorithms = said[`${endpoint}_endpoint_auth_signing_alg_values_supported`] as string[]
      expect(algorithms).toContain('ES256')
      expect(algorithms.filter((alg) => /^(none|HS)/i.test(alg))).toEqual([])
    }
  })

  test('§3.2: holds no member without a meaning, and what is not implemented is not in it', async () => {
    const said = await metadata()
    for (const value of Object.values(said)) expect(value).not.toBeNull()
    const absent = ['authorization_endpoint', 'registration_endpoint', 'userinfo_endpoint', 'end_session_endpoint']
    expect(Object.keys(said).filter((name) => absent.includes(name))).toEqual([])
  })

  test('§3: the OpenID document is another one, and is not served', async () => {
    expect((await on.read('/.well-known/openid-configuration')).status).toBe(404)
  })

  test('§3.1: nothing but GET and HEAD is served', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const { status } = await on.test.oauth(PATH, GRANT, { method })
      expect([404, 405]).toContain(status)
    }
  })
})

describe('the issuer', () => {
  test('§2: is said as it is configured, whatever host was asked', async () => {
    const secret = 'proxy-secret-of-the-tests-0123456789'
    const at = await startApp({ COUNTERSIGN_PUBLIC_URL: 'https://id.example.com', COUNTERSIGN_PROXY_SECRET: secret })
    const { body } = await at.oauth(PATH, '', { method: 'GET', headers: { Host: 'attacker.test' } })
    expect(body).toMatchObject({
      issuer: 'https://id.example.com',
      token_endpoint: 'https://id.example.com/oauth/token',
    })
    expect(JSON.stringify(body)).not.toContain('attacker')
    await at.close()
  })
})
