import { afterEach, describe, expect, test } from 'bun:test'
import { AccessToken, apiKey, createFetch, type TokenSource } from './index.ts'
import { failureOf } from './testing/authorization-server.ts'

type Call = {
  readonly to: 'resource' | 'elsewhere'
  readonly path: string
  readonly method: string
  readonly headers: Headers
  readonly body: string
}

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** A resource, and another origin; both answer what `answer` says, else 200 with the name of the origin. */
function scene(answer: (call: Call, elsewhere: string, resource: string) => Response | undefined = () => undefined) {
  const calls: Call[] = []
  const start = (to: Call['to']) => {
    const listener = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      async fetch(request) {
        const { pathname } = new URL(request.url)
        const call = {
          to,
          path: pathname,
          method: request.method,
          headers: request.headers,
          body: await request.text(),
        }
        calls.push(call)
        return answer(call, elsewhere, resource) ?? new Response(to)
      },
    })
    stops.push(() => listener.stop(true))
    return `http://127.0.0.1:${listener.port}`
  }
  const elsewhere: string = start('elsewhere')
  const resource: string = start('resource')
  return { calls, resource, elsewhere }
}

/** Answers `token-1`; once that was refused `token-2`, and so on. */
function counting() {
  const asked: Parameters<TokenSource['token']>[0][] = []
  let current = 1
  const made = () => new AccessToken(`token-${current}`, { expiresAt: null, scopes: undefined, resource: undefined })
  const source: TokenSource = {
    async token(one = {}) {
      asked.push(one)
      if (one.refused?.token === `token-${current}`) current++
      return made()
    },
  }
  return { source, asked }
}

const tokensOf = (calls: readonly Call[]) => calls.map(({ headers }) => headers.get('authorization'))
const refuses =
  (...tokens: string[]) =>
  (call: Call) =>
    tokens.some((token) => call.headers.get('authorization') === `Bearer ${token}`)
      ? new Response('refused', { status: 401 })
      : undefined

