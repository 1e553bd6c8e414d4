import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '../packages/server/src/index.ts'
import { missingPrograms } from '../test/support/installed.ts'
import { type Contestant, startCountersign } from './contestants.ts'
import { inTemporaryDirectory } from './directory.ts'
import { Asking, composeOn } from './in-process.ts'
import { type Bench, type BenchOptions, type Measurement, measured, type Report, ratioOfRounds } from './measured.ts'
import { hostOf, type Seeded, seed, unknownKeys } from './seed.ts'
import { eachOf, nanosecondsOf, repeat, type Subject } from './subject.ts'
import { prepareLoad, putLoad } from './wrk.ts'

const WRK_CORE = 0
const SERVER_CORE = 1
const DEFAULT_ROUNDS = 9
const DEFAULT_SECONDS = 1
const WARM_UP_OPERATIONS = 100_000
const UNKNOWN_KEYS_A_ROUND = 2000
const FEWEST = { keys: 1000, resources: 10 }
const KEYS = [10_000, 100_000, 1_000_000]
const RESOURCES = [100, 1000, 10_000]
const MAX_OF_KEYS = 1.2
const MAX_OF_RESOURCES = 1.3
const BASE = 'the fewest'

type Size = { readonly keys: number; readonly resources: number }

/** What is measured of each size, by round. */
type Values = Readonly<Record<'inProcess' | 'each' | 'unknown' | 'server' | 'rate', number[]>>

type Sized = { readonly size: Size; readonly directory: string; readonly seeded: Seeded; readonly values: Values }

/** What a decision costs where there is much of everything, beside where there is little, in one run. */
export const bench: Bench = async (options) => {
  const missing = missingPrograms(['wrk', 'taskset'])
  if (missing !== undefined) throw new Error(missing)
  if (navigator.hardwareConcurrency < 2) throw new Error('wrk and the server need a core each')
  return inTemporaryDirectory((directory) => benchIn(directory, options))
}

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const seconds = options.seconds ?? DEFAULT_SECONDS
  const rounds = Math.round(options.rounds ?? DEFAULT_ROUNDS)
  const all: Sized[] = []
  const sizes = [
    FEWEST,
    ...KEYS.map((keys) => ({ ...FEWEST, keys })),
    ...RESOURCES.map((resources) => ({ ...FEWEST, resources })),
  ]
  for (const size of sizes) {
    const data = join(directory, nameOf(size).replaceAll(/\W/g, '-'))
    mkdirSync(data)
    const values = { inProcess: [], each: [], unknown: [], server: [], rate: [] }
    all.push({ size, directory: data, seeded: await seed(data, size), values })
  }
  options.say(`${all.length} sizes, ${rounds} rounds each, in-process and then over HTTP`)
  await measureInProcess(all, rounds, seconds / 5)
  await measureOverHttp(all, rounds, Math.max(1, Math.round(seconds)), directory)
  return reportOf(all, rounds)
}

async function measureInProcess(all: readonly Sized[], rounds: number, seconds: number): Promise<void> {
  const running = await Promise.all(
    all.map(async (sized) => {
      const app = await composeOn(sized.directory)
      app.start()
      const { hotKeys } = sized.seeded
      const asking = new Asking(app)
      await asking.expectStatus(hotKeys, 200)
      const known: Subject = { name: 'known key', run: asking.showing(hotKeys) }
      const each: Subject = { name: 'each key at its own resource', run: eachAtItsOwn(app, hotKeys, sized.size) }
      for (const turn of hotKeys.keys()) {
        const answer = await each.run(turn)
        if (!(answer instanceof Response) || answer.status !== 200) throw new Error('a key was refused at its resource')
      }
      return { app, asking, known, each, values: sized.values }
    }),
  )
  try {
    for (const { known, each } of running) for (const one of [known, each]) await repeat(one, WARM_UP_OPERATIONS)
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < running.length; turn++) {
        const one = running[(round + turn) % running.length]
        if (one === undefined) continue
        one.values.inProcess.push(await nanosecondsOf(one.known, seconds))
        one.values.each.push(await nanosecondsOf(one.each, seconds))
        one.values.unknown.push(await nanosecondsOfUnknown(one.asking))
      }
    }
  } finally {
    for (const { app } of running) await app.close()
  }
}

