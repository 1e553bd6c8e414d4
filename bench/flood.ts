import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { strangersKey } from '../test/support/forging.ts'
import { missingPrograms } from '../test/support/installed.ts'
import { type Contestant, startCountersign } from './contestants.ts'
import { inTemporaryDirectory } from './directory.ts'
import { databaseFor } from './engine.ts'
import { type Flooded, type Flooder, startFlooder } from './flooder.ts'
import { goodLoad, type Window, waitedIdle, waitedIn, windowOf } from './good-requests.ts'
import { composeOn } from './in-process.ts'
import { makerAt } from './making.ts'
import { type Bench, type BenchOptions, type Measurement, measured, type Report } from './measured.ts'
import { questionOf, VERIFY_PATH } from './question.ts'
import { type Records, recordsIn } from './records.ts'
import { Resident } from './resident.ts'
import { HOST, type Seeded, seed } from './seed.ts'
import type { Load } from './wrk.ts'

const SERVER_CORE = 1
const DEFAULT_TOKENS = 200_000
const DEFAULT_KEYS = 1_000_000
const USERS = 1000
const COLD_TOKENS = 20_000
/** More than wait and are under way at once in one look-up after another: 8 and 256. */
const FLOODING_CONNECTIONS = 400
const FLOODED_WINDOWS = 4
const COLD_EVERY_MS = 50
const MAX_MEBIBYTES = 512
const HONEST_REFUSALS = [401, 403, 503]
const ISSUER = { name: 'corp', issuer: 'https://idp.example.com' }

type Run = {
  readonly idle: Window[]
  readonly flooded: Window[]
  /** Good tokens that were shown for the first time meanwhile, by status. */
  readonly cold: Map<number, number>
  readonly coldMilliseconds: number[]
  readonly floodedSeconds: number
  readonly last: Flooded
}

/** A server that is flooded with tokens that nobody issued, and how long good requests wait meanwhile. */
export const bench: Bench = async (options) => {
  const missing = missingPrograms(['wrk', 'taskset', 'nice'])
  if (missing !== undefined) throw new Error(missing)
  if (navigator.hardwareConcurrency < 2) throw new Error('wrk and the server need a core each')
  return inTemporaryDirectory((directory) => benchIn(directory, options))
}

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const tokens = Math.round(options.tokens ?? DEFAULT_TOKENS)
  const data = join(directory, 'countersign')
  const loads = join(directory, 'loads')
  for (const folder of [data, loads]) mkdirSync(folder)
  const { databaseUrl, remove } = await databaseFor(options)
  const keys = databaseUrl === undefined ? Math.round(options.keys ?? DEFAULT_KEYS) : 1000
  const seeded = await seed(data, { keys, users: USERS, coldTokens: COLD_TOKENS }, databaseUrl)
  const kid = await addIssuer(data, databaseUrl)
  options.say(`${seeded.storedKeys} keys stored; ${tokens} bad tokens follow`)
  const env = databaseUrl === undefined ? {} : { COUNTERSIGN_DATABASE_URL: databaseUrl }
  const server = await startCountersign({ directory: data, core: SERVER_CORE }, env)
  const resident = new Resident(server.pid)
  try {
    const guessed = {
      issuer: await issuerOf(server),
      trusted: { issuer: ISSUER.issuer, kid, audience: `https://${HOST}` },
    }
    const flooder = await startFlooder({ port: server.port, tokens, connections: FLOODING_CONNECTIONS, guessed })
    try {
      const good = goodLoad(loads, seeded.hotKeys)
      const run = await floodWhileAsking({ server, flooder, good, seeded, tokens }, options.say)
      const mebibytes = resident.end()
      return reportOf(run, { seeded, tokens, mebibytes, records: await recordsIn(data, databaseUrl), databaseUrl })
    } finally {
      flooder.stop()
    }
  } finally {
    resident.end()
    await server.stop()
    await remove()
  }
}

type Setting = {
  readonly server: Contestant
  readonly flooder: Flooder
  readonly good: Load
  readonly seeded: Seeded
  readonly tokens: number
}

