import {
  extractCredential,
  isDenied,
  parseIssuedCredential,
  parseRequestTarget,
  ruleFor,
} from '../packages/resource-server/src/index.ts'
import { KnownCredential, KnownCredentials } from '../packages/server/src/authentication/known-credentials.ts'
import type { App } from '../packages/server/src/index.ts'
import { allowedResponse } from '../packages/server/src/verify/answer.ts'
import type { AskedRequest } from '../packages/server/src/verify/asked.ts'
import { isAllowed } from '../packages/server/src/verify/decision.ts'
import { readForward } from '../packages/server/src/verify/dialects.ts'
import { verify } from '../packages/server/src/verify/verify.ts'
import { inTemporaryDirectory } from './directory.ts'
import { Asking, composeOn, PEER } from './in-process.ts'
import { type Bench, type BenchOptions, type Measurement, measured, type Report, ratioOfRounds } from './measured.ts'
import { malformedKeys, type Seeded, seed, unknownKeys } from './seed.ts'
import { inTurn, nanosecondsOf, repeat, retainedBytesOf, type Subject } from './subject.ts'

const DEFAULT_ROUNDS = 9
const DEFAULT_SECONDS = 0.2
const DEFAULT_KEYS = 1000
const WARM_UP_OPERATIONS = 200_000
const TARGET_MICROSECONDS = 4
const USERS = 1000
const KNOWN_KEY = 'known key, edge to Response'
const KNOWN_TOKEN = 'known personal access token, edge to Response'

/** The path without sockets: what it costs as a whole, by parts, and what it leaves behind. */
export const bench: Bench = (options) => inTemporaryDirectory((directory) => benchIn(directory, options))

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const seeded = await seed(directory, { keys: Math.round(options.keys ?? DEFAULT_KEYS), users: USERS })
  const app = await composeOn(directory)
  app.start()
  try {
    const { whole, parts } = await subjectsOf(app, seeded)
    const subjects = [...whole, ...parts]
    const roundCount = Math.round(options.rounds ?? DEFAULT_ROUNDS)
    const seconds = options.seconds ?? DEFAULT_SECONDS
    options.say(`warming up, then ${roundCount} rounds of ${subjects.length} × ${seconds} s`)
    for (const subject of subjects) await repeat(subject, WARM_UP_OPERATIONS)

    const rounds = new Map<string, number[]>(subjects.map(({ name }) => [name, []]))
    for (let round = 0; round < roundCount; round++) {
      for (const subject of subjects) rounds.get(subject.name)?.push(await nanosecondsOf(subject, seconds))
    }
    const roundsOf = (name: string) => rounds.get(name) ?? []
    const beside = { to: 'known key', ratio: ratioOfRounds(roundsOf(KNOWN_TOKEN), roundsOf(KNOWN_KEY)) }
    const timed = subjects.map(({ name }) => measured(name, 'ns', roundsOf(name), name === KNOWN_TOKEN ? [beside] : []))
    const retained: Measurement[] = []
    for (const subject of whole) {
      const value = await retainedBytesOf(subject)
      retained.push({ case: `${subject.name}, heap kept`, value, spread: undefined, unit: 'B/op', comparisons: [] })
    }
    const known = timed.find((one) => one.case === KNOWN_KEY)?.value ?? Number.NaN
    return {
      bench: 'path',
      setting:
        `in-process, ${seeded.hotKeys.length} keys in turn among ${seeded.storedKeys}, ` +
        `${seeded.hotTokens.length} personal access tokens in turn among ${seeded.storedTokens}; ` +
        `medians of ${roundCount} rounds of ${seconds} s; CPU time, collecting garbage included.`,
      measurements: [...timed, ...retained],
      targets: [
        {
          says: `a known key within ${TARGET_MICROSECONDS} µs from a Request to a Response`,
          isMet: known <= TARGET_MICROSECONDS * 1000,
        },
      ],
    }
  } finally {
    await app.close()
  }
}

