import { setImmediate } from 'node:timers/promises'
import { type ApiClient, ApiError, apiClient, type FieldProblem } from '@countersign/admin-api'
import { ConfigurationError } from '../exit.ts'
import type { ServerModule } from '../server-module.ts'
import type { Terminal } from '../terminal.ts'
import { plain } from '../text.ts'
import { carryOut } from './carry-out.ts'
import { type DeclaredFile, parseDeclaredFile, place } from './declared-file.ts'
import { type Judged, judge } from './judge.ts'
import { stepTitle } from './print.ts'

type Declare = NonNullable<Parameters<ServerModule['startServer']>[1]['declare']>
type Log = Parameters<Declare>[1]

/** Nothing listens there: these calls do not leave the process. */
const HOST = 'http://countersign.invalid'

/** How often the file is judged anew because somebody else changed something meanwhile: two servers that start at once. */
const MAX_ATTEMPTS = 20
const SHORTEST_WAIT_MS = 50
const LONGEST_WAIT_MS = 500

/**
 * What a server does with the declared file that it is started with: that of `countersign apply`, without pruning, as the
 * operator of the host. The file is read before anything is opened.
 *
 * @throws ConfigurationError with every problem: here those of the file, later those with what is there.
 */
export function declareAtStart(given: Terminal, path: string): Declare {
  const terminal = readingFilesAlone(given)
  const file = readFile(terminal, path)
  return async (callAsHost, log) => {
    const api = apiClient({
      server: HOST,
      fetch: async (url, init) => {
        // Calls that wait for nothing would keep those of everybody else waiting until the last is done.
        await setImmediate()
        return callAsHost(new Request(url, init))
      },
    })
    const judgeAnew = async () => {
      const judged = await judge(terminal, api, file, { path, prune: false })
      if ('problems' in judged) throw unacceptable(path, judged.problems)
      return judged
    }
    const first = await judgeAnew()
    return (stopped) => bringAbout({ api, log, file, path, judgeAnew, stopped }, first)
  }
}

/** Nobody is there who would end a pipe, and a server that waits for it hears no request to stop. */
function readingFilesAlone(terminal: Terminal): Terminal {
  const readFile = (path: string) => {
    if (terminal.isFile(path)) return terminal.readFile(path)
    throw new Error(`${path} is no file`)
  }
  return { ...terminal, readFile }
}

function readFile(terminal: Terminal, path: string): DeclaredFile {
  let text: string
  try {
    text = terminal.readFile(path)
  } catch {
    throw new ConfigurationError([`COUNTERSIGN_APPLY: the file ${path} cannot be read`])
  }
  const parsed = parseDeclaredFile(text)
  if ('problems' in parsed) throw unacceptable(path, parsed.problems)
  return parsed
}

function unacceptable(path: string, problems: readonly FieldProblem[]): ConfigurationError {
  return new ConfigurationError(problems.map((problem) => `${path}: ${problem.path}: ${problem.message}`))
}

type Deps = {
  readonly api: ApiClient
  readonly log: Log
  readonly file: DeclaredFile
  readonly path: string
  readonly judgeAnew: () => Promise<Judged>
  readonly stopped: AbortSignal
}

async function bringAbout({ api, log, file, path, judgeAnew, stopped }: Deps, first: Judged): Promise<void> {
  const { lineOf } = file
  let done = 0
  let { plan, passwords } = first
  for (let attempt = 1; plan.steps.length > 0; attempt++) {
    try {
      await carryOut(plan.steps, {
        ...{ api, passwords, lineOf, stopped },
        onDone: (step, warnings) => {
          done++
          for (const warning of warnings) log.warn({ file: path, step: stepTitle(step) }, plain(warning))
        },
      })
      break
    } catch (error) {
      if (!isOvertaken(error) || attempt === MAX_ATTEMPTS) throw error
    }
    if (stopped.aborted) break
    await Bun.sleep(SHORTEST_WAIT_MS + Math.random() * (LONGEST_WAIT_MS - SHORTEST_WAIT_MS))
    ;({ plan, passwords } = await judgeAnew())
  }
  if (stopped.aborted) return log.info({ file: path, done }, 'asked to stop before all that is declared was there')
  for (const { way, message } of plan.notes) log.warn({ file: path, at: place(way, lineOf) }, plain(message))
  const undeclared = plan.undeclared.map(stepTitle)
  if (undeclared.length > 0) {
    log.warn({ file: path, undeclared }, 'made by the declared file, and no longer declared: countersign apply --prune')
  }
  log.info({ file: path, done, unchanged: plan.unchanged }, 'what is declared is there')
}

/**
 * Another did it first, or holds the database at the moment: what is left is seen when the file is judged anew, which says
 * so, too, if it can no longer be.
 */
function isOvertaken(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 409 || error.status === 503)
}
