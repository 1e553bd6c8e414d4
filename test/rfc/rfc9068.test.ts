// RFC 9068, the JWT profile for access tokens: what ours are, and which of them a resource believes.
import { beforeEach, describe, expect, test } from 'bun:test'
import { PUBLIC_URL, tokenFor } from '../support/app.ts'
import { forgeOf } from '../support/forging.ts'
import { GRANT, standing, WEBDAV } from './standing.ts'

const on = standing()
type Claims = Record<string, unknown>
let token = ''
beforeEach(async () => {
  token = await tokenFor(on.test, on.basic)
})

const part = (jwt: string, index: 0 | 1): Claims =>
  JSON.parse(Buffer.from(jwt.split('.')[index] ?? '', 'base64url').toString())
const write = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const statusFor = async (jwt: string) => (await on.test.ask({ headers: { Authorization: `Bearer ${jwt}` } })).status

/** The key that the token names, from the published ones. */
async function keyOf(jwt: string): Promise<JsonWebKey & Claims> {
  const { keys } = (await on.read('/.well-known/jwks.json')).body as { keys: (JsonWebKey & Claims)[] }
  const named = keys.filter(({ kid }) => kid === part(jwt, 0).kid)
  expect(named.length).toBe(1)
  return named[0] as JsonWebKey & Claims
}

