// A server that is asked to stop while requests are under way: a real process, and real connections to it.
import { afterEach, expect, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { BOOTSTRAP_KEY, KEK } from '../support/app.ts'
import { MAIN } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const teardown = new Teardown()
afterEach(() => teardown.run())

async function startServer(delaySeconds: number) {
  const port = freePort()
  const directory = await teardown.temporaryDirectory('stopping')
  const child = Bun.spawn([process.execPath, MAIN, 'serve'], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: directory,
      COUNTERSIGN_DATA_DIR: directory,
      COUNTERSIGN_LISTEN: `127.0.0.1:${port}`,
      COUNTERSIGN_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
      COUNTERSIGN_KEK: KEK,
      COUNTERSIGN_STOP_DELAY_SECONDS: String(delaySeconds),
    },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  teardown.add(async () => {
    child.kill('SIGKILL')
    await child.exited
  })
  const url = `http://127.0.0.1:${port}`
  const ask = (path: string, init: RequestInit = {}) => fetch(`${url}${path}`, { keepalive: false, ...init })
  await until('the server to be ready', async () => (await ask('/readyz').catch(() => undefined))?.status === 200)
  return { child, port, ask }
}

/** A connection, and all that came by it so far. */
async function open(port: number): Promise<{ socket: Socket; got: () => string; isClosed: () => boolean }> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  let isClosed = false
  socket.on('data', (part) => {
    text += part.toString()
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    isClosed = true
  })
  teardown.add(async () => void socket.destroy())
  await new Promise((resolve) => socket.once('connect', resolve))
  return { socket, got: () => text, isClosed: () => isClosed }
}

const HEAD = (path: string) => `${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`

test(
  'OPS-30 a server that is asked to stop says so first, answers what comes and what is under way, and ends with 0',
  async () => {
    const { child, port, ask } = await startServer(2)
    const [slow, kept] = [await open(port), await open(port)]
    kept.socket.write(`${HEAD('GET /healthz')}\r\n`)
    await until('a connection to be kept', () => kept.got().includes('"ok"'))
    const body = JSON.stringify({ id: 'made-while-stopping' })
    const headers = `Authorization: Bearer ${BOOTSTRAP_KEY}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
    slow.socket.write(`${HEAD('POST /api/v1/clients')}${headers}\r\n\r\n${body.slice(0, 5)}`)
    // What comes after it is answered after it was begun.
    await ask('/healthz')

    child.kill('SIGTERM')
    child.kill('SIGTERM')
    const refused = await until('it to say that it stops', async () => {
      const answer = await ask('/readyz')
      return answer.status === 503 && answer
    })
    expect(await refused.json()).toMatchObject({ reasons: [{ reason: 'stopping' }] })
    const authorized = { headers: { Authorization: `Bearer ${BOOTSTRAP_KEY}` } }
    const answer = await ask('/api/v1/me', authorized)
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    // Who has kept a connection learns with the next answer that it ends.
    kept.socket.write(`${HEAD('GET /healthz')}\r\n`)
    await until('the kept connection to end', () => kept.isClosed())
    expect(kept.got()).toContain('Connection: close')

    await until('it to take no more', () =>
      ask('/healthz').then(
        () => false,
        () => true,
      ),
    )
    expect([child.exitCode, slow.got()]).toEqual([null, ''])
    slow.socket.write(body.slice(5))
    await until('what was under way to be answered', () => slow.got().includes('made-while-stopping'))
    expect(slow.got()).toStartWith('HTTP/1.1 201')
    expect(await child.exited).toBe(0)
    const log = await new Response(child.stdout).text()
    for (const msg of ['stopping', 'stopped', 'management call']) expect(log).toContain(`"msg":"${msg}"`)
  },
  PATIENCE_MS,
)

test(
  'OPS-30 a second request to stop, once it is no echo of the first, ends it at once',
  async () => {
    const { child, ask } = await startServer(300)
    child.kill('SIGINT')
    await until('it to say that it stops', async () => (await ask('/readyz')).status === 503)
    await until('the second request to be heard', async () => {
      child.kill('SIGTERM')
      return child.exitCode !== null
    })
    expect(child.exitCode).toBe(128 + 15)
  },
  PATIENCE_MS,
)
