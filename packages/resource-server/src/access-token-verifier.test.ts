// An API that checks tokens offline: which keys it asks for, and what it refuses for want of them.
import { beforeEach, describe, expect, test } from 'bun:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { writeAccessTokenClaims } from './access-token.ts'
import { type AccessTokenOptions, accessTokenVerifier } from './access-token-verifier.ts'
import { assertionVerifier } from './assertion.ts'
import { refusalResponse } from './refusal-response.ts'
import { deny } from './refusals.ts'
import type { KeyFetch } from './remote-keys.ts'

const ISSUER = 'https://auth.example.com'
const RESOURCE = 'https://api.example.com'
const FACTS = {
  jti: 'at_01JABCDEFGHJKMNPQRSTVWXYZ0',
  subject: 'client:canister',
  clientId: 'canister',
  audience: RESOURCE,
  resource: 'api',
  scopes: ['usage:read'],
  projects: null,
  networks: [] as string[],
  issuedAt: new Date('2030-01-01T00:00:00Z'),
  expiresAt: new Date('2030-01-02T00:00:00Z'),
  ancestors: ['secret_01JABCDEFGHJKMNPQRSTVWXYZ0'],
  revision: 7,
}

let now: Date
let published: object[]
let asked: string[]
let outage: 'none' | 'refuses' | 'throws' | 'redirects'
beforeEach(() => {
  now = new Date('2030-01-01T00:00:01Z')
  published = []
  asked = []
  outage = 'none'
})

const fetchKeys: KeyFetch = async (uri) => {
  asked.push(uri)
  if (outage === 'throws') throw new TypeError('no route to host')
  if (outage === 'refuses') return new Response('', { status: 500 })
  if (outage === 'redirects') return Response.redirect('http://169.254.169.254/', 302)
  return Response.json({ keys: published })
}

async function newKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }
  const token = (facts: Partial<typeof FACTS> = {}, header: object = {}, issuer = ISSUER) =>
    new SignJWT(writeAccessTokenClaims({ ...FACTS, ...facts }, issuer))
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header })
      .sign(privateKey)
  return { jwk, token }
}

const verifier = (options: Partial<AccessTokenOptions> = {}) =>
  accessTokenVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: fetchKeys, now: () => now, ...options })
const shown = (token: string) => new Headers({ Authorization: `Bearer ${token}` })
const later = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000)
}

