import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { inTemporaryDirectory } from './directory.ts'
import { Asking, composeOn } from './in-process.ts'
import { type Bench, type BenchOptions, type Measurement, measured, type Report, ratioOfRounds } from './measured.ts'
import { type Seeded, seed, TOKENS_A_USER } from './seed.ts'
import type { Started } from './start.ts'
import { startOn } from './starts.ts'
import { nanosecondsOf, nanosecondsOfEach, repeat } from './subject.ts'

const DEFAULT_ROUNDS = 9
const DEFAULT_SECONDS = 0.2
const DEFAULT_USERS = 100_000
/** With the tokens of the users a million credentials. */
const DEFAULT_KEYS = 700_000
const COLD_TOKENS_A_ROUND = 2000
const WARM_UP_OPERATIONS = 200_000
const TARGET_START_SECONDS = 2

/** Many people with tokens: what they cost at the start, in memory, and when one of them calls. */
export const bench: Bench = (options) => inTemporaryDirectory((directory) => benchIn(directory, options))

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const { say } = options
  const users = Math.round(options.users ?? DEFAULT_USERS)
  const keys = Math.round(options.keys ?? DEFAULT_KEYS)
  const rounds = Math.round(options.rounds ?? DEFAULT_ROUNDS)
  const folderOf = (name: string) => {
    const folder = join(directory, name)
    mkdirSync(folder)
    return folder
  }
  const crowded = folderOf('crowded')
  const before = performance.now()
  // One round more than is measured: the first one warms up.
  const seeded = await seed(crowded, { keys, users, coldTokens: COLD_TOKENS_A_ROUND * (rounds + 1) })
  say(`${users} users stored in ${((performance.now() - before) / 1000).toFixed(1)} s`)
  const quiet = folderOf('quiet')
  await seed(quiet, { keys: 1 })

  const starts = await startsOf(crowded, quiet, rounds)
  const calls = await callsOf(crowded, seeded, rounds, options.seconds ?? DEFAULT_SECONDS)
  const started = starts[0]?.value ?? Number.NaN
  return {
    bench: 'users',
    setting:
      `${users} users in 3 groups each, with a permission and ${TOKENS_A_USER} personal access tokens of their own, ` +
      `beside ${keys} API keys; medians of ${rounds} rounds; calls in-process, in CPU time.`,
    measurements: [...starts, ...calls],
    targets: [{ says: `a start within ${TARGET_START_SECONDS} s`, isMet: started <= TARGET_START_SECONDS }],
  }
}

/** Starts a process on each in turn. */
async function startsOf(crowded: string, quiet: string, rounds: number): Promise<Measurement[]> {
  const ofCrowded: Started[] = []
  const ofQuiet: Started[] = []
  for (let round = 0; round < rounds; round++) {
    ofCrowded.push(startOn(crowded))
    ofQuiet.push(startOn(quiet))
  }
  const measure = (name: string, unit: string, of: (started: Started) => number) => {
    const [many, few] = [ofCrowded.map(of), ofQuiet.map(of)]
    return [
      measured(name, unit, many, [{ to: 'no users', ratio: ratioOfRounds(many, few) }]),
      measured(`${name} without users`, unit, few),
    ]
  }
  return [
    ...measure('start', 's', ({ seconds }) => seconds),
    ...measure('resident memory', 'MiB', ({ mebibytes }) => mebibytes),
  ]
}

async function callsOf(directory: string, seeded: Seeded, rounds: number, seconds: number): Promise<Measurement[]> {
  const app = await composeOn(directory)
  app.start()
  try {
    const asking = new Asking(app)
    const known = { name: 'known token, edge to Response', run: asking.showing(seeded.hotTokens) }
    const cold = { name: 'token shown for the first time, edge to Response', run: asking.showing(seeded.coldTokens) }
    await asking.expectStatus(seeded.hotTokens, 200)
    await repeat(known, WARM_UP_OPERATIONS)
    let shown = 0
    const showCold = async () => {
      for (let turn = 0; turn < COLD_TOKENS_A_ROUND; turn++, shown++) {
        const response = await cold.run(shown)
        if (!(response instanceof Response) || response.status !== 200) throw new Error('a cold token was refused')
      }
      return COLD_TOKENS_A_ROUND
    }
    await showCold()
    const [ofKnown, ofCold]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      ofKnown.push(await nanosecondsOf(known, seconds))
      ofCold.push(await nanosecondsOfEach(showCold))
    }
    return [
      measured(known.name, 'ns', ofKnown),
      measured(cold.name, 'ns', ofCold, [{ to: 'known token', ratio: ratioOfRounds(ofCold, ofKnown) }]),
    ]
  } finally {
    await app.close()
  }
}
