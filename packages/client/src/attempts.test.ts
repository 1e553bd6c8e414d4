import { afterEach, describe, expect, test } from 'bun:test'
import { clientSecretPost, privateKeyJwt, TokenRequestError, type TokenSourceOptions, tokenSource } from './index.ts'
import {
  failureOf,
  refusal,
  type Script,
  startAuthorizationServer,
  startClock,
  tokenAnswer,
  unhurried,
} from './testing/authorization-server.ts'
import { parseRetryAfter } from './token-refusal.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

function scene(script: Script, options: Partial<TokenSourceOptions> = {}) {
  const server = startAuthorizationServer(script)
  stops.push(server.stop)
  const clock = startClock()
  const { pauses, random, wait } = unhurried()
  const source = tokenSource({
    issuer: server.issuer,
    clientId: 'canister',
    authentication: clientSecretPost('cs_secret_example'),
    tokenEndpoint: `${server.issuer}/oauth/token`,
    now: clock.now,
    random,
    wait,
    ...options,
  })
  return { server, clock, pauses, source }
}

const until = async (holds: () => boolean) => {
  while (!holds()) await Bun.sleep(1)
}

describe('a request that fails for now', () => {
  for (const status of [429, 500, 502, 503]) {
    test(`with ${status} is sent again, after longer and longer pauses`, async () => {
      const { pauses, source } = scene((_, number) => (number < 3 ? new Response('', { status }) : undefined))
      expect((await source.token()).token).toBe('token-3')
      expect(pauses.map(Math.round)).toEqual([250, 501])
    })
  }

  test('is sent three times, no more', async () => {
    const { server, source } = scene(() => refusal(503, 'temporarily_unavailable'))
    const error = await failureOf(() => source.token())
    expect(error).toMatchObject({ error: 'temporarily_unavailable', status: 503, isTemporary: true })
    expect(server.received.length).toBe(3)
  })

  test('waits as long as the server asks', async () => {
    const { pauses, source } = scene((_, number) =>
      number === 1 ? refusal(429, 'slow_down', { 'Retry-After': '7' }) : undefined,
    )
    await source.token()
    expect(pauses).toEqual([7000])
  })

  test('is told at once when the server asks for more patience, and asked no more until then', async () => {
    const { server, clock, pauses, source } = scene(() => refusal(503, 'x', { 'Retry-After': '60' }))
    expect(await failureOf(() => source.token())).toMatchObject({ status: 503, retryAfterSeconds: 60 })
    clock.advance(20)
    expect(await failureOf(() => source.token())).toMatchObject({ status: 503, retryAfterSeconds: 40 })
    expect([server.received.length, pauses]).toEqual([1, []])
    server.script = () => undefined
    clock.advance(40)
    expect((await source.token()).token).toBe('token-2')
  })

  test('is not put off for longer than five minutes', async () => {
    const { server, clock, source } = scene(() => refusal(503, 'x', { 'Retry-After': '999999' }))
    await failureOf(() => source.token())
    server.script = () => undefined
    clock.advance(300)
    expect((await source.token()).token).toBe('token-2')
  })

  test('for want of a connection is sent again, and told by its code alone', async () => {
    const { server, pauses, source } = scene(() => undefined)
    await server.stop()
    const error = await failureOf(() => source.token())
    expect(error).toMatchObject({ error: 'unreachable', status: undefined, isTemporary: true })
    expect(String(error)).toMatch(/\/oauth\/token did not answer \(ECONNREFUSED\)$/)
    expect(pauses.length).toBe(2)
  })

  test('is signed anew each time, as an assertion works once', async () => {
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
    const { server, source } = scene((_, number) => (number < 3 ? new Response('', { status: 503 }) : undefined), {
      authentication: privateKeyJwt({ key: privateKey, alg: 'ES256' }),
      random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    })
    await source.token()
    expect(new Set(server.received.map(({ body }) => body.get('client_assertion'))).size).toBe(3)
  })
})

