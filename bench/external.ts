import { strangersKey } from '../test/support/forging.ts'
import { believe, isSignedBare } from './believing.ts'
import { inTemporaryDirectory } from './directory.ts'
import { Asking, composeOn } from './in-process.ts'
import { stockIssuer } from './issuer-stock.ts'
import { type Bench, type BenchOptions, measured, type Report, ratioOfRounds } from './measured.ts'
import { eachOf, nanosecondsOf, repeat, type Subject } from './subject.ts'

const DEFAULT_ROUNDS = 9
const DEFAULT_SECONDS = 0.2
const KNOWN = 1000
/** Shown once each, in a round. */
const NEW_A_ROUND = 1000
const WARM_UP_OPERATIONS = 100_000
const WARM_UP_ROUNDS = 20
const CASES = {
  key: 'known key, edge to Response',
  external: 'known external JWT, edge to Response',
  believed: 'a never-seen external JWT, believed',
  fresh: 'a never-seen external JWT, edge to Response, an assertion signed',
  bare: 'the bare signature check',
} as const

/** JWTs of another issuer in-process: known, and shown for the first time. */
export const bench: Bench = (options) => inTemporaryDirectory((directory) => benchIn(directory, options))

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const bootstrapKey = `bootstrap-${crypto.randomUUID()}`
  const app = await composeOn(directory, { bootstrapKey })
  app.start()
  try {
    const { keys, publicKey, tokens } = await stockIssuer(app, bootstrapKey, strangersKey(), { keyCount: KNOWN })
    const asking = new Asking(app)
    const roundCount = Math.round(options.rounds ?? DEFAULT_ROUNDS)
    const seconds = options.seconds ?? DEFAULT_SECONDS
    const known = tokens(KNOWN)
    for (const credentials of [keys, known]) await asking.expectStatus(credentials, 200)
    const subjects: Subject[] = [
      { name: CASES.key, run: asking.showing(keys) },
      { name: CASES.external, run: asking.showing(known) },
    ]
    options.say(`warming up, then ${roundCount} rounds of ${subjects.length} × ${seconds} s and of new tokens`)
    for (const subject of subjects) await repeat(subject, WARM_UP_OPERATIONS)

    const rounds = new Map<string, number[]>(Object.values(CASES).map((name) => [name, []]))
    const note = (name: string, value: number) => rounds.get(name)?.push(value)
    for (let round = 0; round < roundCount; round++) {
      for (const subject of subjects) note(subject.name, await nanosecondsOf(subject, seconds))
    }
    // After the known ones: what is new each round pushes them out of the CPU's caches, and has memory collected.
    for (let round = -WARM_UP_ROUNDS; round < roundCount; round++) {
      const fresh = tokens(NEW_A_ROUND)
      const show = asking.showing(fresh)
      const values: [name: string, value: number][] = [
        [CASES.bare, await eachOf(fresh, (token) => isSignedBare(token, publicKey))],
        [CASES.believed, await eachOf(tokens(NEW_A_ROUND), (token) => believe(token, app))],
        [CASES.fresh, await eachOf([...fresh.keys()], show)],
      ]
      // What is shown once needs rounds of its own to warm up.
      if (round >= 0) for (const [name, value] of values) note(name, value)
    }
    return reportOf((name) => rounds.get(name) ?? [], `${known[0]?.length} characters`, { roundCount, seconds })
  } finally {
    await app.close()
  }
}

function reportOf(
  roundsOf: (name: string) => number[],
  length: string,
  { roundCount, seconds }: { roundCount: number; seconds: number },
): Report {
  const ratio = (name: string, to: string) => ratioOfRounds(roundsOf(name), roundsOf(to))
  const beside: Readonly<Record<string, string>> = {
    [CASES.external]: CASES.key,
    [CASES.believed]: CASES.bare,
    [CASES.fresh]: CASES.bare,
  }
  return {
    bench: 'external',
    setting:
      `in-process, ${KNOWN} known keys and tokens of ${length} in turn, ${NEW_A_ROUND} new ones a round; ` +
      `medians of ${roundCount} rounds of ${seconds} s; CPU time of all threads.`,
    measurements: Object.values(CASES).map((name) => {
      const to = beside[name]
      return measured(name, 'ns', roundsOf(name), to === undefined ? [] : [{ to, ratio: ratio(name, to) }])
    }),
    targets: [
      { says: 'a known external JWT within 1.1 of a known key', isMet: ratio(CASES.external, CASES.key) <= 1.1 },
    ],
  }
}