/** Pauses the flood again and again for a window without it: what else happens on the machine disturbs both alike. */
async function floodWhileAsking(setting: Setting, say: BenchOptions['say']): Promise<Run> {
  const { server, flooder, good, seeded, tokens } = setting
  const idle: Window[] = []
  const flooded: Window[] = []
  const cold = new Map<number, number>()
  const coldMilliseconds: number[] = []
  const unseen = seeded.coldTokens.values()
  let floodedMs = 0
  let last: Flooded = { sent: 0, answers: {} }
  await windowOf(good, server)
  while (last.sent < tokens) {
    idle.push(await windowOf(good, server))
    flooder.go()
    const beganMs = performance.now()
    const stopShowing = showEach(server, unseen, COLD_EVERY_MS, (status, milliseconds) => {
      cold.set(status, (cold.get(status) ?? 0) + 1)
      coldMilliseconds.push(milliseconds)
    })
    for (let window = 0; window < FLOODED_WINDOWS; window++) {
      const before = (await flooder.ask()).sent
      const measuredNow = await windowOf(good, server)
      last = await flooder.ask()
      // One in which the flood ended would be half an idle one.
      if (last.sent < tokens && last.sent > before) flooded.push(measuredNow)
    }
    await stopShowing()
    last = await flooder.pause()
    floodedMs += performance.now() - beganMs
    say(`${last.sent} of ${tokens} bad tokens`)
  }
  const wrong = Object.keys(last.answers).filter((status) => !HONEST_REFUSALS.includes(Number(status)))
  if (wrong.length > 0) throw new Error(`bad tokens were answered ${JSON.stringify(last.answers)}`)
  const wrongCold = [...cold.keys()].filter((status) => status !== 200 && status !== 503)
  if (wrongCold.length > 0) throw new Error(`good tokens were answered ${wrongCold}`)
  return { idle, flooded, cold, coldMilliseconds, floodedSeconds: floodedMs / 1000, last }
}

/** Shows the next token every so often, whatever became of the one before. */
function showEach(
  server: Contestant,
  tokens: Iterator<string>,
  everyMs: number,
  note: (status: number, milliseconds: number) => void,
): () => Promise<void> {
  const underWay = new Set<Promise<void>>()
  const show = async (token: string) => {
    const beganMs = performance.now()
    const answer = await fetch(`http://127.0.0.1:${server.port}${VERIFY_PATH}`, { headers: questionOf(token) })
    await answer.arrayBuffer()
    note(answer.status, performance.now() - beganMs)
  }
  const timer = setInterval(() => {
    const { value } = tokens.next()
    if (value === undefined) return
    const showing = show(value).finally(() => underWay.delete(showing))
    underWay.add(showing)
  }, everyMs)
  return async () => {
    clearInterval(timer)
    await Promise.all(underWay)
  }
}

/** An issuer whose keys are pinned: what names one of them costs the check of a signature. */
async function addIssuer(data: string, databaseUrl: string | undefined): Promise<string> {
  const bootstrapKey = `bootstrap-${crypto.randomUUID()}`
  const app = await composeOn(data, { bootstrapKey, databaseUrl })
  const { jwk } = strangersKey()
  await makerAt(app, bootstrapKey)('/issuers', { ...ISSUER, algorithms: ['ES256'], jwks: { keys: [jwk] } })
  await app.close()
  return jwk.kid
}

async function issuerOf(server: Contestant): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${server.port}/.well-known/oauth-authorization-server`)
  return ((await answer.json()) as { issuer: string }).issuer
}

type Ran = {
  readonly seeded: Seeded
  readonly tokens: number
  readonly mebibytes: { readonly first: number; readonly most: number; readonly last: number }
  readonly records: Records
  readonly databaseUrl: string | undefined
}

function reportOf(run: Run, { seeded, tokens, mebibytes, records, databaseUrl }: Ran): Report {
  const alone = (name: string, unit: string, value: number): Measurement => measured(name, unit, [value])
  return {
    bench: 'flood',
    setting:
      `${tokens} bad tokens of eleven kinds, none twice, over ${FLOODING_CONNECTIONS} connections as fast as they are ` +
      `answered; ${seeded.hotKeys.length} hot keys among ${seeded.storedKeys} on ` +
      `${databaseUrl === undefined ? 'SQLite' : 'PostgreSQL'}; the server alone on one core; medians of ` +
      `${run.idle.length} windows of a second without and ${run.flooded.length} with the flood.`,
    measurements: [
      ...waitedIdle(run.idle),
      ...waitedIn('flooded', run.flooded, run.idle),
      alone('bad tokens', '1/s', run.last.sent / run.floodedSeconds),
      ...Object.entries(run.last.answers).map(([status, count]) => alone(`bad tokens answered ${status}`, '', count)),
      ...[...run.cold].map(([status, count]) =>
        alone(`good tokens shown for the first time, answered ${status}`, '', count),
      ),
      measured('good tokens shown for the first time', 'ms', run.coldMilliseconds),
      alone('resident memory before', 'MiB', mebibytes.first),
      alone('resident memory at most', 'MiB', mebibytes.most),
      alone('resident memory at the end', 'MiB', mebibytes.last),
      alone('refusals on record', '', records.refusals),
      alone('records', 'MiB', records.mebibytes),
    ],
    targets: [
      { says: `at most ${MAX_MEBIBYTES} MiB of memory`, isMet: mebibytes.most <= MAX_MEBIBYTES },
      { says: 'no bad token and no good key was answered wrongly', isMet: true },
    ],
  }
}
