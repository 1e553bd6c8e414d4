import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../test/support/program.ts'
import { questionOf, VERIFY_PATH } from './question.ts'

/** Every request of a load, made before the load begins. */
export type Load = { readonly script: string }

/** One run of wrk against one server. */
export type Loaded = {
  readonly requestsPerSecond: number
  /** What the server's process spent on one request, user and system, all its threads. */
  readonly serverMicroseconds: number
  /** How much of one core the server was given and used, 0 to 1. Below 0.9 something else was the limit. */
  readonly serverShare: number
  readonly p50Milliseconds: number
  readonly p99Milliseconds: number
  readonly refused: number
  readonly requests: number
}

const CONNECTIONS = 64
const PLACEHOLDER = 'KEY'
/** USER_HZ: the unit of /proc/<pid>/stat on every Linux that there is. */
const TICKS_PER_SECOND = 100

/** A load that shows these credentials one after another; each connection rests `restMs` on average after an answer. */
export function prepareLoad(directory: string, name: string, keys: readonly string[], restMs = 0): Load {
  const keysFile = join(directory, `${name}.keys`)
  const script = join(directory, `${name}.lua`)
  writeFileSync(keysFile, keys.join('\n'))
  const lines = Object.entries(questionOf(PLACEHOLDER)).map(([header, value]) => `${header}: ${value}\r\n`)
  const [head = '', tail = ''] = `GET ${VERIFY_PATH} HTTP/1.1\r\n${lines.join('')}\r\n`.split(PLACEHOLDER)
  writeFileSync(
    script,
    `local requests, count, at = {}, 0, 0
function init()
  local head, tail = ${JSON.stringify(head)}, ${JSON.stringify(tail)}
  for key in io.lines(${JSON.stringify(keysFile)}) do
    count = count + 1
    requests[count] = head .. key .. tail
  end
end
function request()
  at = at % count + 1
  return requests[at]
end
${restMs === 0 ? '' : `function delay() return math.random(0, ${2 * restMs}) end`}
function done(summary, latency)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  print(string.format('measured %d %d %d %d %d %d', summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status, broken))
end
`,
  )
  return { script }
}

export type LoadOptions = {
  readonly core: number
  readonly seconds: number
  readonly connections?: number
  /** Lets another load on the same core, which is measured, go first: else it would wait for this one and not for the server. */
  readonly isAside?: boolean
}

/** Puts the load on the server for `seconds`, from `core`. Throws when connections broke: that would be no measurement. */
export async function putLoad(
  load: Load,
  server: { readonly port: number; readonly pid: number },
  { core, seconds, connections = CONNECTIONS, isAside = false }: LoadOptions,
): Promise<Loaded> {
  const url = `http://127.0.0.1:${server.port}`
  const limits = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s']
  const before = cpuSeconds(server.pid)
  const aside = isAside ? ['nice', '-n', '19'] : []
  const command = [...aside, 'taskset', '-c', String(core), 'wrk', ...limits, '-s', load.script, url]
  const { exitCode, stdout, stderr } = await run(command)
  const spent = cpuSeconds(server.pid) - before
  const numbers = /^measured (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout)?.slice(1).map(Number)
  if (exitCode !== 0 || numbers === undefined) throw new Error(`wrk ended with ${exitCode}:\n${stdout}${stderr}`)
  const [requests = 0, microseconds = 0, p50 = 0, p99 = 0, refused = 0, broken = 0] = numbers
  if (broken > 0) throw new Error(`${broken} of ${requests} requests broke:\n${stdout}`)
  return {
    requestsPerSecond: requests / (microseconds / 1e6),
    serverMicroseconds: (spent / requests) * 1e6,
    serverShare: spent / (microseconds / 1e6),
    p50Milliseconds: p50 / 1000,
    p99Milliseconds: p99 / 1000,
    refused,
    requests,
  }
}

/** User and system time of a process and all its threads. @see proc(5) */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
