// The process itself, as npm and a terminal treat it: Ctrl+C comes twice.

import { expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

test.each([[['SIGINT', 'SIGINT', 'SIGINT']], [['SIGINT', 'SIGTERM', 'SIGINT']]] as const)(
  'serve stops cleanly on %p',
  async ([first, ...more]) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'countersign-signals-'))
    const port = await freePort()
    const child = Bun.spawn([process.execPath, join(import.meta.dir, 'main.ts'), 'serve'], {
      env: { PATH: process.env.PATH, COUNTERSIGN_LISTEN: `127.0.0.1:${port}`, COUNTERSIGN_DATA_DIR: dataDir },
      stdout: 'pipe',
      stderr: 'inherit',
    })
    try {
      await until(async () => (await opened(port)) !== undefined)
      await until(async () => existsSync(join(dataDir, 'admin-key')))

      // A request that is half sent keeps the stop from being done before the further signals come.
      const socket = await opened(port)
      socket?.write('POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{')
      await Bun.sleep(0)
      child.kill(first)
      await until(async () => (await opened(port)) === undefined)
      for (const signal of more) child.kill(signal)
      socket?.destroy()

      expect(await child.exited).toBe(0)
      expect(child.signalCode).toBeNull()
      expect(readdirSync(dataDir).filter((name) => /-(wal|shm)$/.test(name))).toEqual([])
    } finally {
      child.kill('SIGKILL')
      rmSync(dataDir, { recursive: true })
    }
  },
  30_000,
)

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })
}

/** A connection, or undefined when nothing listens there. */
function opened(port: number) {
  return new Promise<ReturnType<typeof connect> | undefined>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', () => resolve(undefined))
  })
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const giveUp = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > giveUp) throw new Error('it never came about')
    await Bun.sleep(5)
  }
}