describe('a request', () => {
  test('carries a token for the resource and scopes that were named', async () => {
    const { calls, resource } = scene()
    const { source, asked } = counting()
    const fetch = createFetch(source, { resource: 'https://webdav.example.com', scopes: ['files:read'] })
    const response = await fetch(`${resource}/a?b=c`, { headers: { 'X-Own': 'yes' } })
    expect([response.status, await response.text()]).toEqual([200, 'resource'])
    expect(calls[0]?.headers.get('authorization')).toBe('Bearer token-1')
    expect(calls[0]?.headers.get('x-own')).toBe('yes')
    expect(asked).toEqual([{ resource: 'https://webdav.example.com', scopes: ['files:read'], signal: undefined }])
  })

  test('may be a URL or a Request, of any method and body', async () => {
    const { calls, resource } = scene()
    const fetch = createFetch(apiKey('k'))
    const form = new FormData()
    form.set('a', 'b')
    const stream = () => new Blob(['stream']).stream()
    const json = { method: 'PUT', body: '{}', headers: { 'Content-Type': 'application/json' } }
    await fetch(new URL(`${resource}/url`))
    await fetch(new Request(`${resource}/request`, json))
    await fetch(new Request(`${resource}/request`, json), {
      method: 'PATCH',
      body: 'other',
      headers: { 'Content-Type': 'x/y' },
    })
    await fetch(resource, { method: 'POST', body: new URLSearchParams({ a: 'b' }) })
    await fetch(resource, { method: 'POST', body: form })
    await fetch(resource, { method: 'POST', body: new TextEncoder().encode('bytes') })
    await fetch(resource, { method: 'POST', body: new Blob(['blob'], { type: 'text/csv' }) })
    await fetch(resource, { method: 'POST', body: stream(), duplex: 'half' } as RequestInit)
    await fetch(new Request(resource, { method: 'POST', body: stream(), duplex: 'half' } as RequestInit))
    const sent = calls.map(({ method, body, headers }) => [
      method,
      body.replaceAll(/-+[A-Za-z0-9-]+\r\n|\r\n-+[A-Za-z0-9-]+--\r\n/g, ''),
      headers.get('content-type')?.replace(/;.*/, ''),
    ])
    expect(sent).toEqual([
      ['GET', '', undefined],
      ['PUT', '{}', 'application/json'],
      ['PATCH', 'other', 'x/y'],
      ['POST', 'a=b', 'application/x-www-form-urlencoded'],
      ['POST', expect.stringContaining('name="a"\r\n\r\nb'), 'multipart/form-data'],
      ['POST', 'bytes', undefined],
      ['POST', 'blob', 'text/csv'],
      ['POST', 'stream', undefined],
      ['POST', 'stream', undefined],
    ])
    expect(new Set(tokensOf(calls))).toEqual(new Set(['Bearer k']))
  })

  test('that brings its own Authorization is left alone', async () => {
    const { calls, resource } = scene(refuses('mine'))
    const { source, asked } = counting()
    const fetch = createFetch(source, { origins: ['https://webdav.example.com'] })
    const headers = { authorization: 'Bearer mine' }
    expect((await fetch(resource, { headers })).status).toBe(401)
    expect((await fetch(new Request(resource, { headers }))).status).toBe(401)
    expect([calls.length, asked.length]).toEqual([2, 0])
  })

  test('that is given up ends with the reason of its signal', async () => {
    const { calls, resource } = scene()
    const { source, asked } = counting()
    const signal = AbortSignal.abort('enough')
    expect(await failureOf(() => createFetch(source)(resource, { signal }))).toBe('enough')
    expect([calls.length, asked[0]?.signal]).toEqual([0, signal])
  })

  test('gets no token over http beyond loopback, unless that is allowed', async () => {
    const { source, asked } = counting()
    const sent: string[] = []
    const record = async (input: string | URL | Request) => {
      sent.push(String(input))
      return new Response()
    }
    for (const address of [
      'http://webdav.example.com/a?key=hunter2',
      'http://10.0.0.1',
      'http://localhost.example.com',
    ]) {
      const error = await failureOf(() => createFetch(source, { fetch: record })(address))
      expect(String(error)).toContain('expected https:')
      expect(String(error)).not.toContain('hunter2')
    }
    expect([sent, asked]).toEqual([[], []])
    await createFetch(source, { fetch: record, allowInsecure: true })('http://webdav.example.com')
    for (const address of ['https://a.example.com', 'http://localhost:1', 'http://[::1]:1', 'http://127.0.0.9']) {
      await createFetch(source, { fetch: record })(address)
    }
    expect(sent.length).toBe(5)
  })

  test('gets a token only for the origins that were named', async () => {
    const { calls, resource, elsewhere } = scene()
    const fetch = createFetch(apiKey('k'), { origins: [resource] })
    await fetch(`${resource}/a`)
    expect(String(await failureOf(() => fetch(`${elsewhere}/a`)))).toContain('is not among the origins')
    expect(calls.map(({ to }) => to)).toEqual(['resource'])
    for (const origin of ['webdav.example.com', 'https://webdav.example.com/', 'https://a.example.com/b']) {
      expect(() => createFetch(apiKey('k'), { origins: [origin] })).toThrow('origins: expected')
    }
  })
})

