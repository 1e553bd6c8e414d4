import { join } from 'node:path'
import { databaseOf } from '../../packages/server/src/store/testing/engines.ts'
import { ROOT } from './guide.ts'
import { freePort } from './loopback.ts'
import { type Finished, type Program, run, startProgram } from './program.ts'

/** The command line, as it is run from a checkout. */
export const MAIN = join(ROOT, 'packages/cli/src/main.ts')
const API = '/api/v1'

type Answer = { readonly status: number; readonly body: unknown }

/** A Countersign that runs as its users run it: its own process, its own data directory, its own database. */
export type CountersignServer = Program & {
  /** `host:port`, as a proxy's configuration wants it. */
  readonly address: string
  readonly url: string
  readonly bootstrapKey: string
  /** Calls the management API as `bootstrap`. */
  call(method: string, path: string, body?: unknown): Promise<Answer>
  /** Makes a noun. Anything but 201 is an error that shows the answer. */
  make(path: string, body: unknown): Promise<Record<string, unknown>>
  /** Runs the command line against this server, as `bootstrap`. */
  countersign(...args: string[]): Promise<Finished>
}

export async function startCountersign(
  dataDirectory: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<CountersignServer> {
  const address = environment.COUNTERSIGN_LISTEN ?? `127.0.0.1:${freePort()}`
  const url = `http://${address}`
  const bootstrapKey = environment.COUNTERSIGN_BOOTSTRAP_KEY ?? `bootstrap-${crypto.randomUUID()}`
  const { databaseUrl } = await databaseOf(dataDirectory)
  const program = await startProgram({
    name: 'countersign serve',
    command: [process.execPath, MAIN, 'serve'],
    cwd: ROOT,
    env: {
      HOME: dataDirectory,
      COUNTERSIGN_DATA_DIR: dataDirectory,
      COUNTERSIGN_LISTEN: address,
      COUNTERSIGN_PUBLIC_URL: url,
      COUNTERSIGN_BOOTSTRAP_KEY: bootstrapKey,
      ...(databaseUrl !== undefined && { COUNTERSIGN_DATABASE_URL: databaseUrl }),
      ...environment,
    },
    ready: () => isHealthy(url),
  })

  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const answer = await fetch(`${url}${API}${path}`, {
      method,
      headers: { authorization: `Bearer ${bootstrapKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  const make = async (path: string, body: unknown) => {
    const answer = await call('POST', path, body)
    if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as Record<string, unknown>
  }
  const countersign = (...args: string[]) =>
    run([process.execPath, MAIN, ...args], {
      cwd: ROOT,
      env: { HOME: dataDirectory, COUNTERSIGN_SERVER: url, COUNTERSIGN_KEY: bootstrapKey },
    })
  return { ...program, address, url, bootstrapKey, call, make, countersign }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`)).status === 200
  } catch {
    return false
  }
}
