import { expect, test } from 'bun:test'
import { findConnection } from './connection.ts'
import { testTerminal } from './testing/test-terminal.ts'

const files = { './data/admin-key': 'cs_key_admin\n', '/var/cs/admin-key': 'cs_key_var', 'my.key': ' cs_key_mine \n' }
const find = (env: Record<string, string>, options = {}) =>
  findConnection(testTerminal({ env, files }).terminal, options)

test.each([
  ['nothing set: the admin key of the first run', {}, {}, 'cs_key_admin', './data/admin-key'],
  ['the data directory is elsewhere', { COUNTERSIGN_DATA_DIR: '/var/cs' }, {}, 'cs_key_var', '/var/cs/admin-key'],
  ['a key in the environment', { COUNTERSIGN_KEY: 'cs_key_env' }, {}, 'cs_key_env', 'COUNTERSIGN_KEY'],
  ['a key file in the environment', { COUNTERSIGN_KEY_FILE: 'my.key' }, {}, 'cs_key_mine', 'my.key'],
  ['a key file as option wins', { COUNTERSIGN_KEY: 'cs_key_env' }, { keyFile: 'my.key' }, 'cs_key_mine', 'my.key'],
])('%s', (_case, env, options, key, keySource) => {
  expect(find(env, options)).toEqual({ server: 'http://127.0.0.1:8420', key, keySource })
})

test('the admin key that lies here is never sent to another machine', () => {
  for (const server of ['https://auth.example.com', 'http://10.0.0.1:8420', 'http://localhost.example:8420']) {
    expect(find({}, { server }).key).toBeUndefined()
  }
  for (const server of ['http://localhost:8420', 'http://[::1]:8420', 'http://127.0.0.2']) {
    expect(find({}, { server }).key).toBe('cs_key_admin')
  }
})

test('without any key the call is made as a stranger', () => {
  expect(findConnection(testTerminal().terminal, {}).key).toBeUndefined()
})

test('a key file that is named has to be there, and to hold one key', () => {
  expect(() => find({}, { keyFile: 'other.key' })).toThrow('--key-file: there is no file other.key')
  const two = testTerminal({ files: { two: 'cs_key_a\ncs_key_b' } }).terminal
  expect(() => findConnection(two, { keyFile: 'two' })).toThrow('expected one key, in one line')
})

test('a server is an http URL', () => {
  expect(() => find({ COUNTERSIGN_SERVER: '127.0.0.1:8420' })).toThrow('expected an http(s) URL')
})
