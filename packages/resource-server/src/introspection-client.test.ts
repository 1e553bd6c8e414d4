// What is asked of Countersign, how long an answer is good for, and what is made of one that is none.
import { beforeEach, describe, expect, test } from 'bun:test'
import { type IntrospectionOptions, introspectionClient, type ProtectFetch } from './introspection-client.ts'

const RESOURCE = 'https://git.example.com'
const ACTIVE = {
  active: true,
  jti: 'key_1',
  sub: 'client:nightly',
  aud: RESOURCE,
  scope: 'a:read b:read',
  projects: null,
}

let asked: { uri: string; init: Parameters<ProtectFetch>[1] }[]
let answer: () => Promise<Response>
let nowMs: number
beforeEach(() => {
  asked = []
  nowMs = 1000
  answer = async () => Response.json(ACTIVE)
})

const client = (changed: Partial<IntrospectionOptions> = {}) =>
  introspectionClient({
    ...{ issuer: 'https://auth.example.com', clientId: 'git server', clientSecret: 'a+b/c:d', resource: RESOURCE },
    ...{ cacheSeconds: 5, monotonicMs: () => nowMs },
    fetch: (uri, init) => {
      asked.push({ uri, init })
      return answer()
    },
    ...changed,
  })
const codeOf = (said: object) => ('code' in said ? said.code : 'active')

test('it asks at the endpoint, as its client, of the token at this resource and from that address', async () => {
  const said = await client()('the-token', 'd1', '192.0.2.1')
  const [{ uri, init } = { uri: '', init: undefined }] = asked
  expect(uri).toBe('https://auth.example.com/oauth/introspect')
  expect(init).toMatchObject({ method: 'POST', redirect: 'manual' })
  expect(init?.headers.authorization).toBe(`Basic ${btoa('git+server:a%2Bb%2Fc%3Ad')}`)
  const form = { token: 'the-token', resource: RESOURCE, client_address: '192.0.2.1' }
  expect(Object.fromEntries(new URLSearchParams(init?.body))).toEqual(form)
  expect(said).toEqual({
    ...{ id: 'key_1', subject: 'client:nightly', clientId: undefined, audience: RESOURCE },
    ...{ scopes: ['a:read', 'b:read'], roles: [], groups: [], projects: null, notBefore: null, expiresAt: null },
  })
})

describe('an answer is kept', () => {
  test('for so many seconds from when it was asked, and by the address', async () => {
    const introspect = client()
    await introspect('t', 'd1', undefined)
    nowMs += 4999
    await introspect('t', 'd1', undefined)
    expect(asked.length).toBe(1)
    await introspect('t', 'd1', '192.0.2.1')
    await introspect('t', 'd2', undefined)
    expect(asked.length).toBe(3)
    nowMs += 1
    await introspect('t', 'd1', undefined)
    expect(asked.length).toBe(4)
  })

  test('as old as its question, however long it took', async () => {
    answer = async () => {
      nowMs += 3000
      return Response.json(ACTIVE)
    }
    const introspect = client()
    await introspect('t', 'd1', undefined)
    nowMs += 2000
    await introspect('t', 'd1', undefined)
    expect(asked.length).toBe(2)
  })

  test('one second where it is not active', async () => {
    answer = async () => Response.json({ active: false })
    const introspect = client()
    expect(codeOf(await introspect('t', 'd1', undefined))).toBe('credential_unknown')
    nowMs += 999
    await introspect('t', 'd1', undefined)
    expect(asked.length).toBe(1)
    nowMs += 1
    await introspect('t', 'd1', undefined)
    expect(asked.length).toBe(2)
  })

  test('not at all where it should not be, nor an outage', async () => {
    const introspect = client({ cacheSeconds: 0 })
    await introspect('t', 'd1', undefined)
    await introspect('t', 'd1', undefined)
    expect(asked.length).toBe(2)
    answer = async () => new Response('', { status: 500 })
    const another = client()
    await another('t', 'd1', undefined)
    answer = async () => Response.json(ACTIVE)
    expect(codeOf(await another('t', 'd1', undefined))).toBe('active')
  })

  test('and asked for once, by however many at a time', async () => {
    const introspect = client()
    const all = await Promise.all(Array.from({ length: 50 }, () => introspect('t', 'd1', undefined)))
    expect([all.map(codeOf).every((code) => code === 'active'), asked.length]).toEqual([true, 1])
  })
})

test('no more than 256 questions are under way', async () => {
  const open: ((response: Response) => void)[] = []
  answer = () => new Promise((resolve) => open.push(resolve))
  const introspect = client()
  const asking = Array.from({ length: 257 }, (_, at) => introspect('t', `d${at}`, undefined))
  expect(codeOf((await asking[256]) as object)).toBe('store_busy')
  for (const resolve of open) resolve(Response.json(ACTIVE))
  expect((await Promise.all(asking.slice(0, 256))).map(codeOf).every((code) => code === 'active')).toBe(true)
})

describe('what cannot be understood is an outage, never a yes or a no', () => {
  const json = (changed: object) => () => Promise.resolve(Response.json({ ...ACTIVE, ...changed }))
  const ROWS: [string, () => Promise<Response>, string][] = [
    ['a failure', () => Promise.reject(new Error('connection to the-token refused')), 'it could not be asked'],
    ['500', async () => new Response('', { status: 500 }), 'it answered 500'],
    ['401', async () => new Response('', { status: 401 }), 'it answered 401'],
    ['a redirect', async () => Response.redirect('https://evil.example.com/', 307), 'it redirects'],
    ['no JSON', async () => new Response('yes'), 'its answer is no introspection'],
    ['a list', async () => Response.json([ACTIVE]), 'its answer is no introspection'],
    ['active as text', json({ active: 'true' }), 'its answer is no introspection'],
    ['no active', json({ active: undefined }), 'its answer is no introspection'],
    ['another audience', json({ aud: 'https://other.example.com' }), 'no aud of this resource'],
    ['several audiences', json({ aud: [RESOURCE] }), 'no aud of this resource'],
    ['no jti', json({ jti: undefined }), 'no jti'],
    ['no sub', json({ sub: undefined }), 'no sub'],
    ['scope as a list', json({ scope: ['a:read'] }), 'no scope'],
    ['roles as a text', json({ roles: 'admin' }), 'no roles'],
    ['an end that is a text', json({ exp: '1999999999' }), 'no exp'],
    ['an end of null', json({ exp: null }), 'no exp'],
    ['a beginning with a fraction', json({ nbf: 1.5 }), 'no nbf'],
    ['no projects', json({ projects: undefined }), 'no projects'],
    ['projects as a text', json({ projects: 'a' }), 'no projects'],
    [
      'active of a prototype',
      async () => new Response('{"__proto__":{"active":true}}'),
      'its answer is no introspection',
    ],
  ]
  for (const [name, answered, because] of ROWS) {
    test(name, async () => {
      answer = answered
      const said = await client()('the-token', 'd1', undefined)
      expect(said).toMatchObject({ code: 'store_unavailable', detail: { because: expect.stringContaining(because) } })
      expect(JSON.stringify(said)).not.toMatch(/the-token|a\+b/)
    })
  }
})
