import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { missingPrograms } from '../test/support/installed.ts'
import { type Contestant, startBareBun, startCountersign, startNginx } from './contestants.ts'
import { inTemporaryDirectory } from './directory.ts'
import { type Bench, type BenchOptions, type Measurement, measured, type Report, ratioOfRounds } from './measured.ts'
import { questionOf, VERIFY_PATH } from './question.ts'
import { malformedKeys, type Seeded, seed, unknownKeys } from './seed.ts'
import { type Load, type Loaded, prepareLoad, putLoad } from './wrk.ts'

const WRK_CORE = 0
const SERVER_CORE = 1
const DEFAULT_ROUNDS = 5
const DEFAULT_SECONDS = 2
const RESUME_SECONDS = 1
const DEFAULT_KEYS = 1_000_000
/** More than pass in a round, so that none is shown twice within the second for which "unknown" is remembered. */
const UNKNOWN_KEYS = 250_000
const MIN_SERVER_SHARE = 0.9
const OF_TRANSPORT = ['date', 'content-length', 'connection', 'keep-alive']

type Case = {
  readonly name: string
  readonly server: Contestant
  readonly load: Load
  readonly expects: 200 | 401
  readonly rounds: Loaded[]
}

/** The server over HTTP beside an nginx and a bare Bun that answer the same headers without asking anything. */
export const bench: Bench = async (options) => {
  const missing = missingPrograms(['wrk', 'nginx', 'taskset'])
  if (missing !== undefined) throw new Error(missing)
  if (navigator.hardwareConcurrency < 2) throw new Error('wrk and the server need a core each')
  return inTemporaryDirectory((directory) => benchIn(directory, options))
}

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const { say } = options
  const seconds = Math.max(1, Math.round(options.seconds ?? DEFAULT_SECONDS))
  const roundCount = Math.round(options.rounds ?? DEFAULT_ROUNDS)
  const folderOf = (name: string) => {
    const folder = join(directory, name)
    mkdirSync(folder)
    return { directory: folder, core: SERVER_CORE }
  }
  const ofCountersign = folderOf('countersign')
  const startedAt = performance.now()
  const seeded = await seed(ofCountersign.directory, { keys: Math.round(options.keys ?? DEFAULT_KEYS) })
  say(`${seeded.storedKeys} keys stored in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)

  const running: Contestant[] = []
  try {
    const countersign = await startCountersign(ofCountersign)
    running.push(countersign)
    const headers = await checkedAnswer(countersign, seeded)
    const nginx = await startNginx(folderOf('nginx'), headers)
    running.push(nginx)
    const bun = await startBareBun(folderOf('bun'), headers)
    running.push(bun)
    for (const other of [nginx, bun]) await checkSameAnswer(other, seeded, headers)

    const loads = join(directory, 'loads')
    mkdirSync(loads)
    const known = prepareLoad(loads, 'known', seeded.hotKeys)
    const cases: Case[] = [
      { name: 'nginx', server: nginx, load: known, expects: 200, rounds: [] },
      { name: 'bun', server: bun, load: known, expects: 200, rounds: [] },
      { name: 'known key', server: countersign, load: known, expects: 200, rounds: [] },
      {
        name: 'unknown key',
        server: countersign,
        load: prepareLoad(loads, 'unknown', unknownKeys(UNKNOWN_KEYS)),
        expects: 401,
        rounds: [],
      },
      {
        name: 'malformed key',
        server: countersign,
        load: prepareLoad(loads, 'malformed', malformedKeys(1000)),
        expects: 401,
        rounds: [],
      },
    ]
    say(`warming up, then ${roundCount} rounds of ${cases.length} × (${RESUME_SECONDS} + ${seconds}) s`)
    for (const one of cases) await runCase(one, seconds)
    for (const one of cases) one.rounds.length = 0
    for (let round = 0; round < roundCount; round++) {
      // Each round begins with another one, so that nobody always comes first, or always after the same one.
      for (let turn = 0; turn < cases.length; turn++) {
        const one = cases[(round + turn) % cases.length]
        if (one !== undefined) await runCase(one, seconds)
      }
    }
    warnOfLimits(cases, say)
    return reportOf(cases, seeded, { seconds, roundCount })
  } finally {
    await Promise.all(running.map((server) => server.stop()))
  }
}

async function runCase(one: Case, seconds: number): Promise<void> {
  // The others ran meanwhile: caches and idle memory are this one's again only after a while.
  await putLoad(one.load, one.server, { core: WRK_CORE, seconds: RESUME_SECONDS })
  const loaded = await putLoad(one.load, one.server, { core: WRK_CORE, seconds })
  const expected = one.expects === 200 ? 0 : loaded.requests
  // wrk counts what is under way at the end in one of the two numbers alone.
  if (Math.abs(loaded.refused - expected) > 100) {
    throw new Error(`${one.name}: ${loaded.refused} of ${loaded.requests} answers were refusals`)
  }
  one.rounds.push(loaded)
}

/** Sees that answers are what the cases say, and returns the headers of an allowed one. */
async function checkedAnswer(countersign: Contestant, seeded: Seeded): Promise<Record<string, string>> {
  const expectations = [
    ...seeded.hotKeys.slice(0, 20).map((key) => ({ key, status: 200 })),
    ...unknownKeys(20).map((key) => ({ key, status: 401 })),
    ...malformedKeys(20).map((key) => ({ key, status: 401 })),
  ]
  for (const { key, status } of expectations) {
    const answer = await ask(countersign, key)
    const subject = answer.headers.get('remote-user')
    if (answer.status !== status || (status === 200) !== (subject?.startsWith('client:') ?? false)) {
      throw new Error(`expected ${status}, got ${answer.status} for ${subject}: ${await answer.text()}`)
    }
  }
  const allowed = await ask(countersign, seeded.hotKeys[0] ?? '')
  return headersOf(allowed)
}

async function checkSameAnswer(other: Contestant, seeded: Seeded, headers: Record<string, string>): Promise<void> {
  const answer = await ask(other, seeded.hotKeys[0] ?? '')
  const theirs = headersOf(answer)
  const different = Object.keys({ ...headers, ...theirs }).filter((name) => headers[name] !== theirs[name])
  if (answer.status !== 200 || different.length > 0) {
    throw new Error(`an answer of ${answer.status} differs in ${different.join(', ')}`)
  }
}

function ask(server: Contestant, key: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.port}${VERIFY_PATH}`, { headers: questionOf(key) })
}