describe('an answer of 401', () => {
  test('is asked for once more with another token', async () => {
    const { calls, resource } = scene(refuses('token-1'))
    const response = await createFetch(counting().source)(resource, { method: 'POST', body: 'again' })
    expect([response.status, await response.text()]).toEqual([200, 'resource'])
    expect(tokensOf(calls)).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect(calls.map(({ body }) => body)).toEqual(['again', 'again'])
  })

  test('to a Request with a body is asked for once more with the same body', async () => {
    const { calls, resource } = scene(refuses('token-1'))
    const request = new Request(resource, { method: 'POST', body: 'again' })
    expect((await createFetch(counting().source)(request)).status).toBe(200)
    expect(calls.map(({ body }) => body)).toEqual(['again', 'again'])
  })

  test('is answered when the other token is refused too', async () => {
    const { calls, resource } = scene(refuses('token-1', 'token-2', 'token-3'))
    const response = await createFetch(counting().source)(resource)
    expect([response.status, await response.text(), calls.length]).toEqual([401, 'refused', 2])
  })

  test('is met with one other token in all, also after a redirect', async () => {
    const { calls, resource } = scene((call) => {
      const token = call.headers.get('authorization')
      if (call.path === '/a' && token === 'Bearer token-2') return Response.redirect('/b', 307)
      return token === 'Bearer token-3' ? undefined : new Response('', { status: 401 })
    })
    expect((await createFetch(counting().source)(`${resource}/a`)).status).toBe(401)
    expect(calls.map(({ path }) => path)).toEqual(['/a', '/a', '/b'])
  })

  test('is answered, whole, when there is no other token', async () => {
    const { calls, resource } = scene(refuses('k'))
    const response = await createFetch(apiKey('k'))(resource)
    expect([response.status, await response.text(), calls.length]).toEqual([401, 'refused', 1])
  })

  test('is answered when the body was a stream, which is gone; the next call brings another token', async () => {
    const { calls, resource } = scene(refuses('token-1'))
    const { source, asked } = counting()
    const body = new Blob(['once']).stream()
    const response = await createFetch(source)(resource, { method: 'POST', body, duplex: 'half' } as RequestInit)
    expect([response.status, calls.length]).toEqual([401, 1])
    expect(asked.map((one) => one?.refused?.token)).toEqual([undefined, 'token-1'])
    expect((await source.token()).token).toBe('token-2')
  })

  test('becomes the error of the source when that can get no other token', async () => {
    const { resource } = scene(refuses('k'))
    const gone = new Error('disabled')
    const about = { expiresAt: null, scopes: undefined, resource: undefined }
    const source: TokenSource = {
      token: async ({ refused } = {}) => (refused ? Promise.reject(gone) : new AccessToken('k', about)),
    }
    expect(await failureOf(() => createFetch(source)(resource))).toBe(gone)
  })
})

test('an answer of 403 is answered as it came', async () => {
  const { calls, resource } = scene(() => new Response('no', { status: 403 }))
  const { source, asked } = counting()
  expect((await createFetch(source)(resource)).status).toBe(403)
  expect([calls.length, asked.length]).toEqual([1, 1])
})

