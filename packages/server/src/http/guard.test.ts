// Which peer a handler is told of, and which requests it never sees.
import { expect, spyOn, test } from 'bun:test'
import { type BunServer, guarded, type Handler } from './guard.ts'
import { listen } from './listen.ts'

/** What the runtime says of a connection: its address, or that it has none. */
const runtime = (address: string | undefined) =>
  ({ requestIP: () => (address === undefined ? null : { address, family: 'IPv4', port: 1 }) }) as unknown as BunServer

const seen: (string | null)[] = []
const note: Handler = (_, peer) => {
  seen.push(peer)
  return new Response()
}
const ask = (
  isOnSocket: boolean,
  address: string | undefined,
  headers: Record<string, string> = { Host: 'a.example' },
) => guarded(note, { isOnSocket, idleSeconds: 240 })(new Request('http://a.example/', { headers }), runtime(address))

test('whoever has hung up is not taken for a peer of a unix socket, and whoever is there has an address', async () => {
  seen.length = 0
  expect((await ask(false, undefined)).status).toBe(400)
  expect(seen).toEqual([])
  expect([(await ask(false, '192.0.2.1')).status, (await ask(true, undefined)).status]).toEqual([200, 200])
  expect(seen).toEqual(['192.0.2.1', null])
})

test('a listener on TCP tells handlers of the address of whoever is connected', async () => {
  seen.length = 0
  const routes = { exact: { '/known': note }, fallback: note, forProxies: true }
  const server = await listen({ kind: 'tcp', hostname: '127.0.0.1', port: 0 }, routes)
  const ask = () => Promise.all(['known', 'other'].map((path) => fetch(`http://127.0.0.1:${server.port}/${path}`)))
  await ask()
  expect(seen).toEqual(['127.0.0.1', '127.0.0.1'])
  // As if they had hung up meanwhile.
  const gone = spyOn(server, 'requestIP').mockReturnValue(null)
  expect((await ask()).map(({ status }) => status)).toEqual([400, 400])
  gone.mockRestore()
  await server.stop(true)
  expect(seen).toEqual(['127.0.0.1', '127.0.0.1'])
})

test('whoever sends a body has seconds for it, and its connection as long as any when it was answered', async () => {
  const given: number[] = []
  const server = { ...runtime('192.0.2.1'), timeout: (_: Request, seconds: number) => given.push(seconds) }
  const answer = Promise.withResolvers<Response>()
  const guard = guarded(() => answer.promise, { isOnSocket: false, idleSeconds: 240 })
  const send = (headers: Record<string, string>) =>
    guard(new Request('http://a.example/', { headers: { Host: 'a.example', ...headers } }), server as BunServer)
  const waiting = [send({ 'Content-Length': '9' }), send({ 'Transfer-Encoding': 'chunked' })]
  expect(given).toEqual([10, 10])
  // Nothing is waited for here but the answer.
  waiting.push(send({}), send({ 'Content-Length': '0' }))
  expect(given).toEqual([10, 10])
  answer.resolve(new Response())
  await Promise.all(waiting)
  expect(given).toEqual([10, 10, 240, 240])
})
