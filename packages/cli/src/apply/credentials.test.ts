// Keys and secrets in a declared file that is applied to a real server: what makes them known, and what never does.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { formatCredential } from '@countersign/resource-server'
import { type RealServer, startRealServer } from '../testing/real-server.ts'

const BEFORE = `
name: platform
resources:
  - name: forge
    identifier: https://forge.example.com
    hosts: [forge.example.com]
    scopes: [repo:read, repo:write]
    rules: [{ path: /**, require: { scopes: [repo:read] } }]
permissions:
  - { client: mirror, resource: forge, scopes: [repo:read] }
`
const make = (kind: 'key' | 'secret') => formatCredential(kind, crypto.getRandomValues(new Uint8Array(32)))
const sha256 = (text: string) => Bun.SHA256.hash(text, 'hex')

let server: RealServer
beforeEach(async () => {
  server = await startRealServer()
})
afterEach(() => server.stop())

type Held = { readonly env?: Record<string, string>; readonly files?: Record<string, string> }
const apply = (entries: string, options = '', { env = {}, files = {} }: Held = {}) =>
  server.run(`apply -f f.yaml ${options}`.trim(), {
    env,
    files: { 'f.yaml': `${BEFORE}clients:\n  - id: mirror\n${entries}`, ...files },
  })
const keys = (...entries: string[]) => `    keys:\n${entries.map((entry) => `      - ${entry}\n`).join('')}`
const kept = async () => JSON.parse((await server.run('credentials list --owner client:mirror --json')).out).items
async function statusOf(key: string): Promise<number> {
  const headers = {
    ...{ authorization: `Bearer ${key}`, 'x-forwarded-host': 'forge.example.com', 'x-forwarded-proto': 'https' },
    ...{ 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/app', 'x-forwarded-for': '192.0.2.7' },
  }
  return (await fetch(`${server.url}/verify/forward`, { headers })).status
}

test('a key is read from a variable, a file, or known by its digest, and works', async () => {
  const [a, b, c] = [make('key'), make('key'), make('key')]
  const file = keys(
    '{ name: one, secret_env: ONE, resources: [forge], scopes: [repo:read], networks: [192.0.2.0/24] }',
    '{ name: two, secret_file: keys/two, expires_at: 2031-01-31T12:00:00.5+01:00 }',
    `{ name: three, sha256: ${sha256(c)}, hint: cs_key_…${c.slice(-4)} }`,
  )
  const held = { env: { ONE: a }, files: { [`${process.cwd()}/keys/two`]: `${b}\r\n` } }
  const { code, out, err } = await apply(file, '', held)
  expect([code, err]).toEqual([0, 'resource forge: no rule asks for the scope repo:write\n'])
  expect(out).toBe(
    [
      ...['+ resource forge', '+ client mirror', '+ permission client mirror at forge: repo:read'],
      ...['+ key one of mirror', '+ key two of mirror', '+ key three of mirror', 'Done: 6 made.\n'],
    ].join('\n'),
  )
  expect(await Promise.all([a, b, c].map(statusOf))).toEqual([200, 200, 200])
  expect(await kept()).toMatchObject([
    {
      name: 'one',
      hint: `cs_key_…${a.slice(-4)}`,
      resources: ['forge'],
      scopes: ['repo:read'],
      managed_by: 'platform',
    },
    { name: 'two', hint: `cs_key_…${b.slice(-4)}`, expires_at: '2031-01-31T11:00:00.000Z', full: true },
    { name: 'three', hint: `cs_key_…${c.slice(-4)}`, state: 'live' },
  ])
  expect((await apply(file, '', held)).out).toBe('Nothing to do; 6 things are as declared.\n')

  const told = [...Object.values(await apply(file, '--json --dry-run', held)), out, err].join()
  const audit = (await server.run('audit --json --limit 100')).out
  for (const secret of [a, b, c]) {
    for (const text of [told, audit]) expect(text).not.toContain(secret.slice(8))
  }
})

test('a secret authenticates its client at the token endpoint', async () => {
  const secret = make('secret')
  const file = '    secrets: [{ name: main, secret_env: SECRET }]\n'
  expect(await apply(file, '', { env: { SECRET: secret } })).toMatchObject({ code: 0 })
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'mirror', client_secret: secret })
  const answer = await fetch(`${server.url}/oauth/token`, { method: 'POST', body })
  expect(answer.status).toBe(200)
})

