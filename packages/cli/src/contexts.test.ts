// Which server a command speaks to, with whose key, where contexts have names for servers.
import { describe, expect, test } from 'bun:test'
import { findConnection } from './connection.ts'
import { ran, testTerminal, type World } from './testing/test-terminal.ts'

const PATH = '/home/ops/.config/countersign/config.yaml'
const TWO = `current: staging
contexts:
  staging: { server: 'https://staging.example.com', key_file: staging.key }
  production: { server: 'https://auth.example.com', key_file: /keys/production.key }
  open: { server: 'https://open.example.com' }
`
const world = (env: Record<string, string> = {}, files: Record<string, string> = {}): World => ({
  env: { HOME: '/home/ops', ...env },
  files: {
    [PATH]: TWO,
    '/home/ops/.config/countersign/staging.key': 'cs_key_staging\n',
    '/keys/production.key': 'cs_key_production',
    'my.key': 'cs_key_mine',
    './data/admin-key': 'cs_key_admin',
    ...files,
  },
})
const find = (env: Record<string, string> = {}, options = {}) =>
  findConnection(testTerminal(world(env)).terminal, options)

describe('a command speaks', () => {
  const STAGING = 'https://staging.example.com'
  const PRODUCTION = 'https://auth.example.com'
  test.each([
    ['in the current context', {}, {}, STAGING, 'cs_key_staging'],
    ['in the one it names', {}, { context: 'production' }, PRODUCTION, 'cs_key_production'],
    ['in the one of the environment', { COUNTERSIGN_CONTEXT: 'production' }, {}, PRODUCTION, 'cs_key_production'],
    [
      'in the one it names rather than that of the environment',
      { COUNTERSIGN_CONTEXT: 'staging' },
      { context: 'production' },
      PRODUCTION,
      'cs_key_production',
    ],
    [
      'with the key of the one it names, not that of the environment',
      { COUNTERSIGN_KEY: 'cs_key_env' },
      { context: 'production' },
      PRODUCTION,
      'cs_key_production',
    ],
    [
      'with the key of the environment in the one that happens to be current',
      { COUNTERSIGN_KEY: 'cs_key_env' },
      {},
      STAGING,
      'cs_key_env',
    ],
    ['with the key that it names', {}, { context: 'production', keyFile: 'my.key' }, PRODUCTION, 'cs_key_mine'],
    [
      'with no key where the context has none, not that of this machine',
      {},
      { context: 'open' },
      'https://open.example.com',
      undefined,
    ],
    ['to the server that it names, and with no key of a context', {}, { server: PRODUCTION }, PRODUCTION, undefined],
    [
      'to the server of the environment, and with no key of a context',
      { COUNTERSIGN_SERVER: PRODUCTION },
      {},
      PRODUCTION,
      undefined,
    ],
    [
      'to the server of this machine where the environment says where that is',
      { COUNTERSIGN_LISTEN: '127.0.0.1:9000' },
      {},
      'http://127.0.0.1:9000',
      'cs_key_admin',
    ],
  ])('%s', async (_case, env, options, server, key) => {
    expect(await find(env, options)).toMatchObject({ server, key })
  })
})

test.each([
  ['two servers at one command', {}, { context: 'production', server: 'https://x.example' }, 'expected one of them'],
  [
    'two servers in the environment',
    { COUNTERSIGN_CONTEXT: 'production', COUNTERSIGN_SERVER: 'https://x.example' },
    {},
    'expected one of them',
  ],
  ['a name that did not arrive', { COUNTERSIGN_CONTEXT: '' }, {}, 'is set, but empty'],
  ['a name that there is not', {}, { context: 'prod' }, 'There is no context "prod". Known: staging, production, open'],
])('refused is %s', async (_case, env, options, expected) => {
  await expect(find(env, options)).rejects.toThrow(expected)
})

test('a file that others may write to is not believed', async () => {
  const { terminal } = testTerminal({ ...world(), modes: { [PATH]: 0o664 } })
  await expect(findConnection(terminal, {})).rejects.toThrow('chmod 600')
  const readable = testTerminal({ ...world(), modes: { [PATH]: 0o644 } })
  expect((await findConnection(readable.terminal, {})).key).toBe('cs_key_staging')
})

