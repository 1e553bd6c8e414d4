// What only the bytes of a connection can show, at a server that runs as its users run it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { type RawAnswer, rawRequest } from '../support/raw-http.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { IDENTITY_HEADERS } from './oracle.ts'
import { CLIENTS, PERMISSIONS, RESOURCES } from './vectors/world.ts'

const teardown = new Teardown()
let server: CountersignServer
let key: string
let port: number
beforeAll(async () => {
  server = await startCountersign(await teardown.temporaryDirectory('wire'))
  // Killed: an orderly end waits for the requests that were left half sent here.
  teardown.add(server.kill)
  port = Number(server.address.split(':')[1])
  for (const resource of RESOURCES) await server.make('/resources', resource)
  for (const id of CLIENTS) await server.make('/clients', { id })
  for (const permission of PERMISSIONS) await server.make('/permissions', permission)
  key = String((await server.make('/clients/canister/keys', {})).key)
}, PATIENCE_MS)
afterAll(async () => {
  const log = server.log()
  await teardown.run()
  expect(log).not.toContain(key)
  expect(log).not.toContain(server.bootstrapKey)
}, PATIENCE_MS)

const DESCRIBED = [
  'X-Forwarded-Method: GET',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: webdav.example.com',
  'X-Forwarded-Uri: /',
]
const credential = () => `Authorization: Bearer ${key}`
const get = (lines: readonly string[], first = 'GET /verify/forward HTTP/1.1', host: readonly string[] = ['Host: x']) =>
  rawRequest(port, [first, ...host, ...DESCRIBED, ...lines])
const post = (lines: readonly string[], body: string) =>
  rawRequest(port, ['POST /verify/forward HTTP/1.1', 'Host: x', ...DESCRIBED, ...lines], body)
const CHUNKED = '3\r\nabc\r\n0\r\n\r\n'

const isRefused = (answer: RawAnswer, status: number) => {
  expect(answer.status).toBe(status)
  expect(IDENTITY_HEADERS.filter((name) => answer.headers.has(name))).toEqual([])
  expect(answer.body).not.toMatch(/\bat .+:\d+|\.ts\b|Error/)
}

test('a good key passes by this way of asking', async () => {
  expect((await get([credential()])).status).toBe(200)
})

test('HDR-06 two Authorization lines arrive as two, and are refused', async () => {
  isRefused(await get([credential(), credential()]), 400)
  isRefused(await get([credential(), 'Authorization: Bearer wrong']), 400)
})

test('HDR-04 spaces and tabs around a value are not part of it', async () => {
  expect((await get([`Authorization: \t Bearer ${key} \t`])).status).toBe(200)
})