async function subjectsOf(app: App, seeded: Seeded): Promise<{ whole: Subject[]; parts: Subject[] }> {
  const { edge } = app
  const deps = edge.verify
  const asking = new Asking(app)
  const { headers, answer } = asking
  const showing = (credentials: readonly string[], run: () => unknown) => asking.showing(credentials, run)

  const unknown = unknownKeys(100)
  const malformed = malformedKeys(1000)
  for (const known of [seeded.hotKeys, seeded.hotTokens]) await asking.expectStatus(known, 200)
  for (const bad of [unknown, malformed]) await asking.expectStatus(bad, 401)

  const readAsked = (): AskedRequest => {
    const asked = readForward(headers, 'public', new Date(), edge.proxies)
    if (isDenied(asked)) throw new Error(asked.code)
    return asked
  }
  const asked = readAsked()
  const resource = deps.directory.resourceAt(asked.host)
  if (resource === undefined) throw new Error('nothing was seeded')
  const sources = { header: resource.credentialHeader, foreign: resource.foreignCredentials }

  const resolve = deps.recognise(seeded.hotKeys[0] ?? '')
  if (resolve === undefined) throw new Error('keys are not recognised')
  const credentials = await Promise.all(seeded.hotKeys.map((key) => resolve(key)))
  const believed = credentials.filter((one) => one instanceof KnownCredential)
  const digests = seeded.hotKeys.map((key) => Bun.SHA256.hash(key, 'hex'))
  const cache = new KnownCredentials(65_536)
  for (const [at, credential] of believed.entries()) cache.set(digests[at] ?? '', credential)

  const steps = seeded.hotKeys.map((key) => {
    headers.set('authorization', `Bearer ${key}`)
    const decision = verify(asked, deps)
    if (decision instanceof Promise || !isAllowed(decision)) throw new Error('a known key is not decided at once')
    const { verdict, caller, matched } = decision
    if (caller === undefined || matched === undefined) throw new Error('a caller is missing')
    return { decision, verdict, caller, matched }
  })

  return {
    whole: [
      { name: 'known key, verify()', run: showing(seeded.hotKeys, () => verify(asked, deps)) },
      { name: KNOWN_KEY, run: showing(seeded.hotKeys, answer) },
      { name: KNOWN_TOKEN, run: showing(seeded.hotTokens, answer) },
      // What is less than above is the waiting for memory that the other keys have pushed out of the caches.
      { name: 'the same known key, edge to Response', run: showing(seeded.hotKeys.slice(0, 1), answer) },
      // Twice a second all of them are asked of the store: that is how long "unknown" is believed.
      { name: 'unknown key again, edge to Response', run: showing(unknown, answer) },
      { name: 'malformed key, edge to Response', run: showing(malformed, answer) },
    ],
    parts: [
      { name: '  show the next key (of the bench itself)', run: showing(seeded.hotKeys, () => undefined) },
      { name: '  clock', run: () => edge.clock() },
      { name: '  may this proxy ask', run: () => edge.proxies.refused(PEER, headers) },
      { name: '  what is asked for', run: readAsked },
      { name: '    read 6 headers', run: () => readSixHeaders(headers) },
      { name: '    parse the target', run: () => parseRequestTarget('/music/Some%20Album/01%20song.ogg') },
      { name: '  is the revision confirmed', run: () => deps.isConfirmed() },
      { name: '  which rule', run: () => ruleFor(resource, asked.method, asked.target) },
      { name: '  which credential', run: () => extractCredential(headers, sources, deps.recognise) },
      { name: '  who', run: inTurn(seeded.hotKeys, (key) => resolve(key)) },
      { name: '    checksum', run: inTurn(seeded.hotKeys, parseIssuedCredential) },
      { name: '    sha256', run: inTurn(seeded.hotKeys, (key) => Bun.SHA256.hash(key, 'hex')) },
      { name: '    look-up', run: inTurn(digests, (digest) => cache.get(digest)) },
      { name: '  rights', run: inTurn(believed, (one) => one.callerAt(resource, deps.directory)) },
      {
        name: '  may they',
        run: inTurn(steps, ({ caller, matched }) => deps.decide(caller, resource, matched, asked)),
      },
      {
        name: '  identity',
        run: inTurn(steps, ({ verdict, caller }) => deps.identities.identityOf(verdict, caller, resource, asked.now)),
      },
      { name: '  count it', run: inTurn(steps, ({ decision }) => edge.decisions.noteAllowed(decision, asked)) },
      { name: '  Response', run: inTurn(steps, ({ decision }) => allowedResponse(decision)) },
    ],
  }
}

function readSixHeaders(headers: Headers): unknown {
  headers.get('x-forwarded-method')
  headers.get('x-forwarded-proto')
  headers.get('x-forwarded-host')
  headers.get('x-forwarded-uri')
  headers.get('x-original-url')
  return headers.get('authorization')
}
