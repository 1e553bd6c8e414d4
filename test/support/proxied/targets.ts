import { beforeAll, beforeEach, expect, test } from 'bun:test'
import { rawRequest } from '../raw-http.ts'
import type { Key, Stage } from '../stage.ts'
import { bearer } from './identity.ts'

/** Request targets that mean one path to a rule and another to a service. */
const REFUSED = [
  ...['/docs/../open.txt', '/docs/%2e%2e/open.txt', '/docs/.%2E/open.txt', '/docs/./open.txt', '/..', '/%2e%2e/x'],
  ...['/docs\\..\\open.txt', '/docs%5c..%5copen.txt', '/open.txt%00', '/open%0d%0a.txt', '/open%zz.txt', '/open%'],
  ...['/open%ff.txt', '*', 'open.txt', 'http:open.txt'],
]

/** The path that is decided on is the path that the service is asked for. */
export function targetCases(opened: () => Stage): void {
  let stage: Stage
  let key: Key
  beforeAll(async () => {
    stage = opened()
    key = await stage.newKey()
    await fetch(`${stage.url}/open.txt`, { method: 'PUT', headers: bearer(key), body: 'open' })
  })
  beforeEach(() => void stage.recorder.take())

  const ask = (line: string, host = stage.host, more: readonly string[] = []) =>
    rawRequest(stage.port, [
      ...[`${line} HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${key.secret}`],
      ...[...more, 'Connection: close'],
    ])

  for (const target of REFUSED) {
    test(`GET ${target} does not reach the service`, async () => {
      const { status } = await ask(`GET ${target}`)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(status).toBeLessThan(500)
      expect(stage.recorder.take()).toEqual([])
    })
  }

  test('a query is passed on as it is', async () => {
    expect((await ask('GET /open.txt?a=..%2f&b=//x;y')).status).toBe(200)
    expect(stage.recorder.take().map((received) => received.target)).toEqual(['/open.txt?a=..%2f&b=//x;y'])
  })

  test('a target in absolute form is decided on like any other', async () => {
    expect((await ask(`GET http://${stage.host}/open.txt`)).status).toBe(200)
    expect((await ask(`GET http://${stage.host}/docs/../open.txt`)).status).toBeGreaterThanOrEqual(400)
    expect(stage.recorder.take().map((received) => received.target)).toEqual(['/open.txt'])
  })

  test('a target and a Host that disagree never reach the service as a host that was not decided on', async () => {
    await ask('GET http://evil.test/open.txt')
    expect(stage.recorder.take()).toEqual([])
    await ask(`GET http://${stage.host}/open.txt`, 'evil.test')
    await ask(`GET http://${stage.host}/open.txt`, `evil.test:${stage.port}`)
    for (const received of stage.recorder.take()) expect(received.headers.get('host')).toBe(stage.host)
  })

  test('a host that is no resource is refused', async () => {
    await ask('GET /open.txt', 'evil.test')
    await ask('GET /open.txt', `localhost:${stage.port + 1}`)
    expect(stage.recorder.take()).toEqual([])
  })

  for (const line of ['TRACE /open.txt', 'CONNECT /open.txt', 'CONNECT {host}', 'get /open.txt']) {
    test(`${line} does not reach the service`, async () => {
      expect((await ask(line.replace('{host}', stage.host))).status).toBeGreaterThanOrEqual(400)
      expect(stage.recorder.take()).toEqual([])
    })
  }

  test('a refused upload is refused before its body is sent', async () => {
    const upload = (shown: string) =>
      rawRequest(stage.port, [
        ...['PUT /big.bin HTTP/1.1', `Host: ${stage.host}`, `Authorization: Bearer ${shown}`],
        ...['Content-Length: 104857600', 'Expect: 100-continue'],
      ])
    const answer = await upload('wrong')
    expect([answer.status, answer.continued]).toEqual([401, false])
    expect(stage.recorder.take()).toEqual([])
  })
}

/** A WebSocket is decided on once, at its handshake. */
export function webSocketCases(opened: () => Stage): void {
  const handshake = (stage: Stage, secret: string) => [
    ...['GET /socket HTTP/1.1', `Host: ${stage.host}`, `Authorization: Bearer ${secret}`, 'Upgrade: websocket'],
    ...['Connection: keep-alive, Upgrade, Remote-User', 'Sec-WebSocket-Version: 13'],
    ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Remote-User: admin'],
  ]

  test('a WebSocket opens with a key, and the service learns who opened it', async () => {
    const stage = opened()
    const answer = await rawRequest(stage.port, handshake(stage, (await stage.newKey()).secret))
    expect(answer.status).toBe(101)
    const received = stage.recorder.take().at(-1)
    expect(received?.headers.get('remote-user')).toBe('client:canister')
    expect(received?.headers.get('authorization')).toBeNull()
    expect(received?.headers.get('connection')).toMatch(/^upgrade$/i)
  })

  test('no other protocol is smuggled in beside a WebSocket', async () => {
    const stage = opened()
    const lines = handshake(stage, (await stage.newKey()).secret)
    await rawRequest(stage.port, [...lines, 'Upgrade: h2c'])
    await rawRequest(stage.port, [...lines.slice(0, 2), 'Upgrade: h2c', ...lines.slice(2)])
    for (const received of stage.recorder.take()) expect(received.headers.get('upgrade') ?? '').not.toContain('h2c')
  })

  test('a WebSocket does not open without a key', async () => {
    const stage = opened()
    expect((await rawRequest(stage.port, handshake(stage, 'wrong'))).status).toBe(401)
    expect(stage.recorder.take()).toEqual([])
  })
}
