import { afterEach, beforeEach, expect, test } from 'bun:test'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { listen } from './listen.ts'

const routes = { exact: {}, fallback: () => new Response('here'), forProxies: true }

let scratch = ''
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'countersign-listen-'))
})
afterEach(() => rmSync(scratch, { recursive: true, force: true }))

const listenOn = (path: string) => listen({ kind: 'unix', path, mode: 0o660 }, routes)
const ask = async (unix: string) => (await fetch('http://countersign/', { unix })).text()

test('a socket stands at its path with its mode, answers there, and is gone when the server stopped', async () => {
  const path = join(scratch, 'internal.sock')
  const server = await listenOn(path)
  expect(lstatSync(path).isSocket()).toBe(true)
  expect((lstatSync(path).mode & 0o777).toString(8)).toBe('660')
  expect(readdirSync(scratch)).toEqual(['internal.sock'])
  expect(await ask(path)).toBe('here')
  await expect(listenOn(path)).rejects.toThrow(`another process listens on ${path}`)
  await server.stop(true)
  await server.stop()
  expect(readdirSync(scratch)).toEqual([])
})

test('a server that stops leaves the socket of its successor', async () => {
  const path = join(scratch, 'internal.sock')
  const first = await listenOn(path)
  rmSync(path)
  const second = await listenOn(path)
  await first.stop(true)
  expect(await ask(path)).toBe('here')
  await second.stop(true)
})

test('a socket left over from a crash is replaced', async () => {
  const path = join(scratch, 'internal.sock')
  const code = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, 'SIGKILL')`
  await Bun.spawn([process.execPath, '-e', code]).exited
  expect(lstatSync(path).isSocket()).toBe(true)
  const server = await listenOn(path)
  expect(await ask(path)).toBe('here')
  await server.stop(true)
})

test('what is no socket is left as it is', async () => {
  const file = join(scratch, 'precious')
  writeFileSync(file, 'data')
  const link = join(scratch, 'link')
  symlinkSync(file, link)
  for (const path of [file, link]) await expect(listenOn(path)).rejects.toThrow(`${path} is there and is no socket`)
  expect(readFileSync(link, 'utf8')).toBe('data')
  expect(readdirSync(scratch).toSorted()).toEqual(['link', 'precious'])
})

// Whoever is on this machine can come to 127.0.0.1 from any of its addresses.
const ofThisMachine = Object.values(networkInterfaces())
  .flatMap((interfaces) => interfaces ?? [])
  .filter(({ family }) => family === 'IPv4')
  .map(({ address }) => address)

test.each(ofThisMachine)('who connects to 127.0.0.1 from %s is told apart', async (from) => {
  const peers: (string | null)[] = []
  const notePeer = (_: Request, peer: string | null) => {
    peers.push(peer)
    return new Response('noted')
  }
  const address = { kind: 'tcp', hostname: '127.0.0.1', port: 0 } as const
  const server = await listen(address, { exact: {}, fallback: notePeer, forProxies: true })
  const socket = connect({ host: '127.0.0.1', port: server.port ?? 0, localAddress: from })
  socket.end('GET / HTTP/1.1\r\nHost: countersign\r\nConnection: close\r\n\r\n')
  await new Promise((resolve) => socket.on('data', resolve))
  socket.destroy()
  await server.stop(true)
  expect(peers).toEqual([from])
})
