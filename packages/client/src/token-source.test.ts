import { afterEach, describe, expect, test } from 'bun:test'
import {
  type ClientAuthentication,
  clientSecretBasic,
  TokenRequestError,
  type TokenSourceOptions,
  tokenSource,
} from './index.ts'
import {
  failureOf,
  metadataOf,
  type Script,
  startAuthorizationServer,
  startClock,
  tokenAnswer,
  unhurried,
} from './testing/authorization-server.ts'

const SECRET = 'cs_secret_example'
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** A source at a server of its own, with a clock that stands. */
function scene({
  script,
  metadata,
  ...options
}: { script?: Script; metadata?: object } & Partial<TokenSourceOptions> = {}) {
  const server = startAuthorizationServer(script, metadata)
  stops.push(server.stop)
  const clock = startClock()
  const { pauses, random, wait } = unhurried()
  const source = tokenSource({
    issuer: server.issuer,
    clientId: 'canister',
    authentication: clientSecretBasic(SECRET),
    now: clock.now,
    random,
    wait,
    ...options,
  })
  return { server, clock, pauses, source }
}

/** Until what runs behind the calls has come to an end. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(1)
}

describe('a token', () => {
  test('is asked for by the client credentials grant', async () => {
    const { server, source } = scene()
    await source.token()
    expect(Object.fromEntries(server.received[0]?.body ?? [])).toEqual({ grant_type: 'client_credentials' })
    expect(server.received[0]?.headers.get('content-type')).toBe('application/x-www-form-urlencoded')
  })

  test('comes with its end, its scopes and its resource', async () => {
    const { server, source } = scene()
    const token = await source.token({ resource: 'https://webdav.example.com', scopes: ['files:read'] })
    expect(token.token).toBe('token-1')
    expect(token.expiresAt).toEqual(new Date('2030-01-01T00:10:00Z'))
    expect(token.scopes).toEqual(['files:read'])
    expect(token.resource).toBe('https://webdav.example.com')
    expect(server.received[0]?.body.get('resource')).toBe('https://webdav.example.com')
  })

  test('says the scopes that were granted, not those that were asked for', async () => {
    const { source } = scene({ script: (asked, number) => tokenAnswer(asked, number, { scope: 'files:read' }) })
    expect((await source.token({ scopes: ['files:read', 'files:write'] })).scopes).toEqual(['files:read'])
  })

  test('without scopes in the answer has those that were asked for', async () => {
    const { source } = scene({ script: (asked, number) => tokenAnswer(asked, number, { scope: undefined }) })
    expect((await source.token({ scopes: ['files:read'] })).scopes).toEqual(['files:read'])
  })

  test('is for the resource and scopes of the source where a call names none', async () => {
    const { server, source } = scene({ resource: 'https://a.example.com', scopes: ['a:read'] })
    await source.token()
    await source.token({ resource: 'https://b.example.com', scopes: ['b:read'] })
    expect(server.received.map(({ body }) => [body.get('resource'), body.get('scope')])).toEqual([
      ['https://a.example.com', 'a:read'],
      ['https://b.example.com', 'b:read'],
    ])
  })

  for (const scopes of [[], ['a b'], ['']]) {
    test(`is not asked for with the scopes ${JSON.stringify(scopes)}`, async () => {
      const { server, source } = scene()
      expect(await failureOf(() => source.token({ scopes }))).toBeInstanceOf(TypeError)
      expect(server.received).toEqual([])
    })
  }
})

describe('a token that is kept', () => {
  test('is answered again without a request', async () => {
    const { server, source } = scene()
    expect(await source.token()).toBe(await source.token())
    expect(server.received.length).toBe(1)
    expect(server.others).toEqual(['/.well-known/oauth-authorization-server'])
  })

  test('is kept for its resource and its set of scopes', async () => {
    const { server, source } = scene()
    const asked = [
      { scopes: ['a:read', 'b:read'] },
      { scopes: ['b:read', 'a:read', 'a:read'] },
      { scopes: ['a:read'] },
      { scopes: ['a:read'], resource: 'https://a.example.com' },
      {},
    ]
    const tokens = []
    for (const one of asked) tokens.push((await source.token(one)).token)
    expect(tokens).toEqual(['token-1', 'token-1', 'token-2', 'token-3', 'token-4'])
    expect(server.received.length).toBe(4)
  })

  test('is asked for once however many wait for it', async () => {
    const { server, source } = scene({ script: () => Bun.sleep(20).then(() => undefined) })
    const tokens = await Promise.all(Array.from({ length: 50 }, () => source.token()))
    expect(new Set(tokens).size).toBe(1)
    expect(server.received.length).toBe(1)
  })

  test('is refreshed behind the calls past 70 to 80 % of its life, once', async () => {
    const { server, clock, source } = scene()
    await source.token()
    clock.advance(0.74 * 600)
    await source.token()
    expect(server.received.length).toBe(1)
    clock.advance(0.02 * 600)
    const during = await Promise.all([source.token(), source.token()])
    expect(during.map(({ token }) => token)).toEqual(['token-1', 'token-1'])
    await until(() => server.received.length === 2)
    let next = await source.token()
    while (next.token === 'token-1') next = await source.token()
    expect(next.token).toBe('token-2')
    expect(server.received.length).toBe(2)
  })

  test('goes on being answered while its refresh fails, and the refresh is tried again after a pause', async () => {
    let sent = 0
    const basic = clientSecretBasic(SECRET)
    const authentication: ClientAuthentication = (asking) => {
      sent++
      return basic(asking)
    }
    const { server, clock, pauses, source } = scene({ authentication })
    // Its promises have all been followed when a timer comes round.
    const asks = async () => {
      const { token } = await source.token()
      await Bun.sleep(1)
      return token
    }
    expect(await asks()).toBe('token-1')
    server.script = () => new Response('', { status: 500 })
    clock.advance(500)
    expect(await asks()).toBe('token-1')
    await until(() => server.received.length === 4 && pauses.length === 2)
    await until(() => sent === 4)
    await Bun.sleep(20)
    expect([await asks(), sent]).toEqual(['token-1', 4])
    server.script = () => undefined
    clock.advance(20)
    expect([await asks(), sent]).toEqual(['token-1', 5])
    while ((await asks()) === 'token-1');
    expect([await asks(), sent]).toEqual(['token-5', 5])
  })

  test('is not answered in its last moments', async () => {
    const { server, clock, source } = scene()
    await source.token()
    clock.advance(591)
    expect((await source.token()).token).toBe('token-2')
    server.script = () => new Response('', { status: 400 })
    clock.advance(600)
    expect(await failureOf(() => source.token())).toBeInstanceOf(TokenRequestError)
  })

  test('is passed over for `fresh`', async () => {
    const { source } = scene()
    await source.token()
    expect((await source.token({ fresh: true })).token).toBe('token-2')
    expect((await source.token()).token).toBe('token-2')
  })

  test('that was refused is asked for anew once, however many were refused', async () => {
    const { server, source } = scene()
    const refused = await source.token()
    const others = await Promise.all(Array.from({ length: 9 }, () => source.token({ refused })))
    expect(new Set(others.map(({ token }) => token))).toEqual(new Set(['token-2']))
    expect((await source.token({ refused })).token).toBe('token-2')
    expect(server.received.length).toBe(2)
  })

  test('that was refused is not answered to others while the next one cannot be got', async () => {
    const { server, source } = scene()
    const refused = await source.token()
    server.script = () => new Response('', { status: 400 })
    await failureOf(() => source.token({ refused }))
    expect(await failureOf(() => source.token())).toBeInstanceOf(TokenRequestError)
  })

  test('is one of a thousand at most', async () => {
    const { server, source } = scene()
    for (let each = 0; each <= 1000; each++) await source.token({ resource: `https://${each}.example.com` })
    await source.token({ resource: 'https://1.example.com' })
    expect(server.received.length).toBe(1001)
    await source.token({ resource: 'https://0.example.com' })
    expect(server.received.length).toBe(1002)
  })
})

describe('the token endpoint', () => {
  test('of an issuer with a path is found where RFC 8414 §3.1 puts its metadata', async () => {
    const asked: string[] = []
    const issuer = 'https://example.com/tenants/a'
    const { source } = scene({
      issuer,
      fetch: async (input) => {
        asked.push(String(input))
        return asked.length === 1
          ? Response.json(metadataOf(issuer))
          : Response.json({ access_token: 'a', token_type: 'bearer', expires_in: 60 })
      },
    })
    await source.token()
    expect(asked).toEqual([
      'https://example.com/.well-known/oauth-authorization-server/tenants/a',
      'https://example.com/tenants/a/oauth/token',
    ])
  })

  test('that is given needs no metadata', async () => {
    const inside = startAuthorizationServer()
    stops.push(inside.stop)
    const { server, source } = scene({ tokenEndpoint: `${inside.issuer}/oauth/token` })
    await source.token()
    expect([server.others, server.received.length, inside.others, inside.received.length]).toEqual([[], 0, [], 1])
  })

  const badMetadata: [string, object][] = [
    ['another issuer', { issuer: 'https://other.example.com' }],
    ['no issuer', { issuer: undefined }],
    ['no token endpoint', { token_endpoint: undefined }],
    ['a token endpoint that is read on the way', { token_endpoint: 'http://auth.example.com/oauth/token' }],
    ['a token endpoint with a password', { token_endpoint: 'https://a:b@auth.example.com/oauth/token' }],
  ]
  for (const [name, metadata] of badMetadata) {
    test(`is not believed from metadata with ${name}`, async () => {
      const { server, source } = scene({ metadata })
      expect(await failureOf(() => source.token())).toMatchObject({ error: 'unexpected_answer', status: 200 })
      expect(server.received).toEqual([])
    })
  }

  test('is not believed from metadata whose issuer differs by a slash', async () => {
    const server = startAuthorizationServer()
    stops.push(server.stop)
    const { source } = scene({ issuer: `${server.issuer}/` })
    expect(await failureOf(() => source.token())).toMatchObject({ error: 'unexpected_answer' })
    expect(server.received).toEqual([])
  })

  for (const address of [
    'http://auth.example.com',
    'https://user:hunter2@auth.example.com',
    'https://auth.example.com/#a',
    'auth.example.com',
    'ftp://127.0.0.1',
    'http://127.0.0.1.example.com',
  ]) {
    test(`is refused at ${address}`, () => {
      for (const name of ['issuer', 'tokenEndpoint'] as const) {
        const options = { issuer: 'https://auth.example.com', [name]: address }
        const make = () => tokenSource({ ...options, clientId: 'a', authentication: clientSecretBasic(SECRET) })
        expect(make).toThrow(new RegExp(`^${name}: expected an https: URL`))
        expect(make).not.toThrow(/hunter2/)
      }
    })
  }

  test('that redirects gets no secret sent elsewhere', async () => {
    const elsewhere = startAuthorizationServer()
    stops.push(elsewhere.stop)
    const { source } = scene({ script: () => Response.redirect(`${elsewhere.issuer}/oauth/token`, 307) })
    expect(await failureOf(() => source.token())).toMatchObject({ error: 'unexpected_answer', status: 307 })
    expect(elsewhere.received).toEqual([])
  })
})