describe('a redirect', () => {
  const redirect = (status: number, location: string) => new Response(null, { status, headers: { Location: location } })

  test('on the same origin is followed with the token', async () => {
    const { calls, resource } = scene(({ path }) => (path === '/a' ? redirect(302, 'b') : undefined))
    const response = await createFetch(apiKey('k'))(`${resource}/a`)
    expect([response.status, response.url]).toEqual([200, `${resource}/b`])
    expect(tokensOf(calls)).toEqual(['Bearer k', 'Bearer k'])
  })

  for (const status of [301, 302, 303, 307, 308]) {
    test(`with ${status} to another origin carries neither token nor cookies there, nor back`, async () => {
      const { calls, resource } = scene(({ path }, elsewhere, resource) => {
        if (path === '/a') return redirect(status, `${elsewhere}/b`)
        return path === '/b' ? redirect(status, `${resource}/c`) : undefined
      })
      const headers = { Cookie: 'session=1', 'Proxy-Authorization': 'Basic eDp5', 'X-Own': 'yes' }
      const response = await createFetch(apiKey('k'))(`${resource}/a`, { headers })
      expect([response.status, await response.text()]).toEqual([200, 'resource'])
      expect(calls.map(({ to }) => to)).toEqual(['resource', 'elsewhere', 'resource'])
      expect(tokensOf(calls)).toEqual(['Bearer k', null, null])
      expect(calls.map(({ headers }) => headers.get('cookie'))).toEqual(['session=1', null, null])
      expect(calls[1]?.headers.get('x-own')).toBe('yes')
    })
  }

  test('to another port or scheme is one to another origin', async () => {
    const seen: (string | null)[] = []
    const record = async (input: string | URL | Request, init?: RequestInit) => {
      seen.push(new Headers(init?.headers).get('authorization'))
      const next: Record<string, string> = {
        'https://a.test/': 'https://a.test:444/',
        'https://b.test/': 'https://b.test./',
        'https://c.test/': '//user@c.test.evil.test/',
      }
      const location = next[String(input)]
      return location === undefined ? new Response('') : redirect(302, location)
    }
    const fetch = createFetch(apiKey('k'), { fetch: record })
    for (const host of ['a', 'b', 'c']) await fetch(`https://${host}.test/`)
    expect(seen).toEqual(['Bearer k', null, 'Bearer k', null, 'Bearer k', null])
    const down = createFetch(apiKey('k'), { fetch: async () => redirect(302, 'http://a.test/') })
    expect(String(await failureOf(() => down('https://a.test/')))).toContain('expected https:')
  })

  test('of another origin that refuses the request costs no second token', async () => {
    const { calls, resource } = scene(({ to }, elsewhere) =>
      to === 'resource' ? redirect(302, elsewhere) : new Response('', { status: 401 }),
    )
    const { source, asked } = counting()
    expect((await createFetch(source)(resource)).status).toBe(401)
    expect([calls.length, asked.length]).toEqual([2, 1])
  })

  const methods: [number, string, string, string][] = [
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [302, 'PUT', 'PUT', 'body'],
    [303, 'POST', 'GET', ''],
    [303, 'DELETE', 'GET', ''],
    [303, 'HEAD', 'HEAD', ''],
    [307, 'POST', 'POST', 'body'],
    [308, 'PUT', 'PUT', 'body'],
  ]
  for (const [status, method, next, body] of methods) {
    test(`with ${status} makes ${method} a ${next}`, async () => {
      const { calls, resource } = scene(({ path }) => (path === '/a' ? redirect(status, '/b') : undefined))
      const sent = method === 'HEAD' ? null : 'body'
      await createFetch(apiKey('k'))(`${resource}/a`, { method, body: sent, headers: { 'Content-Type': 'text/csv' } })
      expect([calls[1]?.method, calls[1]?.body]).toEqual([next, body])
      expect(calls[1]?.headers.get('content-type')).toBe(next === method ? 'text/csv' : null)
    })
  }

  test('after a POST is asked for again by itself: the POST is not sent twice', async () => {
    const { calls, resource } = scene((call) => (call.path === '/a' ? redirect(303, '/b') : refuses('token-1')(call)))
    expect((await createFetch(counting().source)(`${resource}/a`, { method: 'POST', body: 'x' })).status).toBe(200)
    expect(calls.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /a', 'GET /b', 'GET /b'])
    expect(tokensOf(calls)).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
  })

  test('that would need a stream again is not followed', async () => {
    const { calls, resource } = scene(() => redirect(307, '/b'))
    const body = new Blob(['once']).stream()
    const send = () => createFetch(apiKey('k'))(resource, { method: 'POST', body, duplex: 'half' } as RequestInit)
    expect(String(await failureOf(send))).toContain('the body is a stream')
    expect(calls.length).toBe(1)
  })

  test('is left to the caller where that was asked for', async () => {
    const { calls, resource } = scene(() => redirect(302, '/b'))
    const fetch = createFetch(apiKey('k'))
    expect((await fetch(resource, { redirect: 'manual' })).status).toBe(302)
    expect((await fetch(new Request(resource, { redirect: 'manual' }))).status).toBe(302)
    await failureOf(() => fetch(resource, { redirect: 'error' }))
    expect(calls.length).toBe(3)
  })

  test('to what is no address, or where it is hidden, or without end, is an error', async () => {
    const fetch = createFetch(apiKey('k'), { fetch: async () => redirect(302, 'https://[') })
    expect(await failureOf(() => fetch('https://a.test'))).toBeInstanceOf(TypeError)
    const opaque = Object.defineProperty(new Response(), 'type', { value: 'opaqueredirect' })
    const browser = createFetch(apiKey('k'), { fetch: async () => opaque })
    expect(String(await failureOf(() => browser('https://a.test')))).toContain('cannot be followed here')
    const { calls, resource } = scene(() => redirect(302, '/a'))
    expect(String(await failureOf(() => createFetch(apiKey('k'))(resource)))).toContain('more than 20 redirects')
    expect(calls.length).toBe(21)
  })
})
