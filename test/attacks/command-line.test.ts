// The command line, where it speaks to what is no Countersign, or a hostile one, and where what it says gets nowhere.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type CountersignServer, MAIN, startCountersign } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const teardown = new Teardown()
let server: CountersignServer
let home: string
beforeAll(async () => {
  home = await teardown.temporaryDirectory('home')
  server = await startCountersign(await teardown.temporaryDirectory('data'))
  teardown.add(() => server.stop())
  await server.make('/clients', { id: 'canister' })
}, PATIENCE_MS)
afterAll(() => teardown.run(), PATIENCE_MS)

/** Whatever is still there after so long hangs. */
const countersign = (args: string[], env: Record<string, string> = {}) =>
  run(['timeout', '12', process.execPath, MAIN, ...args], { cwd: ROOT, env: { HOME: home, ...env } })
const shell = (script: string, env: Record<string, string> = {}) =>
  run(['bash', '-c', script.replaceAll('countersign', `${process.execPath} ${MAIN}`)], {
    cwd: home,
    env: { HOME: home, COUNTERSIGN_SERVER: server.url, COUNTERSIGN_KEY: server.bootstrapKey, ...env },
  })

/** Listens at a port of this machine, answers as it is told, and keeps what it was sent. */
async function stranger(answer: (write: (text: string | Uint8Array) => boolean) => void) {
  const received: string[] = []
  const listening = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      received.push(bytes.toString('latin1'))
    })
    socket.once('data', () => answer((text) => !socket.destroyed && socket.write(text)))
  })
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  teardown.add(() => listening.close())
  const address = listening.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}`, port, received }
}
const json = (text: string, status = '200 OK') =>
  `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`

describe('a proxy of the environment', () => {
  test.each([
    [['me'], 0],
    [['health'], 0],
    [['token', '--client', 'canister'], 5],
  ] as const)(
    'is shown nothing of what is for this machine: %p',
    async (args, code) => {
      const proxy = await stranger((write) => write(json('{}')))
      const proxies = Object.fromEntries(['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'].map((name) => [name, proxy.url]))
      const mine = { COUNTERSIGN_SERVER: server.url, COUNTERSIGN_KEY: server.bootstrapKey }
      const done = await countersign([...args], { ...proxies, ...mine, COUNTERSIGN_CLIENT_SECRET: 'cs_secret_x' })
      expect([done.exitCode, proxy.received]).toEqual([code, []])
    },
    PATIENCE_MS,
  )
})

describe('a server that is none', () => {
  test(
    'that never ends is not read to the end',
    async () => {
      const endless = await stranger((write) => {
        write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n')
        const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`
        const more = () => void (write(chunk) !== undefined && setTimeout(more, 1))
        more()
      })
      const done = await countersign(['--server', endless.url, 'client', 'list'], { COUNTERSIGN_KEY: 'x' })
      expect([done.exitCode, done.stderr]).toEqual([1, expect.stringContaining('it is longer than 16 MiB')])
    },
    PATIENCE_MS,
  )

  test.each([[['client', 'list', '--all']], [['credentials', 'list']], [['audit']]])(
    'that goes round in a circle is left: %p',
    async (args) => {
      const circle = await stranger((write) => write(json('{"items":[],"next_cursor":"again"}')))
      const done = await countersign(['--server', circle.url, ...args], { COUNTERSIGN_KEY: 'x' })
      expect([done.exitCode, done.stderr]).toEqual([1, expect.stringContaining('one cursor came twice')])
    },
    PATIENCE_MS,
  )

  test.each([
    ['[]', 1],
    ['null', 1],
    ['{"items":[]}', 1],
    ['{"status":"ok","reasons":5}', 1],
    ['{"status":"ok","reasons":[null]}', 1],
    ['<html>', 1],
    ['{"status":"ready"}', 0],
  ])(
    'is healthy only as a Countersign is: %s',
    async (text, code) => {
      const other = await stranger((write) => write(json(text)))
      const done = await countersign(['health', '--server', other.url])
      expect([done.exitCode, done.stdout]).toEqual([code, code === 0 ? 'ready\n' : ''])
      if (code !== 0) expect(done.stderr).toContain('is no Countersign')
    },
    PATIENCE_MS,
  )

  test(
    'steers no terminal by what it says of its health, and one that is not there is not reached',
    async () => {
      const text = JSON.stringify({
        status: 'not_ready',
        reasons: [{ reason: '\u001b]0;x\u0007', because: '\u001b[2J' }],
      })
      const other = await stranger((write) => write(json(text, '503 Service Unavailable')))
      const done = await countersign(['health', '--server', other.url])
      expect([done.exitCode, done.stdout]).toEqual([1, expect.not.stringContaining('\u001b')])
      expect((await countersign(['health', '--server', `http://127.0.0.1:${freePort()}`])).exitCode).toBe(4)
    },
    PATIENCE_MS,
  )

  test(
    'that never answers does not keep a shell that completes a word',
    async () => {
      const silent = await stranger(() => undefined)
      const env = { COUNTERSIGN_SERVER: silent.url, COUNTERSIGN_KEY: 'x' }
      expect(await countersign(['__complete', '', 'client', 'show'], env)).toEqual({
        exitCode: 0,
        stdout: '',
        stderr: '',
      })
      expect(silent.received).toHaveLength(1)
    },
    PATIENCE_MS,
  )
})

