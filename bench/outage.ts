import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { strangersKey } from '../test/support/forging.ts'
import { missingPrograms } from '../test/support/installed.ts'
import { type Contestant, startCountersign } from './contestants.ts'
import { inTemporaryDirectory } from './directory.ts'
import { composeOn } from './in-process.ts'
import { type IssuerStock, stockIssuer } from './issuer-stock.ts'
import { type Bench, type BenchOptions, measured, type Report, ratioOfRounds } from './measured.ts'
import { type Load, prepareLoad, putLoad } from './wrk.ts'

const WRK_CORE = 0
const SERVER_CORE = 1
const DEFAULT_ROUNDS = 3
const DEFAULT_SECONDS = 4
const KNOWN = 500
const FLOOD = 10_000
/** Some 3 000 requests a second: far from what the server can do, so that waiting is what is measured. */
const GOOD = { connections: 16, restMs: 5 }
/** As fast as all of the flood is shown within a round, while those that wait for keys hold 256 connections. */
const BAD = { connections: 400, restMs: 75 }
/** Only then an unknown kid has an issuer asked anew whose keys are known. */
const ASKED_AGAIN_MS = 31_000
const CASES = {
  key: 'known keys',
  external: 'known external JWTs',
  idle: 'good requests, p99, idle',
  flooded: 'good requests, p99, while the issuer hangs and unknown kids come in',
  bad: 'unknown kids that were answered',
} as const

type Values = Readonly<Record<keyof typeof CASES, number>>

/** Known credentials over HTTP, and what they notice of an issuer that hangs while it is asked for keys that nobody has. */
export const bench: Bench = async (options) => {
  const missing = missingPrograms(['wrk', 'taskset'])
  if (missing !== undefined) throw new Error(missing)
  if (navigator.hardwareConcurrency < 2) throw new Error('wrk and the server need a core each')
  return inTemporaryDirectory((directory) => benchIn(directory, options))
}

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const seconds = Math.max(DEFAULT_SECONDS, Math.round(options.seconds ?? DEFAULT_SECONDS))
  const roundCount = Math.round(options.rounds ?? DEFAULT_ROUNDS)
  const data = join(directory, 'countersign')
  const loads = join(directory, 'loads')
  for (const folder of [data, loads]) mkdirSync(folder)
  const keyPair = strangersKey()
  const issuer = issuerThatMayHang(keyPair.jwk)
  const bootstrapKey = `bootstrap-${crypto.randomUUID()}`
  const app = await composeOn(data, bootstrapKey)
  const stock = await stockIssuer(app, bootstrapKey, keyPair, { keyCount: KNOWN, jwksUri: issuer.jwksUri })
  await app.close()
  try {
    const rounds: Values[] = []
    options.say(
      `a round to warm up, then ${roundCount} rounds of some ${Math.ceil(ASKED_AGAIN_MS / 1000) + seconds + 2} s, each with a new server`,
    )
    for (let round = -1; round < roundCount; round++) {
      const load = loadsOf(loads, stock)
      issuer.isHanging = false
      const server = await startCountersign(
        { directory: data, core: SERVER_CORE },
        { COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8' },
      )
      try {
        const values = await runRound(server, load, issuer, seconds)
        if (round >= 0) rounds.push(values)
      } finally {
        await server.stop()
      }
    }
    return reportOf(rounds, { seconds, roundCount })
  } finally {
    issuer.stop()
  }
}

function loadsOf(directory: string, { keys, tokens }: IssuerStock) {
  const known = tokens(KNOWN)
  const unknownKids = tokens(FLOOD, () => crypto.randomUUID())
  return {
    keys: prepareLoad(directory, 'keys', keys),
    external: prepareLoad(directory, 'external', known),
    good: prepareLoad(
      directory,
      'good',
      keys.flatMap((key, at) => [key, known[at] ?? key]),
      GOOD.restMs,
    ),
    bad: prepareLoad(directory, 'bad', unknownKids, BAD.restMs),
  }
}

async function runRound(
  server: Contestant,
  loads: Readonly<Record<'keys' | 'external' | 'good' | 'bad', Load>>,
  issuer: IssuerThatMayHang,
  seconds: number,
): Promise<Values> {
  const putGood = async (load: Load, takes: number, connections?: number) => {
    const options = { core: WRK_CORE, seconds: takes, ...(connections !== undefined && { connections }) }
    const loaded = await putLoad(load, server, options)
    if (loaded.refused > 0) throw new Error(`${loaded.refused} of ${loaded.requests} good requests were refused`)
    return loaded
  }
  const rates: number[] = []
  const firstAskedMs = performance.now()
  for (const load of [loads.keys, loads.external]) {
    await putGood(load, 1)
    rates.push((await putGood(load, Math.ceil(seconds / 2))).requestsPerSecond)
  }
  const idle = await putGood(loads.good, seconds, GOOD.connections)
  await Bun.sleep(firstAskedMs + ASKED_AGAIN_MS - performance.now())
  issuer.isHanging = true
  const asked = issuer.asked()
  const [flooded, bad] = await Promise.all([
    putGood(loads.good, seconds, GOOD.connections),
    putLoad(loads.bad, server, { core: WRK_CORE, seconds, connections: BAD.connections }),
  ])
  if (issuer.asked() === asked) throw new Error('the issuer was not asked: nothing waited for it')
  if (bad.requests < FLOOD) throw new Error(`${bad.requests} of ${FLOOD} unknown kids were answered in ${seconds} s`)
  if (bad.refused < bad.requests - BAD.connections) throw new Error(`${bad.requests - bad.refused} of them passed`)
  const [key = Number.NaN, external = Number.NaN] = rates
  return { key, external, idle: idle.p99Milliseconds, flooded: flooded.p99Milliseconds, bad: bad.requests }
}

type IssuerThatMayHang = { isHanging: boolean; readonly jwksUri: string; asked(): number; stop(): void }

function issuerThatMayHang(jwk: object): IssuerThatMayHang {
  let asked = 0
  let isHanging = false
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    fetch: (): Response | Promise<Response> => {
      asked++
      return isHanging ? new Promise(() => undefined) : Response.json({ keys: [jwk] })
    },
  })
  return {
    jwksUri: `http://127.0.0.1:${server.port}/keys`,
    asked: () => asked,
    get isHanging() {
      return isHanging
    },
    set isHanging(now) {
      isHanging = now
    },
    stop: () => void server.stop(true),
  }
}

function reportOf(rounds: readonly Values[], { seconds, roundCount }: { seconds: number; roundCount: number }): Report {
  const of = (name: keyof Values) => rounds.map((values) => values[name])
  const external = ratioOfRounds(of('external'), of('key'))
  const flooded = ratioOfRounds(of('flooded'), of('idle'))
  return {
    bench: 'outage',
    setting:
      `over HTTP on loopback, the server alone on one core; ${KNOWN} known keys and external JWTs in turn; ` +
      `${FLOOD} unknown kids while the issuer hangs; medians of ${roundCount} rounds of ${seconds} s.`,
    measurements: [
      measured(CASES.key, 'req/s', of('key')),
      measured(CASES.external, 'req/s', of('external'), [{ to: CASES.key, ratio: external }]),
      measured(CASES.idle, 'ms', of('idle')),
      measured(CASES.flooded, 'ms', of('flooded'), [{ to: 'idle', ratio: flooded }]),
      measured(CASES.bad, '', of('bad')),
    ],
    targets: [
      { says: 'a known external JWT within 1.1 of a known key', isMet: 1 / external <= 1.1 },
      { says: 'p99 of good requests below twice that of idle', isMet: flooded < 2 },
    ],
  }
}