/** Keys in turn, each at a resource of its own as far as there are so many. */
function eachAtItsOwn(app: App, keys: readonly string[], { resources }: Size): Subject['run'] {
  const asking = new Asking(app)
  const shown = keys.map((key, at) => ({ bearer: `Bearer ${key}`, host: hostOf(at % resources) }))
  return (turn) => {
    const { bearer, host } = shown[turn % shown.length] as (typeof shown)[number]
    asking.headers.set('authorization', bearer)
    asking.headers.set('x-forwarded-host', host)
    return asking.answer()
  }
}

/** Each is looked up in the database: none was shown before. */
function nanosecondsOfUnknown(asking: Asking): Promise<number> {
  const bearers = unknownKeys(UNKNOWN_KEYS_A_ROUND).map((key) => `Bearer ${key}`)
  return eachOf(bearers, (bearer) => {
    asking.headers.set('authorization', bearer)
    return asking.answer()
  })
}

async function measureOverHttp(all: readonly Sized[], rounds: number, seconds: number, loads: string): Promise<void> {
  const running: { readonly server: Contestant; readonly sized: Sized }[] = []
  try {
    for (const sized of all) {
      running.push({ server: await startCountersign({ directory: sized.directory, core: SERVER_CORE }), sized })
    }
    const prepared = running.map(({ server, sized }, at) => ({
      server,
      values: sized.values,
      load: prepareLoad(loads, `known-${at}`, sized.seeded.hotKeys),
    }))
    for (const { load, server } of prepared) await putLoad(load, server, { core: WRK_CORE, seconds: 3 })
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < prepared.length; turn++) {
        const one = prepared[(round + turn) % prepared.length]
        if (one === undefined) continue
        // The others ran meanwhile: caches and idle memory are this one's again only after a while.
        await putLoad(one.load, one.server, { core: WRK_CORE, seconds: 1 })
        const loaded = await putLoad(one.load, one.server, { core: WRK_CORE, seconds })
        if (loaded.refused > 0) throw new Error(`${loaded.refused} of ${loaded.requests} known keys were refused`)
        one.values.server.push(loaded.serverMicroseconds)
        one.values.rate.push(loaded.requestsPerSecond)
      }
    }
  } finally {
    await Promise.all(running.map(({ server }) => server.stop()))
  }
}

function reportOf(all: readonly Sized[], rounds: number): Report {
  const [fewest] = all
  const measure = (name: string, unit: string, which: keyof Values) =>
    all.map(({ size, values }): Measurement => {
      const base = fewest?.values[which] ?? []
      const beside = [{ to: BASE, ratio: ratioOfRounds(values[which], base) }]
      return measured(`${name}, ${nameOf(size)}`, unit, values[which], size === FEWEST ? [] : beside)
    })
  const costs = [
    ...measure('known key, in-process', 'ns', 'inProcess'),
    ...measure('each key at its own resource, in-process', 'ns', 'each'),
    ...measure('known key over HTTP, server time', 'µs', 'server'),
  ]
  const worst = (noun: string, of: readonly number[], measurements: readonly Measurement[]) =>
    Math.max(
      ...measurements
        .filter((one) => of.some((count) => one.case.includes(` ${count} ${noun}`)))
        .flatMap(({ comparisons }) => comparisons.map(({ ratio }) => ratio)),
    )
  const isOfOneResource = ({ case: name }: Measurement) => !name.startsWith('each')
  return {
    bench: 'flat',
    setting:
      `1000 hot keys among more and more credentials, and at one or each at its own of more and more resources; medians of ` +
      `${rounds} interleaved rounds; in-process in CPU time, over HTTP with the server alone on one core.`,
    measurements: [
      ...costs,
      ...measure('unknown key, in-process', 'ns', 'unknown'),
      ...measure('known key over HTTP', 'requests/s', 'rate'),
    ],
    targets: [
      {
        says: `a known key among a million within ${MAX_OF_KEYS} of one among a thousand`,
        isMet: worst('credentials', KEYS, costs) <= MAX_OF_KEYS,
      },
      {
        says: `at one of ten thousand resources within ${MAX_OF_RESOURCES} of one of ten`,
        isMet: worst('resources', RESOURCES, costs.filter(isOfOneResource)) <= MAX_OF_RESOURCES,
      },
    ],
  }
}

function nameOf({ keys, resources }: Size): string {
  return `${keys} credentials, ${resources} resources`
}