test.each(['SERVER', 'CONTEXT', 'DATA_DIR', 'LISTEN', 'CONFIG'].map((name) => `COUNTERSIGN_${name}`))(
  'an empty %s is a choice that did not arrive: nothing is done at the current context',
  async (variable) => {
    const other = await stranger((write) => write(json('{}')))
    const directory = await teardown.temporaryDirectory('contexts')
    const env = { XDG_CONFIG_HOME: directory, COUNTERSIGN_KEY: 'x' }
    expect(await countersign(['context', 'add', 'prod', '--server', other.url], env)).toMatchObject({ exitCode: 0 })
    const done = await countersign(['me'], { ...env, [variable]: '' })
    expect([done.exitCode, done.stderr]).toEqual([2, expect.stringContaining(`${variable} is set, but empty`)])
    expect(other.received).toEqual([])
  },
  PATIENCE_MS,
)

describe('what is shown once', () => {
  test.each(['> /dev/full', '| true', '>&-', '> /dev/null'])(
    'and gets nowhere is said to be lost: %s',
    async (where) => {
      const done = await shell(`set -o pipefail; countersign key create canister ${where}`)
      expect([done.exitCode, done.stderr]).toEqual([
        1,
        expect.stringMatching(/could not be shown .*Revoke it: .* revoke key_/),
      ])
    },
    PATIENCE_MS,
  )

  test(
    'and nobody can use is said to be lost as well',
    async () => {
      const resource = { name: 'webdav', identifier: 'https://webdav.example.com', scopes: ['files:read'], rules: [] }
      await server.make('/resources', { ...resource, hosts: ['webdav.example.com'] })
      await server.make('/permissions', { client: 'canister', resource: 'webdav', scopes: ['files:read'], roles: [] })
      const { secret } = await server.make('/clients/canister/secrets', {})
      const token = `token --client canister --resource ${resource.identifier}`
      const env = { COUNTERSIGN_CLIENT_SECRET: String(secret) }
      expect(await shell(`countersign ${token} | wc -l`, env)).toMatchObject({ exitCode: 0, stdout: '1\n' })
      for (const [command, what] of [
        [token, 'access token'],
        ['key generate', 'API key'],
      ]) {
        const done = await shell(`set -o pipefail; countersign ${command} | true`, env)
        expect([done.exitCode, done.stderr]).toEqual([1, expect.stringContaining(`The ${what} could not be shown`)])
      }
    },
    PATIENCE_MS,
  )

  test(
    'other words that get nowhere are one line, and no failure where somebody has read enough',
    async () => {
      const full = await shell('countersign client list --json > /dev/full')
      expect([full.exitCode, full.stderr]).toEqual([1, expect.stringMatching(/^countersign: .*ENOSPC\)\.\n$/)])
      expect((await shell('set -o pipefail; countersign client list --json | head -c 1')).exitCode).toBe(0)
      expect((await shell('countersign client list > /dev/null')).exitCode).toBe(0)
    },
    PATIENCE_MS,
  )
})

test(
  'whoever follows into a reader that has seen enough comes to an end with what happens next',
  async () => {
    const make = '(for n in 1 2 3 4; do sleep 1; countersign group create later-$n; done) > /dev/null 2>&1 &'
    const follow = 'timeout 12 countersign audit --follow --json | head -n 1 > /dev/null'
    const done = await shell(`${make} ${follow}; echo "${'$'}{PIPESTATUS[0]}"; wait`)
    expect(done.stdout).toBe('0\n')
  },
  PATIENCE_MS,
)

describe('the doctor', () => {
  const whileDown = (url: string) => countersign(['doctor', '--resource', url, '--while-down'])

  test(
    'approves no site that it did not reach',
    async () => {
      const done = await whileDown(`http://127.0.0.1:${freePort()}/`)
      expect([done.exitCode, done.stdout]).toEqual([1, expect.stringContaining('cannot be reached')])
    },
    PATIENCE_MS,
  )

  test(
    'takes an answer that never ends for what its head says',
    async () => {
      const streaming = await stranger((write) => {
        write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
      })
      const done = await whileDown(`${streaming.url}/`)
      expect([done.exitCode, done.stdout]).toEqual([1, expect.stringContaining('GET of HTTP/1.0 is answered with 200')])
    },
    PATIENCE_MS,
  )
})

describe('a declared file', () => {
  test(
    'that is no file does not keep a server from hearing',
    async () => {
      const fifo = join(home, 'fifo')
      expect((await run(['mkfifo', fifo])).exitCode).toBe(0)
      const declared = join(home, 'declared.yaml')
      writeFileSync(declared, `name: f\nclients: [{ id: c, keys: [{ name: a, secret_file: ${fifo} }] }]\n`)
      for (const file of [fifo, declared, '/dev/zero']) {
        const data = await teardown.temporaryDirectory('fresh')
        const env = { COUNTERSIGN_DATA_DIR: data, COUNTERSIGN_LISTEN: `127.0.0.1:${freePort()}` }
        const done = await countersign(['serve', '--apply', file], env)
        expect([done.exitCode, done.stderr]).toEqual([78, expect.stringContaining('cannot be read')])
      }
    },
    PATIENCE_MS,
  )

  test(
    'names no property of ours for a variable',
    async () => {
      const declared = join(home, 'odd.yaml')
      for (const name of ['toString', '__proto__', 'constructor']) {
        writeFileSync(declared, `name: f\nclients: [{ id: c, keys: [{ name: a, secret_env: ${name} }] }]\n`)
        const done = await server.countersign('apply', '-f', declared)
        expect([done.exitCode, done.stderr]).toEqual([2, expect.stringContaining('the variable is not set')])
      }
    },
    PATIENCE_MS,
  )
})
