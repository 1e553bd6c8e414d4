import { type App, composeApp, parseConfig } from '../packages/server/src/index.ts'
import { questionOf, VERIFY_PATH } from './question.ts'
import { inTurn, type Subject } from './subject.ts'

export const PEER = '127.0.0.1'

type Composing = {
  readonly bootstrapKey?: string
  readonly clock?: () => Date
  /** Undefined: the embedded database of the directory. */
  readonly databaseUrl?: string | undefined
}

/** The app as `countersign serve` composes it on this data directory, without listeners. */
export async function composeOn(
  directory: string,
  { bootstrapKey = `bootstrap-${crypto.randomUUID()}`, clock = () => new Date(), databaseUrl }: Composing = {},
): Promise<App> {
  const parsed = parseConfig({
    env: {
      COUNTERSIGN_DATA_DIR: directory,
      COUNTERSIGN_BOOTSTRAP_KEY: bootstrapKey,
      ...(databaseUrl !== undefined && { COUNTERSIGN_DATABASE_URL: databaseUrl }),
    },
    flags: {},
    readFile: (path) => {
      throw new Error(`no file ${path} in a bench`)
    },
  })
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'))
  return composeApp(parsed.config, {
    clock,
    monotonicMs: () => performance.now(),
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    log: { write: () => undefined },
  })
}

/** The question of a proxy, over and over: one request whose credential is exchanged each time. */
export class Asking {
  /** As warm in the CPU's caches as those of a request that was just received. */
  readonly headers: Headers
  /** From the request to the `Response`. */
  readonly answer: () => unknown

  constructor(app: App) {
    const handler = app.publicRoutes.exact[VERIFY_PATH]
    if (handler === undefined) throw new Error(`no route ${VERIFY_PATH}`)
    const request = new Request(`http://${PEER}:8420${VERIFY_PATH}`, { headers: questionOf('') })
    this.headers = request.headers
    this.answer = () => handler(request, PEER)
  }

  /** Runs with each of these credentials in its turn. */
  showing(credentials: readonly string[], run: () => unknown = this.answer): Subject['run'] {
    return inTurn(
      credentials.map((credential) => `Bearer ${credential}`),
      (bearer) => {
        this.headers.set('authorization', bearer)
        return run()
      },
    )
  }

  /** Shows each of them once; throws when one is answered otherwise. */
  async expectStatus(credentials: readonly string[], status: number): Promise<void> {
    const next = this.showing(credentials)
    for (const turn of credentials.keys()) {
      const response = await next(turn)
      if (!(response instanceof Response) || response.status !== status) {
        throw new Error(`expected an answer of ${status}`)
      }
    }
  }
}
