import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { inTemporaryDirectory } from './directory.ts'
import { type Bench, type BenchOptions, type Measurement, measured, type Report, ratioOfRounds } from './measured.ts'
import { type Stock, seed } from './seed.ts'
import { START, type Started } from './start.ts'

const DEFAULT_ROUNDS = 9
const TARGET_SECONDS = 2
const NEXT_TO_NOTHING = 'next to nothing'
const ALL = 'all of these'

const STOCKS: Readonly<Record<string, Stock>> = {
  [NEXT_TO_NOTHING]: { keys: 1 },
  '1 000 000 keys': { keys: 1_000_000 },
  '100 000 users with permissions': { keys: 1, users: 100_000 },
  '10 000 resources': { keys: 1, resources: 10_000 },
  [ALL]: { keys: 1_000_000, users: 100_000, resources: 10_000 },
}

/** From nothing to an app that can answer, in a process of its own, by what there is much of. */
export const bench: Bench = (options) => inTemporaryDirectory((directory) => benchIn(directory, options))

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const rounds = Math.round(options.rounds ?? DEFAULT_ROUNDS)
  const stocked: { readonly name: string; readonly data: string; readonly starts: Started[] }[] = []
  for (const [at, [name, stock]] of Object.entries(STOCKS).entries()) {
    const data = join(directory, String(at))
    mkdirSync(data)
    await seed(data, stock)
    options.say(`${name}: stored`)
    stocked.push({ name, data, starts: [] })
  }
  for (let round = 0; round < rounds; round++) {
    for (const { data, starts } of stocked) starts.push(startOn(data))
  }
  const measure = (what: string, unit: string, of: (started: Started) => number) => {
    const base = stocked[0]?.starts.map(of) ?? []
    return stocked.map(({ name, starts }): Measurement => {
      const values = starts.map(of)
      const beside = name === NEXT_TO_NOTHING ? [] : [{ to: NEXT_TO_NOTHING, ratio: ratioOfRounds(values, base) }]
      return measured(`${what}, ${name}`, unit, values, beside)
    })
  }
  const seconds = measure('start', 's', (started) => started.seconds)
  const isMet = (name: string) =>
    (seconds.find((one) => one.case === `start, ${name}`)?.value ?? Number.NaN) <= TARGET_SECONDS
  return {
    bench: 'start',
    setting: `from nothing to an app that can answer, in a process of its own; medians of ${rounds} rounds; files in the cache.`,
    measurements: [...seconds, ...measure('resident memory', 'MiB', ({ mebibytes }) => mebibytes)],
    targets: [
      { says: `with a million credentials within ${TARGET_SECONDS} s`, isMet: isMet('1 000 000 keys') },
      { says: 'with all of it too', isMet: isMet(ALL) },
    ],
  }
}

/** Starts a process on that data directory. */
export function startOn(directory: string): Started {
  const { stdout, stderr, success } = Bun.spawnSync([process.execPath, START, directory])
  if (!success) throw new Error(`the app did not start: ${stderr}`)
  return JSON.parse(stdout.toString()) as Started
}