test('as the example says: who calls, with which scopes, or a refusal for the caller', async () => {
  const { jwk, token } = await newKey('k1')
  published = [jwk]
  const whoCalls = verifier()
  const respond = async (request: Request) => {
    const caller = await whoCalls(request.headers)
    if (caller.outcome === 'deny') return refusalResponse(caller, 'api')
    if (!caller.scopes.has('usage:read')) return refusalResponse(deny('scope_missing'), 'api')
    return Response.json(caller.principal)
  }
  const request = (headers: Headers) => new Request('https://api.example.com/usage', { headers })
  expect(await (await respond(request(shown(await token())))).json()).toEqual({
    ...{ kind: 'client', id: 'canister', name: 'canister' },
  })
  const stranger = await respond(request(new Headers()))
  expect([stranger.status, stranger.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="api"'])
  expect((await respond(request(shown(await token({ scopes: ['usage:write'] }))))).status).toBe(403)
  const dead = await respond(request(shown(await token({ expiresAt: now }))))
  expect([dead.status, dead.headers.get('www-authenticate')]).toEqual([
    401,
    'Bearer realm="api", error="invalid_token", error_description="The credential is not valid."',
  ])
})

describe('the keys', () => {
  test('are asked for where the issuer publishes them, once', async () => {
    const { jwk, token } = await newKey('k1')
    published = [jwk]
    const whoCalls = verifier()
    const headers = shown(await token())
    expect((await Promise.all([1, 2, 3].map(() => whoCalls(headers)))).map(({ outcome }) => outcome)).toEqual(
      Array(3).fill('allow'),
    )
    await whoCalls(headers)
    expect(asked).toEqual(['https://auth.example.com/.well-known/jwks.json'])
  })

  test('are not asked for by what is wrong before its signature', async () => {
    const { jwk, token } = await newKey('k1')
    published = [jwk]
    const whoCalls = verifier()
    for (const text of [
      'x.y.z',
      `${await token()}=`,
      await token({}, { typ: 'JWT' }),
      await token({}, {}, 'https://attacker.example'),
      await token({ scopes: [] }),
      await token({}, { kid: undefined }),
    ]) {
      expect(await whoCalls(shown(text))).toMatchObject({ outcome: 'deny' })
    }
    expect(asked).toEqual([])
  })

  test('of ids that nobody has make one question in half a minute, and known ones pass meanwhile', async () => {
    const { jwk, token } = await newKey('k1')
    published = [jwk]
    const whoCalls = verifier()
    expect(await whoCalls(shown(await token()))).toMatchObject({ outcome: 'allow' })
    later(31)
    for (let n = 0; n < 50; n++) {
      expect(await whoCalls(shown(await token({}, { kid: `k${n}x` })))).toMatchObject({ code: 'token_unverified' })
      expect(await whoCalls(shown(await token()))).toMatchObject({ outcome: 'allow' })
    }
    expect(asked.length).toBe(2)
  })

  test('that are new are found after half a minute, and those that are gone are believed no longer than ten', async () => {
    const [old, young] = [await newKey('k1'), await newKey('k2')]
    published = [old.jwk]
    const whoCalls = verifier()
    expect(await whoCalls(shown(await old.token()))).toMatchObject({ outcome: 'allow' })
    published = [young.jwk]
    later(31)
    expect(await whoCalls(shown(await young.token()))).toMatchObject({ outcome: 'allow' })
    expect(await whoCalls(shown(await old.token()))).toMatchObject({ code: 'token_unverified' })
  })

  for (const how of ['refuses', 'throws', 'redirects'] as const) {
    test(`cannot be had where the issuer ${how}: then nobody can tell, and it is no fault of the caller`, async () => {
      const { jwk, token } = await newKey('k1')
      published = [jwk]
      outage = how
      const whoCalls = verifier()
      expect(await whoCalls(shown(await token()))).toMatchObject({ code: 'store_unavailable' })
      expect(await whoCalls(shown(await token()))).toMatchObject({ code: 'store_unavailable' })
      expect(asked.length).toBe(1)
      outage = 'none'
      later(5)
      expect(await whoCalls(shown(await token()))).toMatchObject({ outcome: 'allow' })
      outage = how
      later(3600)
      expect(await whoCalls(shown(await token()))).toMatchObject({ outcome: 'allow' })
    })
  }

  test('are the same for assertions', async () => {
    const { jwk, token } = await newKey('k1')
    published = [jwk]
    const whoPassed = assertionVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: fetchKeys, now: () => now })
    const assertion = async (typ: string) =>
      new Headers({ 'Countersign-Assertion': await token({}, { typ: typ === '' ? undefined : typ }) })
    for (const typ of ['at+jwt', '', 'JWT']) {
      expect(await whoPassed(await assertion(typ))).toMatchObject({ code: 'credential_unknown' })
    }
    expect(asked).toEqual([])
    expect(await whoPassed(await assertion('countersign-assertion+jwt'))).toMatchObject({
      detail: { because: 'principal' },
    })
    outage = 'throws'
    later(25 * 3600)
    published = []
    expect(await whoPassed(await assertion('countersign-assertion+jwt'))).toMatchObject({ code: 'store_unavailable' })
  })
})

describe('a token that is confined to networks', () => {
  const whoCallsFrom = async (address: string | undefined) => {
    const { jwk, token } = await newKey('k1')
    const keys = { keys: [jwk] } as NonNullable<AccessTokenOptions['keys']>
    const confined = await token({ networks: ['10.0.0.0/8', '2001:db8::/32'] })
    const caller = await verifier({ keys })(shown(confined), address)
    return caller.outcome === 'deny' ? caller.code : 'allow'
  }
  for (const [address, expected] of [
    ['10.1.2.3', 'allow'],
    ['2001:db8::1', 'allow'],
    ['192.0.2.1', 'credential_network_refused'],
    ['10.1.2.3, 192.0.2.1', 'client_address_unknown'],
    ['', 'client_address_unknown'],
    [undefined, 'client_address_unknown'],
  ] as const) {
    test(`from ${address ?? 'nobody knows where'}: ${expected}`, async () =>
      expect(await whoCallsFrom(address)).toBe(expected))
  }
})

describe('what cannot be checked offline is not believed', () => {
  const cases: readonly [what: string, headers: HeadersInit, code: string][] = [
    ['a key', { 'X-Api-Key': 'cs_key_x' }, 'credential_mistyped'],
    ['two credentials', { 'X-Api-Key': 'a', Authorization: 'Bearer b' }, 'credential_ambiguous'],
    ['an empty one', { Authorization: 'Bearer ' }, 'credential_malformed'],
    ['another scheme', { Authorization: 'DPoP a.b.c' }, 'credential_foreign'],
    ['a cookie', { Cookie: 'access_token=a.b.c' }, 'credential_missing'],
  ]
  for (const [what, headers, code] of cases) {
    test(what, async () => expect(await verifier()(new Headers(headers))).toMatchObject({ outcome: 'deny', code }))
  }

  test('a clock that tells no time makes nothing live', async () => {
    const { jwk, token } = await newKey('k1')
    published = [jwk]
    const broken = verifier({ now: () => new Date(Number.NaN), keys: { keys: [jwk] } as never })
    expect(await broken(shown(await token()))).toMatchObject({ code: 'credential_expired' })
  })
})