/** What the server under test chose to say; the rest belongs to HTTP and is each server's own. */
function headersOf(answer: Response): Record<string, string> {
  const ours = [...answer.headers].filter(([name]) => !OF_TRANSPORT.includes(name))
  return Object.fromEntries(ours.filter(([name]) => name !== 'server' && name !== 'content-type'))
}

function warnOfLimits(cases: readonly Case[], say: (text: string) => void): void {
  for (const { name, rounds } of cases) {
    const idle = rounds.filter(({ serverShare }) => serverShare < MIN_SERVER_SHARE)
    if (idle.length === 0) continue
    const least = Math.round(Math.min(...idle.map(({ serverShare }) => serverShare)) * 100)
    say(`${name}: in ${idle.length} rounds the server had or used less than its core (down to ${least} %)`)
  }
}

function reportOf(cases: readonly Case[], seeded: Seeded, run: { seconds: number; roundCount: number }): Report {
  const perSecond = (one: Case) => one.rounds.map(({ requestsPerSecond }) => requestsPerSecond)
  const baselines = cases.slice(0, 2)
  const compared = (one: Case) =>
    baselines.includes(one)
      ? []
      : baselines.map((base) => ({ to: base.name, ratio: ratioOfRounds(perSecond(one), perSecond(base)) }))
  const throughput = cases.map((one) => measured(one.name, 'requests/s', perSecond(one), compared(one)))
  const others = cases.flatMap((one): Measurement[] => [
    measured(
      `${one.name}, server time`,
      'µs/request',
      one.rounds.map(({ serverMicroseconds }) => serverMicroseconds),
    ),
    measured(
      `${one.name}, latency p99`,
      'ms',
      one.rounds.map(({ p99Milliseconds }) => p99Milliseconds),
    ),
  ])
  const known = throughput.find((one) => one.case === 'known key')
  const ratioTo = (name: string) => known?.comparisons.find(({ to }) => to === name)?.ratio ?? 0
  return {
    bench: 'verify',
    setting:
      `${seeded.hotKeys.length} hot keys among ${seeded.storedKeys}; server and wrk pinned to a core each; ` +
      `medians of ${run.roundCount} interleaved rounds of ${run.seconds} s; nginx and bun answer the same headers and ask nothing.`,
    measurements: [...throughput, ...others],
    targets: [
      { says: 'a known key at 0.75 of bare Bun or more', isMet: ratioTo('bun') >= 0.75 },
      { says: 'at 0.5 of nginx or more', isMet: ratioTo('nginx') >= 0.5 },
    ],
  }
}