test('one that is no longer declared works until the file is applied with --prune', async () => {
  const [a, b] = [make('key'), make('key')]
  const entry = (name: string, key: string) => `{ name: ${name}, sha256: ${sha256(key)} }`
  await apply(keys(entry('one', a), entry('two', b)))
  const left = await apply(keys(entry('two', b)))
  expect(left).toMatchObject({ code: 0, out: 'Nothing to do; 4 things are as declared.\n' })
  expect(left.err).toEndWith('no longer declared. --prune deletes:\n  key one of mirror\n')
  expect(await statusOf(a)).toBe(200)
  expect((await apply(keys(entry('two', b)), '--prune')).out).toStartWith('- key one of mirror\nDone: 1 deleted')
  expect([await statusOf(a), await statusOf(b)]).toEqual([401, 200])
  const [one] = await kept()
  expect(one).toMatchObject({ state: 'revoked', revoked_reason: 'no longer declared' })
  expect((await apply(keys(entry('two', b)), '--prune --check')).code).toBe(0)
})

test('what was made by hand is never pruned, and may stand in the file all the same', async () => {
  const a = make('key')
  await apply(keys(`{ name: one, sha256: ${sha256(a)} }`))
  const byHand = (await server.run('key create mirror --name laptop')).out.trim()
  const adopted = keys(`{ name: one, sha256: ${sha256(a)} }`, '{ name: laptop, secret_env: LAPTOP }')
  const world = { env: { LAPTOP: byHand } }
  expect((await apply(adopted, '--check', world)).code).toBe(0)
  expect((await apply(keys(`{ name: one, sha256: ${sha256(a)} }`), '--prune --check')).code).toBe(0)
  expect(await statusOf(byHand)).toBe(200)
})

test('what was revoked or has expired stays so, is told, and stops nothing', async () => {
  const a = make('key')
  const file = keys(`{ name: one, sha256: ${sha256(a)} }`)
  await apply(file)
  const [{ id }] = await kept()
  await server.run(`revoke ${id}`)
  const again = await apply(file)
  expect(again).toMatchObject({
    code: 0,
    err: 'clients[0].keys[0] (line 14): key one of mirror is revoked, and stays so\n',
  })
  expect(await statusOf(a)).toBe(401)
  const old = await apply(keys(`{ name: old, sha256: ${sha256('x')}, expires_at: 2020-01-31T12:00:00Z }`))
  expect(old.code).toBe(0)
  expect(old.err).toContain('clients[0].keys[0] (line 14): key old of mirror has expired, and is not made\n')
})

test.each([
  ['an end', '2031-01-31T12:00:00Z'],
  ['no end', 'null'],
  ['none named', undefined],
])(
  'one with %s that was rotated ends when the overlap is over, is told, and stops nothing',
  async (_, ends) => {
    const a = make('key')
    const file = keys(`{ name: one, sha256: ${sha256(a)}${ends === undefined ? '' : `, expires_at: ${ends}`} }`)
    await apply(file)
    const [{ id }] = await kept()
    const rotate = (overlap: string) => server.run(`key rotate ${id} --overlap ${overlap}`)
    expect((await rotate('1h')).code).toBe(0)
    const again = await apply(file)
    expect(again.code).toBe(0)
    if (ends !== undefined) expect(again.err).toMatch(/\(line 14\): key one of mirror ends 2\S+, earlier than declared/)
    expect(await statusOf(a)).toBe(200)
    expect((await rotate('0s')).code).toBe(0)
    expect(await apply(file)).toMatchObject({ code: 0, err: expect.stringContaining('is expired, and stays so') })
    expect(await statusOf(a)).toBe(401)
  },
  20_000,
)

