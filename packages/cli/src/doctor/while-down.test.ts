import { afterEach, expect, test } from 'bun:test'
import { createServer, type Server, type Socket } from 'node:net'
import * as server from '@countersign/server'
import { ran } from '../testing/test-terminal.ts'

const sites: Server[] = []
afterEach(() => {
  for (const site of sites.splice(0)) site.close()
})

/** What the doctor says of a site that answers so. `nth`: how many requests came before on other connections. */
async function whileDown(answer: (socket: Socket, nth: number, stop: () => void) => void) {
  let count = 0
  const site = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => answer(socket, count++, () => site.close()))
  })
  sites.push(site)
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  const address = site.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { code, out } = await ran(`doctor --resource http://127.0.0.1:${port} --while-down --json`, { server })
  const findings: { check: string; level: string; says: string }[] = JSON.parse(out).findings
  return { code, findings, levels: new Set(findings.map(({ level }) => level)) }
}
const afterTurns = (count: number, then: () => void): unknown =>
  count === 0 ? then() : setImmediate(() => afterTurns(count - 1, then))
const REFUSED = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'

test('a site that refuses, or closes, lets nothing pass', async () => {
  expect(await whileDown((socket) => socket.end(REFUSED))).toMatchObject({ code: 0, levels: new Set(['ok']) })
  const closing = await whileDown((socket, nth) => (nth === 0 ? socket.end(REFUSED) : socket.end()))
  expect(closing).toMatchObject({ code: 0, levels: new Set(['ok']) })
})

test.each([
  ['and is cut off', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ['and is cut off in its head', 'HTTP/1.1 200 OK\r\nContent-Ty'],
  ['after another status', 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n'],
])('an answer that begins with 200 %s lets a request pass, however its connection ends', async (_, text) => {
  for (const end of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
    const { code, levels, findings } = await whileDown((socket) => {
      // A reset overtakes what was not read yet, and the doctor reads in turns of this loop.
      socket.write(text, () => afterTurns(50, () => end(socket)))
    })
    expect([code, levels]).toEqual([1, new Set(['fault'])])
    expect(findings.map(({ check }) => check)).toContain('down-baseline')
  }
})

test('what could not be tried is not refused, and a site of which nothing could be tried is not approved', async () => {
  const gone = await whileDown((socket, _, stop) => {
    stop()
    socket.end(REFUSED)
  })
  expect(gone).toMatchObject({ code: 1, findings: [{ check: 'baseline', level: 'fault' }] })
  const oneSilent = await whileDown((socket, nth) => nth !== 1 && socket.end(REFUSED))
  expect(oneSilent).toMatchObject({
    code: 0,
    findings: [{ level: 'unchecked', says: expect.stringContaining('tried') }],
  })
}, 30_000)