describe('size', () => {
  // The limit of all headers together is 64 KiB here: a browser's cookies come with every question.
  test('HDR-18 a token of 17 000 or 60 000 bytes is read and refused', async () => {
    for (const length of [17_000, 60_000]) isRefused(await get([`Authorization: Bearer ${'a'.repeat(length)}`]), 401)
  })

  test(
    'HDR-18 more than 64 KiB of headers are refused and the connection is closed, at no lasting cost',
    async () => {
      const residentMiB = () =>
        (Number(readFileSync(`/proc/${server.pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 2 ** 20
      const flood = async () => {
        for (let i = 0; i < 500; i++) isRefused(await get([`Authorization: Bearer ${'a'.repeat(66_000)}`]), 431)
        for (let i = 0; i < 50; i++) isRefused(await get([`Authorization: Bearer ${'a'.repeat(2 ** 20)}`]), 431)
      }
      await flood()
      const before = residentMiB()
      await flood()
      // It read more than 80 MiB.
      expect(residentMiB() - before).toBeLessThan(20)
      expect((await get([`Authorization: Bearer ${'a'.repeat(66_000)}`])).headers.get('connection')).toBe('close')
      expect((await get([credential()])).status).toBe(200)
    },
    PATIENCE_MS,
  )

  test('HDR-19 hundreds of header lines are refused', async () => {
    const lines = (count: number) => Array.from({ length: count }, (_, i) => `X-Header-${i}: 1`)
    expect((await get([credential(), ...lines(90)])).status).toBe(200)
    for (const count of [210, 1500]) isRefused(await get([credential(), ...lines(count)]), 431)
  })

  test('DOS-02 a body past 64 KiB is refused when it is announced, however little of it comes', async () => {
    isRefused(await post([credential(), 'Content-Length: 134217728'], 'a'), 413)
    isRefused(await post([credential(), 'Content-Length: 65537'], ''), 413)
  })

  test('DOS-02 a body that is not announced is not waited for, and changes no answer', async () => {
    const endless = `10000\r\n${'a'.repeat(0x10000)}\r\n`.repeat(4)
    isRefused(await post(['Authorization: Bearer wrong', 'Transfer-Encoding: chunked'], endless), 401)
  })

  test('DOS-02 a body past 64 KiB is refused at the management API, announced or not', async () => {
    const lines = ['POST /api/v1/groups HTTP/1.1', 'Host: x', `Authorization: Bearer ${server.bootstrapKey}`]
    const body = 'a'.repeat(0x20000)
    const announced = [...lines, 'Content-Type: application/json', `Content-Length: ${body.length}`]
    isRefused(await rawRequest(port, announced, body), 413)
    const chunked = [...lines, 'Content-Type: application/json', 'Transfer-Encoding: chunked']
    isRefused(await rawRequest(port, chunked, `20000\r\n${body}\r\n0\r\n\r\n`), 413)
  })
})

describe('form', () => {
  const broken: [what: string, lines: () => string[]][] = [
    ['a NUL behind the key', () => [`${credential()}\0`]],
    ['a NUL before the key', () => [`Authorization: Bearer \0${key}`]],
    ['a bare CR', () => [`${credential()}\rX-Api-Key: x`]],
    ['a bare LF', () => [`Authorization: Bearer wrong\nX-Api-Key: ${key}`]],
    ['a folded line', () => ['Authorization: Bearer', ` ${key}`]],
    ['a folded line behind', () => [credential(), '\tmore']],
    ['a space before the colon', () => [`Authorization : Bearer ${key}`]],
    ['bytes outside ASCII', () => [`${credential()}\xff`]],
  ]
  for (const [what, lines] of broken) {
    test(`HDR-20 ${what} is refused`, async () => isRefused(await get(lines()), 400))
  }

  test('HDR-31 a question without Host, or with two, is refused', async () => {
    for (const version of ['HTTP/1.0', 'HTTP/1.1']) {
      isRefused(await get([credential()], `GET /verify/forward ${version}`, []), 400)
    }
    isRefused(await get([credential(), 'Host: y']), 400)
    isRefused(await get([credential()], 'GET /verify/forward HTTP/1.1', ['Host: x, y']), 400)
  })

  test('HDR-34 what comes in trailers is not read', async () => {
    const trailing = (line: string) => `3\r\nabc\r\n0\r\n${line}\r\n\r\n`
    const lines = ['Transfer-Encoding: chunked', 'Trailer: Authorization, X-Forwarded-Uri']
    isRefused(await post(lines, trailing(credential())), 401)
    isRefused(await post(['Authorization: Bearer wrong', ...lines], trailing(credential())), 401)
    const described = DESCRIBED.filter((line) => !line.startsWith('X-Forwarded-Uri'))
    const first = ['POST /verify/forward HTTP/1.1', 'Host: x', ...described, credential(), ...lines]
    isRefused(await rawRequest(port, first, trailing('X-Forwarded-Uri: /public')), 400)
  })

  const smuggled: [what: string, lines: string[], body: string][] = [
    ['a length beside chunks', ['Transfer-Encoding: chunked', 'Content-Length: 3'], CHUNKED],
    ['two lengths', ['Content-Length: 3', 'Content-Length: 4'], 'abcd'],
    ...['3, 3', '-1', '+3', '0x3', '3a', '9'.repeat(25)].map((length): [string, string[], string] => [
      `the length ${length}`,
      [`Content-Length: ${length}`],
      'abc',
    ]),
    ...['xchunked', 'chunked, identity', 'identity', 'gzip, chunked', 'chunked\x0b'].map(
      (coding): [string, string[], string] => [
        `the coding ${JSON.stringify(coding)}`,
        [`Transfer-Encoding: ${coding}`],
        CHUNKED,
      ],
    ),
    ['two codings', ['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'], CHUNKED],
    ['chunks twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], CHUNKED],
  ]
  for (const [what, lines, body] of smuggled) {
    test(`HDR-35 ${what} is refused`, async () => isRefused(await post([credential(), ...lines], body), 400))
  }

  test('TRACE, which would echo the key, is refused', async () => {
    const answer = await get([credential()], 'TRACE /verify/forward HTTP/1.1')
    isRefused(answer, 405)
    expect(answer.headers.get('allow')).toContain('GET')
  })

  test('FWD-05 a description that comes twice is refused', async () => {
    for (const line of DESCRIBED) isRefused(await get([credential(), line]), 400)
  })

  test('FWD-40 a line end in the host does not begin another header', async () => {
    const described = DESCRIBED.filter((line) => !line.startsWith('X-Forwarded-Host'))
    for (const end of ['\r', '\n', '\r ', '%0d%0a']) {
      const lines = ['GET /verify/forward HTTP/1.1', 'Host: x', ...described, credential()]
      isRefused(await rawRequest(port, [...lines, `X-Forwarded-Host: webdav.example.com${end}X-Evil: 1`]), 400)
    }
  })
})
