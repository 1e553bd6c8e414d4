// Connections that are held and say next to nothing, and protocols that are not spoken here. The database has no part in it.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chosenEngine, SQLITE } from '../../packages/server/src/store/testing/engines.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { rawRequest } from '../support/raw-http.ts'
import { SLOW, SlowSockets } from '../support/slow-sockets.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const SOCKETS = 210
const CLOSED_MS = 15_000

let server: CountersignServer
let port = 0
let directory = ''
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-slow-'))
  server = await startCountersign(directory)
  port = Number(server.address.split(':')[1])
}, PATIENCE_MS)
afterAll(async () => {
  await server.stop()
  rmSync(directory, { recursive: true })
})

const me = () => fetch(`${server.url}/api/v1/me`, { headers: { Authorization: `Bearer ${server.bootstrapKey}` } })

if (chosenEngine() === SQLITE) {
  test(
    'DOS-01 whoever drips headers or a body, or sends nothing, is closed within seconds; others are served meanwhile',
    async () => {
      const slow = new SlowSockets(port, SLOW, false)
      await slow.open(SOCKETS)
      expect((await me()).status).toBe(200)
      expect(slow.openCount).toBe(SOCKETS)
      const beganMs = performance.now()
      await until('all slow connections to be closed', () => slow.openCount === 0, 2 * CLOSED_MS)
      // Of a busy machine's patience, not of the server's.
      expect(performance.now() - beganMs).toBeLessThan(2 * CLOSED_MS)
      slow.close()
      expect((await me()).status).toBe(200)
    },
    PATIENCE_MS,
  )
}

test('DOS-13 HTTP/2 is not spoken: neither by its preface, nor by an upgrade', async () => {
  const answer = await rawRequest(port, ['PRI * HTTP/2.0', '', 'SM', '']).catch(() => undefined)
  expect([400, 505, undefined]).toContain(answer?.status)
  const upgrade = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
  const upgraded = await rawRequest(port, ['GET /healthz HTTP/1.1', 'Host: x', ...upgrade])
  expect(upgraded.status).toBe(200)
  expect(upgraded.headers.get('upgrade')).toBeNull()
  expect((await me()).status).toBe(200)
})
