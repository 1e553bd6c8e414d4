import { expect, test } from 'bun:test'
import * as real from '@countersign/server'
import type { ServerModule } from '../server-module.ts'
import { ran } from '../testing/test-terminal.ts'

/** A server package that does nothing but remember. */
function fakeServer(problems: string[] = []) {
  const calls: unknown[] = []
  const server: ServerModule = {
    ...real,
    OPTIONS: [
      { name: 'data_dir', type: 'path', default: './data', doc: 'Where data is kept.', example: '/x' },
      { name: 'bootstrap_key', type: 'secret', default: undefined, doc: 'A key.', example: 'x' },
    ],
    parseConfig: ({ flags, env }) =>
      problems.length > 0 ? { problems } : { config: { flags, env, dataDir: flags.data_dir ?? './data' } as never },
    variableOf: (option) => `COUNTERSIGN_${option.name.toUpperCase()}`,
    startServer: async (config, io) => {
      calls.push(['start', config, io.stdoutIsTerminal])
      io.say('The admin key, shown this once')
      return { url: 'http://127.0.0.1:8420', stop: async () => void calls.push('stop') }
    },
    migrateDatabase: async () => ({ applied: ['0001-first'] }),
    makeAdminKey: async () => ({ id: 'key_01J', key: 'cs_key_NEW' }),
    examineHost: async () => [],
  }
  return { calls, server }
}

test('serve hands flags and environment on, and stops when asked to', async () => {
  const { calls, server } = fakeServer()
  const env = { COUNTERSIGN_LISTEN: '127.0.0.1:9' }
  const { code, out } = await ran('serve --data-dir /tmp/x --config c.yaml', { server, env })
  expect({ code, out }).toEqual({ code: 0, out: 'The admin key, shown this once\n' })
  expect(calls).toEqual([
    ['start', { flags: { config: 'c.yaml', data_dir: '/tmp/x' }, env, dataDir: '/tmp/x' }, false],
    'stop',
  ])
})

test('on a terminal serve says how to stop it, and when it has', async () => {
  const { server } = fakeServer()
  const { err } = await ran('serve', { server, width: 80 })
  expect(err).toBe('Countersign listens at http://127.0.0.1:8420. Stop it with Ctrl+C.\nStopped.\n')
})

test('every problem of the configuration is told, and nothing is started', async () => {
  const { calls, server } = fakeServer(['listen: expected host:port', 'public_url: expected a URL'])
  const { code, err } = await ran('serve', { server })
  expect(code).toBe(78)
  expect(err).toBe(
    'countersign: The configuration is not acceptable.\n  listen: expected host:port\n  public_url: expected a URL\n',
  )
  expect(calls).toEqual([])
})

test('a secret is no option of the command line', async () => {
  const { server } = fakeServer()
  expect((await ran('serve --bootstrap-key x', { server })).code).toBe(2)
  const { out } = await ran('serve --help', { server })
  expect(out).toContain('--data-dir <path>')
  expect(out).toContain('COUNTERSIGN_BOOTSTRAP_KEY or COUNTERSIGN_BOOTSTRAP_KEY_FILE')
  expect(out).toContain('Examples:')
})

test('migrate says what it applied', async () => {
  const { server } = fakeServer()
  expect((await ran('migrate', { server })).out).toBe('applied 0001-first\n')
  expect(JSON.parse((await ran('migrate --json', { server })).out)).toEqual({ applied: ['0001-first'] })
})

test('admin-key prints the key alone', async () => {
  const { server } = fakeServer()
  const { out, err } = await ran('admin-key', { server, files: { 'data/countersign.db': '' } })
  expect(out).toBe('cs_key_NEW\n')
  expect(err).toContain('export COUNTERSIGN_KEY=<the key>')
  expect(err).toContain('countersign revoke <id>')
  expect(err).not.toContain('cs_key_NEW')
})

test('admin-key says that it enabled its client again', async () => {
  const { server } = fakeServer()
  const makeAdminKey = async () => ({ id: 'key_01J', key: 'cs_key_NEW', enabled: 'countersign-admin' })
  const files = { 'data/countersign.db': '' }
  const { err } = await ran('admin-key', { server: { ...server, makeAdminKey }, files })
  expect(err).toContain('Its client countersign-admin was disabled, and is enabled again.')
})

test('admin-key makes no new database', async () => {
  const { server } = fakeServer()
  const { code, out, err } = await ran('admin-key --data-dir /var/nothing', { server })
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain(
    'There is no Countersign data in /var/nothing. Name it: --data-dir <path>, or COUNTERSIGN_DATABASE_URL',
  )
})

test('the help of admin-key shows what matters to it, and every option is taken still', async () => {
  const { out } = await ran('admin-key --help', { server: real })
  expect(out).toContain('--data-dir <path>')
  expect(out).toContain('--config <path>')
  expect(out).toContain('COUNTERSIGN_KEK')
  expect(out).not.toContain('--listen')
  expect(out).not.toContain('COUNTERSIGN_BOOTSTRAP_KEY')
  const { err } = await ran('admin-key --listen 127.0.0.1:1 --data-dir /var/nothing', { server: real })
  expect(err).toContain('There is no Countersign data in /var/nothing.')
})

test('an address that is taken says so', async () => {
  const { server } = fakeServer()
  const startServer = async () => {
    throw Object.assign(new Error('Failed to start server. Is port 8420 in use?'), { code: 'EADDRINUSE' })
  }
  const { code, err } = await ran('serve', { server: { ...server, startServer } })
  expect(code).toBe(1)
  expect(err).toContain('Another process listens there.')
})