describe('nothing is changed', () => {
  const held = make('key')
  const secret = make('secret')
  const mistyped = `${held.slice(0, -1)}${held.endsWith('0') ? '1' : '0'}`
  const digest = sha256(held)
  test.each<[string, string[], string]>([
    ['a variable that is not set', ['{ name: a, secret_env: NONE }'], '.secret_env (line 14): the variable is not set'],
    ['a file that is not there', ['{ name: a, secret_file: f }'], '.secret_file (line 14): the file cannot be read'],
    [
      'another kind',
      ['{ name: a, secret_env: SECRET }'],
      '.secret_env (line 14): what it holds is no API key like cs_key_…',
    ],
    [
      'a typing mistake',
      ['{ name: a, secret_env: MISTYPED }'],
      'countersign key generate makes one. It looks mistyped',
    ],
    ['no source', ['{ name: a }'], ' (line 14): expected one of secret_file, secret_env and sha256'],
    [
      'two sources',
      [`{ name: a, secret_env: HELD, sha256: ${digest} }`],
      'expected one of secret_file, secret_env and sha256',
    ],
    ['a hint of its own', ['{ name: a, secret_env: HELD, hint: cs_key_…abcd }'], 'expected only beside sha256'],
    [
      'the same again',
      ['{ name: a, secret_env: HELD }', `{ name: b, sha256: ${digest} }`],
      'has the same secret as clients[0].keys[0]',
    ],
    [
      'the same name',
      ['{ name: a, secret_env: HELD }', `{ name: a, sha256: ${sha256('x')} }`],
      'has the same name as clients[0].keys[0]',
    ],
    ['a resource that is nowhere', ['{ name: a, secret_env: HELD, resources: [web] }'], 'there is no resource web'],
    [
      'a scope that is none',
      ['{ name: a, secret_env: HELD, resources: [forge], scopes: [a:b] }'],
      'is no scope of forge',
    ],
    ['a network that is none', ['{ name: a, secret_env: HELD, networks: [10.0.0.1/8] }'], 'keys[0].networks[0]'],
    ['the secret itself', [`{ name: a, secret: ${held} }`], 'secret'],
  ])('by a file with %s', async (_, entries, said) => {
    const { code, out, err } = await apply(keys(...entries), '', {
      env: { SECRET: secret, HELD: held, MISTYPED: mistyped },
    })
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(said)
    for (const text of [held, secret, mistyped]) expect(err).not.toContain(text.slice(12))
    expect((await server.run('client list --json')).out).not.toContain('mirror')
  })

  test.each<[string, (digest: string) => string, string]>([
    [
      'other scopes',
      (digest) => keys(`{ name: a, sha256: ${digest}, resources: [forge], scopes: [repo:write] }`),
      'is known already with other scopes',
    ],
    [
      'another end',
      (digest) =>
        keys(
          `{ name: a, sha256: ${digest}, resources: [forge], scopes: [repo:read], expires_at: 2031-01-31T12:00:00Z }`,
        ),
      'is known already with other expires_at',
    ],
    [
      'another kind',
      (digest) => `    secrets: [{ name: a, sha256: ${digest} }]\n`,
      'is a key of client mirror already',
    ],
    [
      'another owner',
      (digest) => `${keys()}  - id: other\n${keys(`{ name: a, sha256: ${digest} }`)}`.replace('    keys:\n  -', '  -'),
      'is a key of client mirror already',
    ],
  ])('by a file that gives what is known %s', async (_, entries, said) => {
    const a = make('key')
    await apply(keys(`{ name: a, sha256: ${sha256(a)}, resources: [forge], scopes: [repo:read] }`))
    const { code, err } = await apply(entries(sha256(a)))
    expect(code).toBe(2)
    expect(err).toContain(said)
    expect(await statusOf(a)).toBe(200)
  })
})

test.each([
  ['key', 'cs_key_'],
  ['secret', 'cs_secret_'],
])('%s generate makes one, and says how it is declared', async (kind, prefix) => {
  const { code, out, err } = await server.run(`${kind} generate`)
  expect([code, out]).toEqual([0, expect.stringMatching(new RegExp(`^${prefix}[0-9A-Za-z]{49}\n$`))])
  const [, entry = ''] = err.match(/^ {2}- (\{.*\})$/m) ?? []
  expect(entry).toContain(sha256(out.trim()))
  expect((await apply(`    ${kind}s: [${entry.replace('<name>', 'a')}]\n`)).code).toBe(0)
  const [made] = await kept()
  expect(made).toMatchObject({ kind, hint: `${prefix}…${out.trim().slice(-4)}` })
  expect(JSON.parse((await server.run(`${kind} generate --json`)).out)[kind]).toStartWith(prefix)
})
