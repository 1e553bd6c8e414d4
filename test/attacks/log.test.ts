// What strangers can write into the log, and which names of theirs it takes.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { BOOTSTRAP_KEY, basicOf, PUBLIC_URL } from '../support/app.ts'
import { Stage } from './stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open({ COUNTERSIGN_LOG_LEVEL: 'debug' })
})
afterEach(() => stage.close())

const lines = () => stage.test.logLines.map((line) => JSON.parse(line) as Record<string, unknown>)
const call = (
  headers: Record<string, string>,
  peer: string | null = '127.0.0.1',
  path = '/api/v1/me',
  method = 'GET',
) =>
  stage.test.app.publicRoutes.fallback(
    new Request(`${PUBLIC_URL}${path}`, { method, headers: { Authorization: `Bearer ${BOOTSTRAP_KEY}`, ...headers } }),
    peer,
  )

const HOSTILE: [what: string, text: string][] = [
  ['a second line', 'a\r\n{"level":"info","msg":"forged"}'],
  ['colours of a terminal', 'a\u001b[2J\u001b[31m'],
  ['C1 controls', 'a\u009b2Jb\u0085c'],
  ['text that is turned around', 'a\u202etxt.exe\u2066'],
  ['JSON', '","level":"error","msg":"forged","x":"'],
  ['a separator of lines', 'a\u2028b\u2029c'],
]

describe('DOS-10 what is written into a request stays one line of JSON', () => {
  for (const [what, text] of HOSTILE) {
    test(`${what}, wherever it stands`, async () => {
      const percent = encodeURIComponent(text)
      const kid = Buffer.from(JSON.stringify({ alg: 'ES256', kid: text, typ: 'JWT' })).toString('base64url')
      const claims = Buffer.from(JSON.stringify({ iss: text, sub: text })).toString('base64url')
      await stage.test.ask({
        uri: `/${percent}?${percent}`,
        headers: { Authorization: `Bearer ${kid}.${claims}.c2ln` },
      })
      await stage.test.ask({ host: 'other.example.com', from: '192.0.2.9', peer: '192.0.2.66' })
      // What no header line can hold never gets this far.
      const asHeader = text.replace(/[^\x20-\x7e\x80-\xff]/g, '')
      await stage.test.ask({ uri: `/${asHeader}`, host: asHeader, headers: { 'User-Agent': asHeader } })
      await call({ 'X-Request-Id': asHeader, 'User-Agent': asHeader })
      await stage.test.oauth('/oauth/token', { grant_type: text, client_id: text }, { headers: basicOf(text, text) })
      await stage.test.oauth('/oauth/introspect', { token: text })
      stage.test.app.log.warn({ kid: text, because: text, of: [text], err: new Error(text) }, text)

      expect(lines().length).toBeGreaterThan(5)
      for (const line of stage.test.logLines) {
        expect(line.endsWith('\n') && !line.slice(0, -1).includes('\n')).toBe(true)
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]|[\u202a-\u202e\u2066-\u2069]/u)
      }
      for (const line of lines()) expect([line.msg, line.x]).not.toContain('forged')
    })
  }

  test('a long text is cut short', () => {
    stage.test.app.log.warn({ because: 'x'.repeat(1_000_000) }, 'long')
    expect(stage.test.logLines.at(-1)?.length).toBeLessThan(10_000)
  })
})

describe('the name of a request', () => {
  const nameOf = async (headers: Record<string, string>, peer?: string | null) =>
    (await call(headers, peer)).headers.get('x-request-id') ?? ''

  test('is that of the proxy, in the answer and in the lines about it', async () => {
    stage.test.logLines.length = 0
    const answer = await call({ 'X-Request-Id': '8f1c-2.a_B' }, '127.0.0.1', '/api/v1/nowhere', 'DELETE')
    expect(answer.headers.get('x-request-id')).toBe('8f1c-2.a_B')
    expect(await nameOf({ 'X-Request-Id': 'by-socket' }, null)).toBe('by-socket')
    expect(lines().find(({ msg }) => msg === 'verification')).toMatchObject({ request_id: '8f1c-2.a_B' })
  })

  test('is one of ours when it comes from elsewhere, or is no word of at most 64 characters', async () => {
    const names = [
      await nameOf({}),
      await nameOf({ 'X-Request-Id': 'stranger' }, '192.0.2.7'),
      await nameOf({ 'X-Request-Id': 'two words' }),
      await nameOf({ 'X-Request-Id': 'a,b' }),
      await nameOf({ 'X-Request-Id': 'x'.repeat(65) }),
      await nameOf({ 'X-Request-Id': '' }),
    ]
    for (const name of names) expect(name).toMatch(/^req_[0-9A-Z]{26}-\d+$/)
    expect(new Set(names).size).toBe(names.length)
  })

  test('of two at once is not mixed up', async () => {
    const ids = Array.from({ length: 20 }, (_, at) => `call-${at}`)
    stage.test.logLines.length = 0
    await Promise.all(
      ids.map((id) =>
        call({ 'X-Request-Id': id, 'Content-Type': 'application/json' }, '127.0.0.1', '/api/v1/clients', 'POST'),
      ),
    )
    const told = lines().filter(({ msg }) => msg === 'management call')
    expect(told.map(({ request_id }) => request_id).sort()).toEqual([...ids].sort())
  })

  test('stands at OAuth endpoints too', async () => {
    const answer = await stage.test.oauth('/oauth/token', {}, { headers: { 'X-Request-Id': 'from-caddy' } })
    expect(answer.headers.get('x-request-id')).toBe('from-caddy')
    const told = lines().find(({ msg }) => msg === 'an OAuth request was refused')
    const decision = answer.headers.get('countersign-decision')
    expect(told).toMatchObject({ level: 'info', request_id: 'from-caddy', path: '/oauth/token', decision })
  })
})

test('a change is told with who made it, and a read only to whoever debugs', async () => {
  stage.test.logLines.length = 0
  await stage.make('/groups', { name: 'told' })
  await stage.call('GET', '/groups')
  const told = lines().filter(({ msg }) => msg === 'management call')
  expect(told).toMatchObject([
    { level: 'info', method: 'POST', route: '/api/v1/groups', status: 201, by: 'client:bootstrap' },
    { level: 'debug', method: 'GET', route: '/api/v1/groups', status: 200 },
  ])
  stage.oracle.holdsNoSecret(stage.test.logLines.join(''), 'the log')
})