test.each([
  ['[]', 'expected "current" and "contexts"'],
  ['a: [', 'it is not YAML'],
  ['current: x', 'there is no context "x"'],
  ['contexts: { a: { server: ftp://x } }', 'contexts.a.server: expected an http(s) URL'],
  ['contexts: { a: { server: "https://u:SECRET@x" } }', 'without user, query and fragment'],
  ['contexts: { A B: { server: "https://x" } }', 'expected a name'],
  ['contexts: { a: { server: "https://x", key: cs_key_SECRET } }', 'A key stands in a file of its own: key_file'],
  ['contexts: { a: { server: "https://x", key_file: "" } }', 'contexts.a.key_file: expected a path'],
  ['servers: {}', 'unknown field "servers"'],
])('the file %s is refused, with what is wrong', async (text, expected) => {
  const { terminal } = testTerminal(world({}, { [PATH]: text }))
  const error = await findConnection(terminal, {}).catch((failure: Error) => failure)
  expect(String(error)).toContain(expected)
  expect(String(error)).not.toContain('SECRET')
})

test('contexts are added, chosen, listed and removed by commands', async () => {
  const files: Record<string, string> = { 'ops.key': 'cs_key_ops' }
  const here = { env: { HOME: '/home/ops' }, files }
  expect((await ran('context list', here)).err).toContain('No contexts. Add one')
  const first = await ran('context add staging --server https://staging.example.com/ --key-file ops.key', here)
  expect([first.code, first.out, first.err]).toEqual([
    0,
    'Added context staging.\n',
    'It is current: commands go to https://staging.example.com.\n',
  ])
  expect((await ran('context add production --server https://auth.example.com', here)).err).toContain(
    'countersign context use production',
  )
  expect(files[PATH]).not.toContain('cs_key')
  expect((await ran('context use production', here)).out).toBe('Commands go to https://auth.example.com from now on.\n')
  expect((await ran('context list', here)).out).toMatch(
    /staging +https:\/\/staging.example.com +\S+ops.key\n *production \(current\)/,
  )
  expect((await ran('context show', here)).out).toContain('https://auth.example.com')
  expect((await ran('context use nowhere', here)).err).toContain('Known: staging, production')
  await ran('context remove production', here)
  expect((await ran('context show', here)).err).toContain('No context is current')
  await ran('context use staging', here)
  await ran('context unset', here)
  expect((await ran('context list --json', here)).out).toContain('"current": false')
})

test('one is added only with a server, and with a key file that is there', async () => {
  const here = { env: { HOME: '/home/ops' }, files: {} }
  expect(await ran('context add x', here)).toMatchObject({ code: 2, err: expect.stringContaining('Name the server') })
  expect(await ran('context add x --server https://a.example --key-file gone', here)).toMatchObject({ code: 2 })
  expect(await ran('context add X --server https://a.example', here)).toMatchObject({ code: 2 })
  expect(await ran('context add x --server https://a.example', { env: {}, files: {} })).toMatchObject({
    code: 2,
    err: expect.stringContaining('set HOME or XDG_CONFIG_HOME'),
  })
})

test.each(['user:pw@a.example/', 'user@a.example', 'a.example/?x=1', 'a.example/#x'])(
  'one is not added with what no call is made to: https://%s',
  async (rest) => {
    const files = {}
    const done = await ran(`context add x --server https://${rest}`, { env: { HOME: '/home/ops' }, files })
    expect([done.code, done.err, files]).toEqual([2, expect.stringContaining('without user, query and fragment'), {}])
  },
)

test.each([
  ['http://far.example', '--key-file ops.key', true],
  ['http://far.example', '', false],
  ['https://far.example', '--key-file ops.key', false],
  ['http://127.0.0.1:8420', '--key-file ops.key', false],
  ['http://localhost', '--key-file ops.key', false],
  ['http://[::1]:8420', '--key-file ops.key', false],
])('at %s with %p it is said that the key travels in the clear: %p', async (server, key, isSaid) => {
  const here = { env: { HOME: '/home/ops' }, files: { 'ops.key': 'cs_key_ops' } }
  const done = await ran(`context add x --server ${server} ${key}`.trim(), here)
  expect([done.code, done.err.includes('can read the key')]).toEqual([0, isSaid])
})
