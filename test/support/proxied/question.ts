import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { freePort } from '../loopback.ts'
import type { StartProxy } from '../proxy.ts'
import { rawRequest } from '../raw-http.ts'
import { startRecorder } from '../recorder.ts'
import { Teardown } from '../teardown.ts'

export type Dialect = {
  readonly path: '/verify/forward' | '/verify/nginx'
  /** What Countersign is asked about: method, URL, address of the caller. */
  readonly read: (headers: Headers) => readonly (string | null)[]
  /** The headers that tell it, in lower case. Nothing else of their kind may come. */
  readonly told: readonly string[]
  /** Whether the proxy itself refuses a target in absolute form that names another host than `Host`. */
  readonly refusesTwoHosts?: true
}

const FORGED = [
  ...['X-Forwarded-Method: OPTIONS', 'X-Forwarded-Uri: /public', 'X-Forwarded-Host: evil.test'],
  ...['X-Forwarded-Proto: https', 'X-Forwarded-For: 10.9.9.9', 'X-Real-IP: 10.9.9.9', 'Forwarded: for=10.9.9.9'],
  ...['X-Original-URL: http://evil.test/public', 'X-Original-Method: OPTIONS', 'X_Forwarded_For: 10.9.9.9'],
  ...['Countersign-Proxy-Secret: guess', 'Connection: keep-alive, X-Forwarded-Uri, X-Original-URL, Authorization'],
]

/** What the proxy asks Countersign: about the request as it is, all of it, and nothing that the client made up. */
export function questionCases(startProxy: StartProxy, dialect: Dialect): void {
  const teardown = new Teardown()
  const port = freePort()
  const verify = startRecorder(() => new Response(null, { status: 401 }))
  teardown.add(verify.stop)
  beforeAll(async () => {
    const directory = await teardown.temporaryDirectory('proxy')
    const verifyAddress = `127.0.0.1:${verify.port}`
    const proxy = await startProxy({ port, verifyAddress, upstreamPort: freePort(), directory })
    teardown.add(proxy.stop)
  })
  afterAll(() => teardown.run())
  beforeEach(() => void verify.take())

  const ask = async (line: string, host: string, more: readonly string[] = [], body = '') => {
    await rawRequest(port, [`${line} HTTP/1.1`, `Host: ${host}`, 'Authorization: Bearer key', ...more], body)
    const [question, ...rest] = verify.take()
    if (question === undefined || rest.length > 0) throw new Error('expected one question')
    return question
  }

  const about: [string, string, string][] = [
    ['GET /a/../b%2e?x=//y', `localhost:${port}`, `http://localhost:${port}/a/../b%2e?x=//y`],
    ['PROPFIND //a;b/', `localhost:${port}`, `http://localhost:${port}//a;b/`],
    ['GET /a', 'localhost', 'http://localhost/a'],
    [`GET http://localhost:${port}/a`, `localhost:${port}`, `http://localhost:${port}/a`],
  ]
  for (const [line, host, url] of about) {
    test(`it asks about ${line.replaceAll(String(port), 'PORT')} as it was sent`, async () => {
      const question = await ask(line, host)
      expect(question.target.replace(/\?.*/, '')).toBe(dialect.path)
      expect(dialect.read(question.headers)).toEqual([line.slice(0, line.indexOf(' ')), url, '127.0.0.1'])
    })
  }

  test('a Host beside a target in absolute form does not change which host it asks about', async () => {
    if (dialect.refusesTwoHosts) {
      const answer = await rawRequest(port, ['GET http://localhost/a HTTP/1.1', 'Host: evil.test'])
      expect([answer.status, verify.take()]).toEqual([400, []])
      return
    }
    const { headers } = await ask('GET http://localhost/a', 'evil.test')
    expect(dialect.read(headers)).toEqual(['GET', 'http://localhost/a', '127.0.0.1'])
  })

  test('it passes on the credential and the Destination', async () => {
    const { headers } = await ask('MOVE /a', 'localhost', ['Destination: http://localhost/b', 'X-Api-Key: other'])
    expect(headers.get('authorization')).toBe('Bearer key')
    expect(headers.get('x-api-key')).toBe('other')
    expect(headers.get('destination')).toBe('http://localhost/b')
  })

  test('nothing that the client says about its request reaches Countersign', async () => {
    const { headers } = await ask('GET /a', 'localhost', FORGED)
    expect(dialect.read(headers)).toEqual(['GET', 'http://localhost/a', '127.0.0.1'])
    expect(headers.get('authorization')).toBe('Bearer key')
    const telling = [...headers.keys()].filter((name) =>
      /^(x[-_](forwarded|original|real)|forwarded|countersign)/.test(name),
    )
    expect(telling.sort()).toEqual([...dialect.told].sort())
  })

  test('it sends no body and asks for no other protocol', async () => {
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
    const chunked = ['Transfer-Encoding: chunked', 'Expect: 100-continue']
    for (const question of [
      await ask('GET /socket', 'localhost', [...upgrade, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']),
      await ask('PUT /a', 'localhost', ['Content-Length: 3'], 'abc'),
      await ask('PUT /a', 'localhost', chunked, '3\r\nabc\r\n0\r\n\r\n'),
    ]) {
      expect(question.method).toBe('GET')
      for (const name of ['upgrade', 'content-length', 'transfer-encoding', 'expect']) {
        expect([name, question.headers.get(name)]).toEqual([name, null])
      }
      expect(question.headers.get('connection') ?? 'keep-alive').toBe('keep-alive')
    }
  })
}
