import { describe, expect, test } from 'bun:test'
import { Tally } from './counting/tally.ts'
import { fewPerSecond, makeLog } from './logging.ts'

const KEY = `cs_key_${'a'.repeat(49)}`
const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl'
const KNOWN = 'a-proxy-secret-of-the-configuration'
const FOREIGN = 'glpat-0123456789abcdefghij'
const SECRETS = [KEY, JWT, KNOWN, FOREIGN]

function logOf(write: (log: ReturnType<typeof makeLog>) => void): string {
  const lines: string[] = []
  const secrets = { known: [KNOWN], foreignPrefixes: () => ['glpat-'] }
  write(makeLog('debug', { write: (line) => lines.push(line) }, { secrets, requestId: () => 'req_1' }))
  return lines.join('')
}

test('neither a credential of ours nor a JWT is logged, should an error hold one', () => {
  const logged = logOf((log) => log.error({ err: new Error(`cannot store ${KEY} beside ${JWT}`) }, 'failed'))
  expect(logged).toContain('cannot store cs_… beside …')
  for (const part of [KEY, JWT, 'c2lnbmF0dXJl', 'eyJpc3MiOiJ4In0']) expect(logged).not.toContain(part)
})

describe('P8 no secret gets into the log', () => {
  const all = SECRETS.join(' ')
  const headers = { authorization: `Bearer ${KNOWN}`, cookie: 'session=what-nobody-thought-of' }
  class Row {
    readonly digest = 'what-nobody-thought-of'
  }
  const hung = Object.assign(new Error('failed'), { config: { note: 'what-nobody-thought-of' }, request: headers })
  const things: [what: string, thing: unknown][] = [
    ['a text', all],
    ['a list of texts', [all, all]],
    ['an error', new Error(all)],
    ['an error that came from another', new Error('outer', { cause: new Error(all, { cause: new Error(all) }) })],
    ['an error on which somebody hung more', hung],
    ['several errors', new AggregateError([new Error(all)], all)],
    ['headers', new Headers(headers)],
    ['a request', new Request('http://a.example/', { headers })],
    ['a response', new Response(all, { headers })],
    ['a configuration', { bootstrapKey: KNOWN, other: 'what-nobody-thought-of' }],
    ['a row', new Row()],
    ['a map', new Map([['note', 'what-nobody-thought-of']])],
    ['bytes', new TextEncoder().encode(KNOWN)],
    ['an address with a password', `cannot reach postgres://countersign:hunter2-hunter2@db/x`],
    ['a thing that says its own JSON', { toJSON: () => 'what-nobody-thought-of' }],
  ]
  const holdsNone = (logged: string) => {
    for (const secret of [...SECRETS, 'what-nobody-thought-of', 'hunter2', btoa(KNOWN)]) {
      expect([secret, logged.includes(secret)]).toEqual([secret, false])
    }
    expect(
      logged
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).msg),
    ).toEqual(['failed'])
  }

  for (const [what, thing] of things) {
    test(`when ${what} is logged as a field`, () => holdsNone(logOf((log) => log.warn({ thing }, 'failed'))))
    test(`when ${what} is logged as an error`, () => holdsNone(logOf((log) => log.error({ err: thing }, 'failed'))))
    if (typeof thing === 'object' && what !== 'a configuration' && what !== 'a list of texts') {
      test(`when ${what} is logged for its fields`, () => holdsNone(logOf((log) => log.info(thing, 'failed'))))
    }
  }

  test('when it stands in the message', () => {
    const logged = logOf((log) => log.info(`cannot use ${all}`))
    for (const secret of SECRETS) expect(logged).not.toContain(secret)
  })

  for (const name of [
    'bootstrapKey',
    'proxySecret',
    'database_url',
    'password',
    'Authorization',
    'kek',
    'apiKey',
    'token',
  ]) {
    test(`when its field is called ${name}`, () => {
      expect(logOf((log) => log.info({ [name]: 'open-sesame' }, 'failed'))).not.toContain('open-sesame')
    })
  }
})

test('what helps stays: ids, codes, paths, moments, numbers, the cause of an error and where it came from', () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const fields = {
    decision: 'dec_1',
    kid: 'k1',
    path: '/var/lib/x',
    at: new Date(0),
    failures: 3,
    of: ['a', 2],
    not: null,
  }
  const line = JSON.parse(logOf((log) => log.warn({ ...fields, err: new TypeError('no', { cause }) }, 'was not')))
  expect(line).toMatchObject({
    ...fields,
    at: '1970-01-01T00:00:00.000Z',
    level: 'warn',
    msg: 'was not',
    request_id: 'req_1',
  })
  expect(line.err).toMatchObject({ type: 'TypeError', message: 'no', cause: { code: 'ECONNREFUSED' } })
  expect(line.err.stack).toContain('logging.test.ts')
})

test('lines at warn and error are counted, from nothing on', () => {
  const logged = new Tally()
  const log = makeLog('error', { write: () => undefined }, { logged })
  expect([...logged.rows()]).toEqual([
    [['warn'], 0],
    [['error'], 0],
  ])
  log.warn('below the level')
  log.error('above it')
  expect([...logged.rows()]).toContainEqual([['error'], 1])
})

test('so many a second are told, and of the next second as many again', () => {
  let now = new Date(0)
  const told: string[] = []
  const tell = fewPerSecond(
    () => now,
    2,
    (text: string) => told.push(text),
  )
  for (const text of ['a', 'b', 'c']) tell(text)
  now = new Date(1000)
  for (const text of ['d', 'e', 'f']) tell(text)
  expect(told).toEqual(['a', 'b', 'd', 'e'])
})
