// A real server, in this process, with a data directory of its own.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig, startServer } from '@countersign/server'
import { type Ran, ran, type World } from './test-terminal.ts'

export type RealServer = {
  readonly url: string
  /** Of an administrator. */
  readonly key: string
  /** Runs a command as an administrator, or with the credential that the world names. */
  run(line: string, world?: World): Promise<Ran>
  stop(): Promise<void>
}

export async function startRealServer(settings: Record<string, string> = {}): Promise<RealServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'countersign-cli-'))
  const key = `bootstrap-${crypto.randomUUID()}`
  const parsed = parseConfig({
    env: {
      COUNTERSIGN_LISTEN: `127.0.0.1:${await freePort()}`,
      COUNTERSIGN_DATA_DIR: dataDir,
      COUNTERSIGN_BOOTSTRAP_KEY: key,
      COUNTERSIGN_LOG_LEVEL: 'error',
      ...settings,
    },
    flags: {},
    readFile: (path) => readFileSync(path, 'utf8'),
  })
  if (!('config' in parsed)) throw new Error(parsed.problems.join('\n'))
  const running = await startServer(parsed.config, { stdoutIsTerminal: false, say: () => {} })
  return {
    url: running.url,
    key,
    run: (line, world = {}) =>
      ran(line, {
        ...world,
        now: new Date(),
        env: { COUNTERSIGN_SERVER: running.url, COUNTERSIGN_KEY: key, ...world.env },
      }),
    stop: async () => {
      await running.stop()
      rmSync(dataDir, { recursive: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })
}
