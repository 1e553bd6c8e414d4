import { expect, test } from 'bun:test'
import { resolve } from 'node:path'
import * as server from '@countersign/server'
import { findConnection } from './connection.ts'
import { testTerminal } from './testing/test-terminal.ts'

/** Settings as the server reads them, secrets that this user may not read included. */
const SETTINGS =
  'listen: 0.0.0.0:9000\ndata_dir: /var/cs\nkek_file: /root/kek\nproxy_secret_file: /root/secret\npublic_url: https://a.example\n'
const files = {
  './data/admin-key': 'cs_key_admin\n',
  '/var/cs/admin-key': 'cs_key_var',
  'my.key': ' cs_key_mine \n',
  'c.yaml': SETTINGS,
  'bad.yaml': 'listen: x',
}
const find = (env: Record<string, string>, options = {}) =>
  findConnection(testTerminal({ env, files, server }).terminal, options)

test.each([
  ['nothing set: the admin key of the first run', {}, {}, 'cs_key_admin', resolve('data/admin-key')],
  ['the data directory is elsewhere', { COUNTERSIGN_DATA_DIR: '/var/cs' }, {}, 'cs_key_var', '/var/cs/admin-key'],
  ['a key in the environment', { COUNTERSIGN_KEY: 'cs_key_env' }, {}, 'cs_key_env', 'COUNTERSIGN_KEY'],
  ['a key file in the environment', { COUNTERSIGN_KEY_FILE: 'my.key' }, {}, 'cs_key_mine', 'my.key'],
  ['a key file as option wins', { COUNTERSIGN_KEY: 'cs_key_env' }, { keyFile: 'my.key' }, 'cs_key_mine', 'my.key'],
])('%s', async (_case, env, options, key, keySource) => {
  expect(await find(env, options)).toEqual({ server: 'http://127.0.0.1:8420', key, keySource })
})

test('the admin key that lies here is never sent to another machine', async () => {
  for (const server of ['https://auth.example.com', 'http://10.0.0.1:8420', 'http://localhost.example:8420']) {
    expect((await find({}, { server })).key).toBeUndefined()
  }
  for (const server of ['http://localhost:8420', 'http://[::1]:8420', 'http://127.0.0.2']) {
    expect((await find({}, { server })).key).toBe('cs_key_admin')
  }
})

test('a variable that is set but empty makes nobody an administrator', async () => {
  for (const name of ['COUNTERSIGN_KEY', 'COUNTERSIGN_KEY_FILE']) {
    expect(await find({ [name]: '' })).toMatchObject({ key: undefined, keySource: `${name} is set, but empty.` })
  }
  expect((await find({ COUNTERSIGN_KEY: '', COUNTERSIGN_KEY_FILE: 'my.key' })).key).toBe('cs_key_mine')
})

test('without any key the call is made as a stranger', async () => {
  expect((await findConnection(testTerminal().terminal, {})).key).toBeUndefined()
})

test('a key file that is named has to be there, and to hold one key', async () => {
  await expect(find({}, { keyFile: 'other.key' })).rejects.toThrow('--key-file: there is no file other.key')
  const two = testTerminal({ files: { two: 'cs_key_a\ncs_key_b' } }).terminal
  await expect(findConnection(two, { keyFile: 'two' })).rejects.toThrow('expected one key or token, in one line')
})

test('a server is an http URL', async () => {
  await expect(find({ COUNTERSIGN_SERVER: '127.0.0.1:8420' })).rejects.toThrow('expected an http(s) URL')
})

test.each([
  [{ COUNTERSIGN_LISTEN: '127.0.0.1:9' }, 'http://127.0.0.1:9', 'cs_key_admin'],
  [{ COUNTERSIGN_LISTEN: '0.0.0.0:9' }, 'http://127.0.0.1:9', 'cs_key_admin'],
  [{ COUNTERSIGN_LISTEN: '[::]:9' }, 'http://[::1]:9', 'cs_key_admin'],
  [{ COUNTERSIGN_LISTEN: '10.0.0.1:9' }, 'http://10.0.0.1:9', undefined],
  [{ COUNTERSIGN_LISTEN: '127.0.0.1:9', COUNTERSIGN_SERVER: 'http://a.example' }, 'http://a.example', undefined],
  [{ COUNTERSIGN_CONFIG: 'c.yaml' }, 'http://127.0.0.1:9000', 'cs_key_var'],
  [{ COUNTERSIGN_CONFIG: 'c.yaml', COUNTERSIGN_LISTEN: '127.0.0.1:9' }, 'http://127.0.0.1:9', 'cs_key_var'],
  [{ COUNTERSIGN_CONFIG: 'c.yaml', COUNTERSIGN_DATA_DIR: './data' }, 'http://127.0.0.1:9000', 'cs_key_admin'],
])('the settings of the server here say where it is: %j', async (env: Record<string, string>, url, key) => {
  expect(await find(env)).toMatchObject({ server: url, key })
})

test('settings that cannot be read are told, unless server and key are named', async () => {
  await expect(find({ COUNTERSIGN_LISTEN: 'nonsense' })).rejects.toThrow('COUNTERSIGN_LISTEN: expected host:port')
  const bad = { COUNTERSIGN_CONFIG: 'bad.yaml' }
  await expect(find(bad)).rejects.toThrow('The configuration is not acceptable.')
  const named = await find(bad, { server: 'http://127.0.0.1:1', keyFile: 'my.key' })
  expect(named.server).toBe('http://127.0.0.1:1')
})
