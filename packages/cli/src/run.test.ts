// How a command ends: its status, and what it says when it fails.

import { expect, test } from 'bun:test'
import { resolve } from 'node:path'
import { client, key, ok, page, permission, playApi, refused } from './testing/play-api.ts'
import { ran } from './testing/test-terminal.ts'

const api = playApi()
api.answer('GET /clients', ok(page()))
api.answer('GET /clients?limit=1', ok({ items: [client], next_cursor: 'abc' }))
api.answer('GET /clients?cursor=abc', ok(page(client)))
api.answer(
  'GET /permissions?limit=1&cursor=abc&resource=webdav',
  ok({ items: [{ ...permission, client: 'canister' }], next_cursor: 'def' }),
)
api.answer('GET /clients/canister/keys', ok({ items: [key], next_cursor: 'def' }))
api.answer('GET /groups/taken', refused('name_taken', 409))
api.answer('GET /groups/refused', refused('permission_missing', 403, 'dec_01J'))
api.answer('GET /groups/escalates', refused('would_escalate', 403, 'dec_01J'))
api.answer('GET /groups/unknown', refused('credential_unknown', 401))
api.answer('GET /groups/cannot-tell', { status: 503, body: '<html>' })
api.answer('GET /groups/other', { status: 404, body: 'page not found' })

test.each([
  ['client list', 0],
  ['group show taken', 1],
  ['group show cannot-tell', 1],
  ['group show other', 1],
  ['group show', 2],
  ['group show a --colour', 2],
  ['nonsense', 2],
  ['revoke', 2],
  ['revoke key_01J --client canister', 2],
  ['why', 2],
  ['permission create --resource webdav', 2],
  ['resource create webdav', 2],
  ['client list --limit 201', 2],
  ['key rotate key_01J --overlap 90', 2],
  ['group show missing', 3],
  ['group show refused', 5],
  ['group show unknown', 5],
  ['--help', 0],
  ['help client', 0],
  ['client create --help', 0],
])('%s ends with %d', async (line, code) => {
  expect((await api.run(line)).code).toBe(code)
})

test.each([
  ['pat creat', 'countersign pat create'],
  ['permision list', 'countersign permission'],
  ['help usr', 'countersign user'],
  ['pat revoke pat_01J', 'countersign revoke <token-id>'],
  ['tokens', 'countersign pat'],
  ['tokn', 'countersign token'],
  ['secret creat', 'countersign secret create'],
  ['secret delete secret_01J', 'countersign secret revoke <secret-id>'],
  ['keys create canister', 'countersign key create <client>'],
  ['client token canister', 'countersign token --client <id>'],
])('%s: did you mean %s', async (line, meant) => {
  const { code, err } = await api.run(line)
  expect(code).toBe(2)
  expect(err).toContain(`\nDid you mean: ${meant}\n(add --help`)
})

test('no guess is made where nothing is near', async () => {
  expect((await api.run('nonsense')).err).toBe(
    "error: unknown command 'nonsense'\n(add --help to see how it is used)\n",
  )
})

test('a server that cannot be reached ends with 4, and says where and what to do', async () => {
  const { code, err } = await ran('client list', { env: { COUNTERSIGN_SERVER: 'http://127.0.0.1:1' } })
  expect(code).toBe(4)
  expect(err).toContain('Cannot reach http://127.0.0.1:1/api/v1/clients')
  expect(err).toContain('countersign serve')
})

test('a refusal says how to find out why', async () => {
  const { err } = await api.run('group show escalates')
  expect(err).toBe('countersign: It is would_escalate. (403 would_escalate)\n  Why: countersign why dec_01J\n')
})

test('a key that may not ask why is told which one may', async () => {
  const { err } = await api.run('group show refused')
  expect(err).not.toContain('countersign why')
  expect(err).toContain('The key came from COUNTERSIGN_KEY.\n  Use an admin key: --key-file')
})

test('without a key it is said where one was looked for, and what to do when all are lost', async () => {
  const env = { COUNTERSIGN_SERVER: api.url }
  const { err } = await ran('group show unknown', { env: { ...env, COUNTERSIGN_DATA_DIR: '/var/cs' } })
  expect(err).toContain('No key was given.')
  expect(err).toContain('there is no file /var/cs/admin-key.')
  expect(err).toContain('countersign admin-key')
  expect((await ran('group show unknown', { env })).err).toContain(resolve('data/admin-key'))
})

test('a key that is not believed is named by where it came from', async () => {
  const files = { 'my.key': 'cs_key_secret' }
  const { err } = await api.run('group show unknown --key-file my.key', { files })
  expect(err).toContain('The key came from my.key.')
  expect(err).not.toContain('cs_key_secret')
})

test('an empty list says what to do next, and stdout stays empty', async () => {
  const { out, err } = await api.run('client list')
  expect(out).toBe('')
  expect(err).toBe('No clients yet. Make one: countersign client create <id>\n')
  expect(JSON.parse((await api.run('client list --json')).out)).toEqual(page())
})

test('a list that goes on says how', async () => {
  const { err } = await api.run('client list --limit 1')
  expect(err).toBe('More: countersign client list --cursor abc\n')
  expect((await api.run('client list --cursor abc')).out).toContain('canister')
  const filtered = await api.run('permission list --resource webdav --cursor abc --limit 1')
  expect(filtered.err).toBe('More: countersign permission list --resource webdav --cursor def\n')
  expect((await api.run('key list canister')).err).toBe('More: countersign key list canister --cursor def\n')
})

test('a credential where its id belongs is stopped before it is sent anywhere, and not repeated', async () => {
  for (const line of [
    'revoke cs_key_SECRET',
    'key rotate cs_key_SECRET',
    'explain GET http://a/ --credential-id cs_key_SECRET',
  ]) {
    const { code, err } = await api.run(line)
    expect(code).toBe(2)
    expect(err).toContain('not the credential itself')
    expect(err).not.toContain('SECRET')
    expect(api.sent).toEqual([])
  }
})

test('options of the whole program stand before or after the command', async () => {
  const before = await ran(`--server ${api.url} --json client list`)
  const after = await ran(`client list --json --server ${api.url}`)
  expect(before).toEqual(after)
  expect(before.code).toBe(0)
})