describe('a request that fails for good', () => {
  test('is sent once, and tells code, words, status and decision', async () => {
    const { server, source } = scene(() =>
      refusal(401, 'invalid_client', { 'Countersign-Decision': 'dec_01' }, 'Client authentication failed.'),
    )
    const error = await failureOf(() => source.token())
    expect(error).toBeInstanceOf(TokenRequestError)
    expect(error).toMatchObject({
      name: 'TokenRequestError',
      error: 'invalid_client',
      description: 'Client authentication failed.',
      status: 401,
      decisionId: 'dec_01',
      isTemporary: false,
      message: 'No token: invalid_client: Client authentication failed. (status 401, decision dec_01)',
    })
    expect(server.received.length).toBe(1)
  })

  test('is not remembered', async () => {
    const { source } = scene((_, number) => (number === 1 ? refusal(400, 'invalid_scope') : undefined))
    await failureOf(() => source.token())
    expect((await source.token()).token).toBe('token-2')
  })

  const answers: [string, Response | object][] = [
    ['no JSON', new Response('<html>')],
    ['a list', Response.json([])],
    ['more than any answer has', { more: 'x'.repeat(70_000) }],
    ['no token', { access_token: undefined }],
    ['a token that breaks a header', { access_token: 'token\r\nX-Admin: yes' }],
    ['an empty token', { access_token: '' }],
    ['no type', { token_type: undefined }],
    ['another type', { token_type: 'DPoP' }],
    ['no end', { expires_in: undefined }],
    ['an end that is text', { expires_in: '600' }],
    ['an end that is over', { expires_in: 0 }],
    ['an end beyond all dates', { expires_in: 1e300 }],
    ['scopes in a list', { scope: ['a'] }],
  ]
  for (const [name, answer] of answers) {
    test(`is what an answer with ${name} is`, async () => {
      const { server, source } = scene((asked, number) =>
        answer instanceof Response ? answer : tokenAnswer(asked, number, answer),
      )
      expect(await failureOf(() => source.token())).toMatchObject({ error: 'unexpected_answer', status: 200 })
      expect(server.received.length).toBe(1)
    })
  }
})

describe('a call that is given up', () => {
  const hanging: Script = () => new Promise(() => undefined)

  test('ends with the reason of its signal, and leaves the others their request', async () => {
    let answer = (): void => undefined
    const { server, source } = scene(() => new Promise((resolve) => (answer = () => resolve(undefined))))
    const leaving = new AbortController()
    const gone = failureOf(() => source.token({ signal: leaving.signal }))
    const staying = source.token({ signal: new AbortController().signal })
    await until(() => server.received.length === 1)
    leaving.abort('enough')
    expect(await gone).toBe('enough')
    answer()
    expect((await staying).token).toBe('token-1')
  })

  test('ends the request when it was the last that waited, and the next call sends its own', async () => {
    let ended = 0
    const { server, source } = scene(hanging, {
      fetch: (input, init) => {
        init?.signal?.addEventListener('abort', () => ended++)
        return fetch(input, init)
      },
    })
    const leaving = new AbortController()
    const gone = [1, 2].map(() => failureOf(() => source.token({ signal: leaving.signal })))
    await until(() => server.received.length === 1)
    leaving.abort('enough')
    server.script = () => undefined
    const next = source.token()
    expect(await Promise.all(gone)).toEqual(['enough', 'enough'])
    expect((await next).token).toBe('token-2')
    expect(ended).toBe(1)
  })

  test('was never begun with a signal that is aborted already', async () => {
    const { server, source } = scene(() => undefined)
    expect(await failureOf(() => source.token({ signal: AbortSignal.abort('no') }))).toBe('no')
    expect(server.received).toEqual([])
  })

  test('ends after the time that it has in all, even if its secret never comes', async () => {
    const never = () => new Promise<string>(() => undefined)
    for (const authentication of [clientSecretPost('x'), clientSecretPost(never)]) {
      const { source } = scene(hanging, { timeoutSeconds: 0.05, authentication })
      expect(await failureOf(() => source.token())).toMatchObject({
        error: 'unreachable',
        description: 'no answer within 0.05 s',
      })
    }
  })
})

test('Retry-After is a number of seconds or a date, nothing else', () => {
  const now = new Date('2030-01-01T00:00:00Z')
  const rows: [string | null, number | undefined][] = [
    ['0', 0],
    ['120', 120],
    ['Tue, 01 Jan 2030 00:00:30 GMT', 30],
    ['Mon, 31 Dec 2029 00:00:00 GMT', 0],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['2030', 2030],
    ['2030-01-02', undefined],
    ['', undefined],
    [null, undefined],
  ]
  for (const [text, seconds] of rows) expect(parseRetryAfter(text, now)).toBe(seconds)
})
