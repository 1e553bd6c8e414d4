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
const DEFAULT_ROUNDS = 5
const SECONDS = 2
const KNOWN = 500
const FLOOD = 10_000
/** Some 3 000 requests a second: far from what the server can do, so that waiting is what is measured. */
const GOOD = { connections: 16, restMs: 5 }
/** Seconds of good requests that are measured each by itself: what disturbs the machine disturbs few of them. */
const WINDOWS = 4
/** As fast as all of the flood is shown within the windows, while those that wait for keys hold 256 connections. */
const BAD = { connections: 400, restMs: 110 }
/** Only then an unknown kid has an issuer asked anew whose keys are known. */
const ASKED_AGAIN_MS = 31_000
const CASES = {
  key: 'known keys',
  external: 'known external JWTs',
  idle: 'good requests, p99, idle',
  flooded: 'good requests, p99, while the issuer hangs and unknown kids come in',
  bad: 'unknown kids that were answered in a round',
} as const

type Loads = Readonly<Record<'keys' | 'external' | 'good' | 'refused' | 'bad', Load>>
/** By case, of each round or window. */
type Values = Readonly<Record<keyof typeof CASES, number[]>>

/** Known credentials over HTTP, and what they notice of an issuer that hangs while it is asked for keys that nobody has. */
export const bench: Bench = async (options) => {
  const missing = missingPrograms(['wrk', 'taskset'])
  if (missing !== undefined) throw new Error(missing)
  if (navigator.hardwareConcurrency < 2) throw new Error('wrk and the server need a core each')
  return inTemporaryDirectory((directory) => benchIn(directory, options))
}

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const seconds = Math.max(1, Math.round(options.seconds ?? SECONDS))
  const roundCount = Math.round(options.rounds ?? DEFAULT_ROUNDS)
  const data = join(directory, 'countersign')
  const loads = join(directory, 'loads')
  for (const folder of [data, loads]) mkdirSync(folder)
  const keyPair = strangersKey()
  const issuer = issuerThatMayHang(keyPair.jwk)
  const bootstrapKey = `bootstrap-${crypto.randomUUID()}`
  const app = await composeOn(data, { bootstrapKey })
  const stock = await stockIssuer(app, bootstrapKey, keyPair, { keyCount: KNOWN, jwksUri: issuer.jwksUri })
  await app.close()
  const values: Values = { key: [], external: [], idle: [], flooded: [], bad: [] }
  const onServer = async (work: (server: Contestant, loads: Loads) => Promise<void>) => {
    issuer.isHanging = false
    const server = await startCountersign(
      { directory: data, core: SERVER_CORE },
      { COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8' },
    )
    try {
      await work(server, loadsOf(loads, stock))
    } finally {
      await server.stop()
    }
  }
  try {
    options.say(`warming up, then ${roundCount} rounds of 2 × (1 + ${seconds}) s`)
    await onServer((server, loads) => measureRates(server, loads, values, { seconds, roundCount }))
    const each = Math.ceil(ASKED_AGAIN_MS / 1000) + WINDOWS + 2
    options.say(`${roundCount} rounds of some ${each} s, each with a new server`)
    for (let round = 0; round < roundCount; round++) {
      await onServer((server, loads) => measureWaiting(server, loads, values, issuer))
    }
    return reportOf(values, { seconds, roundCount })
  } finally {
    issuer.stop()
  }
}

function loadsOf(directory: string, { keys, tokens }: IssuerStock): Loads {
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
    refused: prepareLoad(directory, 'refused', unknownKids),
    bad: prepareLoad(directory, 'bad', unknownKids, BAD.restMs),
  }
}

async function measureRates(
  server: Contestant,
  loads: Loads,
  values: Values,
  { seconds, roundCount }: { seconds: number; roundCount: number },
): Promise<void> {
  const cases = [
    [loads.keys, values.key],
    [loads.external, values.external],
  ] as const
  for (let round = -1; round < roundCount; round++) {
    for (const [load, rates] of cases) {
      await putGood(load, server, { seconds: 1 })
      const { requestsPerSecond } = await putGood(load, server, { seconds })
      if (round >= 0) rates.push(requestsPerSecond)
    }
  }
}

async function measureWaiting(
  server: Contestant,
  loads: Loads,
  values: Values,
  issuer: IssuerThatMayHang,
): Promise<void> {
  const firstAskedMs = performance.now()
  const measure = async (into: number[]) => {
    for (let window = 0; window < WINDOWS; window++) {
      const { p99Milliseconds } = await putGood(loads.good, server, { seconds: 1, connections: GOOD.connections })
      into.push(p99Milliseconds)
    }
  }
  for (const load of [loads.keys, loads.external]) await putGood(load, server, { seconds: 3 })
  // A server that has just begun has compiled next to nothing of how it refuses.
  await putLoad(loads.refused, server, { core: WRK_CORE, seconds: 6 })
  await Bun.sleep(firstAskedMs + ASKED_AGAIN_MS - WINDOWS * 1000 - performance.now())
  await measure(values.idle)
  issuer.isHanging = true
  const asked = issuer.asked()
  const flood = { core: WRK_CORE, seconds: WINDOWS + 1, connections: BAD.connections, isAside: true }
  const [, bad] = await Promise.all([measure(values.flooded), putLoad(loads.bad, server, flood)])
  if (issuer.asked() === asked) throw new Error('the issuer was not asked: nothing waited for it')
  if (bad.requests < FLOOD) throw new Error(`${bad.requests} of ${FLOOD} unknown kids were answered`)
  if (bad.refused < bad.requests - BAD.connections) throw new Error(`${bad.requests - bad.refused} of them passed`)
  values.bad.push(bad.requests)
}

async function putGood(load: Load, server: Contestant, options: { seconds: number; connections?: number }) {
  const loaded = await putLoad(load, server, { core: WRK_CORE, ...options })
  if (loaded.refused > 0) throw new Error(`${loaded.refused} of ${loaded.requests} good requests were refused`)
  return loaded
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

function reportOf(values: Values, { seconds, roundCount }: { seconds: number; roundCount: number }): Report {
  const external = ratioOfRounds(values.external, values.key)
  const idle = measured(CASES.idle, 'ms', values.idle)
  const flooded = measured(CASES.flooded, 'ms', values.flooded).value / idle.value
  return {
    bench: 'outage',
    setting:
      `over HTTP on loopback, the server alone on one core; ${KNOWN} known keys and external JWTs in turn, ` +
      `medians of ${roundCount} rounds of ${seconds} s; ${FLOOD} unknown kids while the issuer hangs, medians of ` +
      `${roundCount * WINDOWS} windows of a second.`,
    measurements: [
      measured(CASES.key, 'req/s', values.key),
      measured(CASES.external, 'req/s', values.external, [{ to: CASES.key, ratio: external }]),
      idle,
      measured(CASES.flooded, 'ms', values.flooded, [{ to: 'idle', ratio: flooded }]),
      measured(CASES.bad, '', values.bad),
    ],
    targets: [
      { says: 'a known external JWT within 1.1 of a known key', isMet: 1 / external <= 1.1 },
      { says: 'p99 of good requests below twice that of idle', isMet: flooded < 2 },
    ],
  }
}