describe('the header', () => {
  test('§2.1: says at+jwt, so that it is taken for no other kind of JWT', () => {
    expect(part(token, 0).typ).toBe('at+jwt')
  })

  test('§2.1: names an asymmetric algorithm and the key, and nothing that a verifier might fetch', () => {
    expect(Object.keys(part(token, 0)).sort()).toEqual(['alg', 'kid', 'typ'])
    expect(part(token, 0).alg).toBe('ES256')
  })

  test('§2.1, §4: the signature is by a published key, of which nothing private is published', async () => {
    const jwk = await keyOf(token)
    expect(jwk).toMatchObject({ kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' })
    expect(jwk.d).toBeUndefined()
    const [head, payload, signature = ''] = token.split('.')
    const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify'])
    const [signed, bytes] = [Buffer.from(`${head}.${payload}`), Buffer.from(signature, 'base64url')]
    expect(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, bytes, signed)).toBe(true)
  })
})

describe('the claims', () => {
  test('§2.2: hold all that are required, of the types that are required', () => {
    expect(part(token, 1)).toMatchObject({
      iss: PUBLIC_URL,
      exp: expect.any(Number),
      aud: WEBDAV,
      sub: expect.any(String),
      client_id: 'canister',
      iat: expect.any(Number),
      jti: expect.stringMatching(/^at_/),
    })
  })

  test('§2.2: exp is iat and the life that the answer names', async () => {
    const { body } = await on.token()
    const { iat, exp } = part(String(body.access_token), 1)
    expect(iat).toBe(on.test.clock.now.getTime() / 1000)
    expect(Number(exp) - Number(iat)).toBe(Number(body.expires_in))
  })

  test('§2.2: sub is the client where no person is involved, and cannot be taken for a person', async () => {
    await on.admin('POST', '/users', { username: 'canister' })
    expect(part(token, 1).sub).toBe('client:canister')
  })

  test('§2.2: jti is another one in every token', async () => {
    expect(part(await tokenFor(on.test, on.basic), 1).jti).not.toBe(part(token, 1).jti)
  })

  test('§2.2.3: scope is there when one was asked for, and holds what was granted', async () => {
    const { body } = await on.token({ ...GRANT, scope: 'files:read admin' })
    expect(part(String(body.access_token), 1).scope).toBe('files:read')
    expect(body.scope).toBe('files:read')
  })

  test('§2.2.3, §3: scopes are those of the one audience', async () => {
    await on.admin('POST', '/resources', {
      name: 'forge',
      identifier: 'https://forge.example.com',
      hosts: ['forge.example.com'],
      scopes: ['repo:read'],
      rules: [],
    })
    await on.admin('POST', '/permissions', { client: 'canister', resource: 'forge', scopes: ['repo:read'] })
    const jwt = await tokenFor(on.test, on.basic, { resource: 'https://forge.example.com' })
    expect(part(jwt, 1)).toMatchObject({ aud: 'https://forge.example.com', scope: 'repo:read' })
  })

  test('§3: aud is the default resource when none is asked for, and never left out', () => {
    expect(part(token, 1).aud).toBe(WEBDAV)
  })

  test('§5, §6: say nothing of a person, of other resources or of a secret', () => {
    const said = Object.keys(part(token, 1)).sort()
    expect(said).toEqual([
      'aud',
      'client_id',
      'credential',
      'exp',
      'iat',
      'iss',
      'jti',
      'resource',
      'revision',
      'scope',
      'sub',
    ])
  })
})

describe('a resource', () => {
  test('§4: takes the token as it was issued, and not one letter else', async () => {
    expect(await statusFor(token)).toBe(200)
    const [head, payload, signature] = token.split('.') as [string, string, string]
    const widened = write({ ...part(token, 1), scope: 'files:read files:write admin' })
    for (const jwt of [
      `${head}.${widened}.${signature}`,
      `${head}.${payload}.${signature.slice(0, -8)}AAAAAAAA`,
      `${head}.${payload}.`,
      `${head}.${payload}`,
    ]) {
      expect(await statusFor(jwt)).toBe(401)
    }
  })

  test('§4: refuses another typ, although the same key has signed it', async () => {
    const forge = forgeOf(on.test, token)
    expect(await statusFor(forge.signed({}))).toBe(200)
    for (const typ of ['JWT', 'jwt', 'at', 'dpop+jwt', 'logout+jwt', 'client-authentication+jwt', '', undefined]) {
      expect(await statusFor(forge.signed({}, { typ }))).toBe(401)
    }
    const assertion = await anAssertion()
    expect(part(assertion, 0)).toMatchObject({ alg: 'ES256', kid: part(token, 0).kid })
    expect(await statusFor(assertion)).toBe(401)
  })

  test('§2.2, §4: refuses one in which a required claim is missing or of another type', async () => {
    const forge = forgeOf(on.test, token)
    for (const claim of ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti']) {
      for (const value of [undefined, null, {}, [], '', true]) {
        expect([claim, value, await statusFor(forge.signed({ [claim]: value }))]).toEqual([claim, value, 401])
      }
    }
  })

  test('§4: refuses alg none, in any spelling', async () => {
    const [, payload] = token.split('.')
    for (const alg of ['none', 'None', 'NONE', 'HS256', '']) {
      expect(await statusFor(`${write({ ...part(token, 0), alg })}.${payload}.`)).toBe(401)
      expect(await statusFor(`${write({ ...part(token, 0), alg })}.${payload}.AAAA`)).toBe(401)
    }
  })

  test('§4: refuses another issuer and another audience, although the same key has signed it', async () => {
    const forge = forgeOf(on.test, token)
    for (const iss of ['https://as.attacker.test', `${PUBLIC_URL}/`, PUBLIC_URL.toUpperCase()]) {
      expect(await statusFor(forge.signed({ iss }))).toBe(401)
    }
    for (const aud of ['https://other.example.com', `${WEBDAV}/`, ['https://other.example.com'], PUBLIC_URL]) {
      expect(await statusFor(forge.signed({ aud }))).toBe(401)
    }
  })

  test('§4: refuses it from the second of exp on', async () => {
    on.test.clock.advance(600_000 - 1)
    expect(await statusFor(token)).toBe(200)
    on.test.clock.advance(1)
    expect(await statusFor(token)).toBe(401)
  })
})

/** The identity that is handed on to the service: a JWT of ours, signed with the same key, that is no access token. */
async function anAssertion(): Promise<string> {
  const { headers } = await on.test.ask({ headers: { Authorization: `Bearer ${token}` } })
  return String([...headers].find(([, value]) => /^ey.*\..*\./.test(value))?.[1])
}
