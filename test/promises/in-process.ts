// The real app behind its real listener, on a data directory of its own, with a monotonic clock that the test moves.
import { Database } from 'bun:sqlite'
import { cp, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { type App, composeApp, parseConfig } from '@countersign/server'
import { listen } from '../../packages/server/src/http/listen.ts'
import { basicOf } from '../support/app.ts'
import type { Teardown } from '../support/teardown.ts'
import { Connection } from './connection.ts'

export const BOOTSTRAP_KEY = 'bootstrap-key-of-the-promises-0123456789abcdef'
export const HOST = 'webdav.example.com'

export type InProcess = {
  readonly app: App
  readonly dataDir: string
  readonly address: string
  readonly connection: Connection
  readonly logLines: string[]
  /** Moves the clock by which leases are judged. */
  advance(ms: number): void
  /** The database from outside, as an operator with sqlite3 has it. */
  tamper(sql: string, ...values: (string | number | null)[]): void
  close(): Promise<void>
}

export async function startInProcess(dataDir: string): Promise<InProcess> {
  const env = {
    COUNTERSIGN_DATA_DIR: dataDir,
    COUNTERSIGN_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
    COUNTERSIGN_LOG_LEVEL: 'debug',
  }
  const readFile = (path: string) => {
    throw new Error(`no file ${path} is read here`)
  }
  const parsed = parseConfig({ env, flags: {}, readFile })
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'))
  const logLines: string[] = []
  let aheadMs = 0
  const app = await composeApp(parsed.config, {
    clock: () => new Date(),
    monotonicMs: () => performance.now() + aheadMs,
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    log: { write: (line) => void logLines.push(line) },
  })
  const server = await listen({ kind: 'tcp', hostname: '127.0.0.1', port: 0 }, app.publicRoutes)
  const address = `127.0.0.1:${server.port}`
  const connection = await Connection.open(address)
  return {
    app,
    dataDir,
    address,
    connection,
    logLines,
    advance(ms) {
      aheadMs += ms
    },
    tamper: (sql, ...values) => tamper(dataDir, sql, ...values),
    async close() {
      connection.close()
      await server.stop(true)
      await app.close()
    },
  }
}

/** Writes into the database behind the server's back, with no constraint in the way. */
export function tamper(dataDir: string, sql: string, ...values: (string | number | null)[]): void {
  const file = new Database(join(dataDir, 'countersign.db'))
  file.run('pragma busy_timeout = 2000')
  file.run('pragma foreign_keys = OFF')
  file.run(sql, values)
  file.close()
}

export type Furnished = {
  readonly dataDir: string
  readonly key: string
  readonly id: string
  readonly spareKey: string
  /** Access tokens of its secret, in both forms. */
  readonly jwt: string
  readonly opaqueToken: string
}

/**
 * A data directory with a resource, a client in a group that may read there, two keys of it and two access
 * tokens, each narrowed in every way that there is. It is copied for each use.
 */
export async function furnish(teardown: Teardown): Promise<() => Promise<Furnished>> {
  const scratch = await teardown.temporaryDirectory('furnished')
  const original = join(scratch, 'original')
  const server = await startInProcess(original)
  const make = async (path: string, body: unknown) => {
    const answer = await server.connection.call(BOOTSTRAP_KEY, 'POST', path, body)
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as { id: string; key: string; secret: string }
  }
  await make('/resources', {
    name: 'webdav',
    identifier: `https://${HOST}`,
    hosts: [HOST],
    scopes: ['files:read'],
    rules: [
      { path: '/public/**', require: { public: true, networks: ['192.0.2.0/24'] } },
      { path: '/**', require: { scopes: ['files:read'], networks: ['192.0.2.0/24'], project: 'any' } },
    ],
  })
  await make('/groups', { name: 'media' })
  await make('/clients', { id: 'canister', name: 'Canister', groups: ['media'], networks: ['192.0.2.0/24'] })
  await make('/permissions', { group: 'media', resource: 'webdav', scopes: ['files:read'], projects: ['a'] })
  const narrow = { resources: ['webdav'], scopes: ['files:read'], projects: ['a'], networks: ['192.0.2.0/24'] }
  const { id, key } = await make('/clients/canister/keys', narrow)
  const spare = await make('/clients/canister/keys', narrow)
  const { secret } = await make('/clients/canister/secrets', narrow)
  const token = async (format: 'jwt' | 'opaque') => {
    const access_token = { format, ttl_seconds: 86_400 }
    await server.connection.call(BOOTSTRAP_KEY, 'PATCH', '/resources/webdav', { access_token })
    const headers = {
      ...basicOf('canister', secret),
      'Content-Type': 'application/x-www-form-urlencoded',
      'X-Forwarded-For': '192.0.2.1',
    }
    const answer = await server.connection.request('POST', '/oauth/token', headers, 'grant_type=client_credentials')
    if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.body}`)
    return (JSON.parse(answer.body) as { access_token: string }).access_token
  }
  const [jwt, opaqueToken] = [await token('jwt'), await token('opaque')]
  await server.close()
  return async () => {
    const dataDir = await mkdtemp(join(scratch, 'copy-'))
    await cp(original, dataDir, { recursive: true })
    return { dataDir, id, key, spareKey: spare.key, jwt, opaqueToken }
  }
}
