import { createPublicKey, type KeyObject } from 'node:crypto'
import type { App } from '../packages/server/src/index.ts'
import { believe, isSignedBare } from './believing.ts'
import { inTemporaryDirectory } from './directory.ts'
import { composeOn, PEER } from './in-process.ts'
import { type Bench, type BenchOptions, measured, type Report, ratioOfRounds } from './measured.ts'
import { questionOf, VERIFY_PATH } from './question.ts'
import { JWT_RESOURCE, OPAQUE_RESOURCE } from './reference.ts'
import { eachOf, inTurn, nanosecondsOf, repeat, type Subject } from './subject.ts'
import { stockTokens, type TokenStock } from './token-stock.ts'

const DEFAULT_ROUNDS = 9
const DEFAULT_SECONDS = 0.2
const WARM_UP_OPERATIONS = 20_000
const KNOWN = 1000
/** Shown once each, in a round. */
const NEW_A_ROUND = 2000
const CASES = {
  key: 'known key, edge to Response',
  jwt: 'known JWT, edge to Response',
  opaque: 'known opaque token, edge to Response',
  issue: 'a JWT from client_credentials, request to Response',
  issueOpaque: 'an opaque token from client_credentials, request to Response',
  introspect: 'introspection of a known opaque token, request to Response',
  believed: 'a never-seen JWT, believed',
  fresh: 'a never-seen JWT, edge to Response, an assertion signed',
  bare: 'the bare signature check',
} as const

/** Access tokens in-process: issued, shown for the first time, known, introspected. */
export const bench: Bench = (options) => inTemporaryDirectory((directory) => benchIn(directory, options))

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const bootstrapKey = `bootstrap-${crypto.randomUUID()}`
  const app = await composeOn(directory, { bootstrapKey })
  app.start()
  try {
    const stock = await stockTokens(app, bootstrapKey, KNOWN)
    const asking = askingOf(app, stock)
    const roundCount = Math.round(options.rounds ?? DEFAULT_ROUNDS)
    const seconds = options.seconds ?? DEFAULT_SECONDS
    const known = await asking.issue(JWT_RESOURCE, KNOWN)
    const opaque = await asking.issue(OPAQUE_RESOURCE, KNOWN)
    for (const token of known) await asking.show(token, JWT_RESOURCE)
    for (const token of opaque) await asking.show(token, OPAQUE_RESOURCE)
    const subjects: Subject[] = [
      { name: CASES.key, run: inTurn(stock.keys, (key) => asking.show(key, JWT_RESOURCE)) },
      { name: CASES.jwt, run: inTurn(known, (token) => asking.show(token, JWT_RESOURCE)) },
      { name: CASES.opaque, run: inTurn(opaque, (token) => asking.show(token, OPAQUE_RESOURCE)) },
      { name: CASES.issue, run: () => asking.post('/oauth/token', asking.grant(JWT_RESOURCE)) },
      { name: CASES.issueOpaque, run: () => asking.post('/oauth/token', asking.grant(OPAQUE_RESOURCE)) },
      { name: CASES.introspect, run: inTurn(opaque, (token) => asking.post('/oauth/introspect', { token })) },
    ]
    options.say(`warming up, then ${roundCount} rounds of ${subjects.length} × ${seconds} s and of new tokens`)
    for (const subject of subjects) await repeat(subject, WARM_UP_OPERATIONS)

    const rounds = new Map<string, number[]>(Object.values(CASES).map((name) => [name, []]))
    const key = await asking.publicKey()
    for (let round = -WARM_UP_OPERATIONS / NEW_A_ROUND; round < roundCount; round++) {
      const fresh = await asking.issue(JWT_RESOURCE, NEW_A_ROUND)
      const values = new Map<string, number>()
      values.set(CASES.bare, await eachOf(fresh, (token) => isSignedBare(token, key)))
      const unseen = await asking.issue(JWT_RESOURCE, NEW_A_ROUND)
      values.set(CASES.believed, await eachOf(unseen, (token) => believe(token, app)))
      values.set(CASES.fresh, await eachOf(fresh, (token) => asking.show(token, JWT_RESOURCE)))
      // What is shown once needs rounds of its own to warm up.
      if (round < 0) continue
      for (const subject of subjects) values.set(subject.name, await nanosecondsOf(subject, seconds))
      for (const [name, value] of values) rounds.get(name)?.push(value)
    }
    return reportOf((name) => rounds.get(name) ?? [], { roundCount, seconds })
  } finally {
    await app.close()
  }
}

function reportOf(
  roundsOf: (name: string) => number[],
  { roundCount, seconds }: { roundCount: number; seconds: number },
): Report {
  const ratio = (name: string, to: string) => ratioOfRounds(roundsOf(name), roundsOf(to))
  const beside: Readonly<Record<string, string>> = {
    [CASES.jwt]: CASES.key,
    [CASES.opaque]: CASES.key,
    [CASES.believed]: CASES.bare,
    [CASES.fresh]: CASES.bare,
  }
  const measurements = Object.values(CASES).map((name) => {
    const to = beside[name]
    return measured(name, 'ns', roundsOf(name), to === undefined ? [] : [{ to, ratio: ratio(name, to) }])
  })
  const issue = measurements.find((one) => one.case === CASES.issue)?.value ?? Number.NaN
  return {
    bench: 'tokens',
    setting:
      `in-process, ${KNOWN} known tokens of each form in turn, ${NEW_A_ROUND} new ones a round; ` +
      `medians of ${roundCount} rounds of ${seconds} s; CPU time of all threads.`,
    measurements,
    targets: [
      { says: 'a known JWT within 1.1 of a known key', isMet: ratio(CASES.jwt, CASES.key) <= 1.1 },
      {
        says: 'a never-seen JWT believed within 1.3 of the bare check',
        isMet: ratio(CASES.believed, CASES.bare) <= 1.3,
      },
      { says: '5 000 JWTs a second issued on one core', isMet: issue <= 200_000 },
    ],
  }
}

function askingOf(app: App, { client, secret }: TokenStock) {
  const verify = app.publicRoutes.exact[VERIFY_PATH]
  if (verify === undefined) throw new Error(`no route ${VERIFY_PATH}`)
  const requests = new Map(
    [JWT_RESOURCE, OPAQUE_RESOURCE].map((identifier) => {
      const headers = { ...questionOf(''), 'X-Forwarded-Host': new URL(identifier).host }
      return [identifier, new Request(`http://${PEER}:8420${VERIFY_PATH}`, { headers })]
    }),
  )
  const headers = { Authorization: `Basic ${btoa(`${client}:${secret}`)}` }
  const expected = (status: number, answer: Response) => {
    if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}`)
    return answer
  }
  const post = async (path: string, form: Readonly<Record<string, string>>) => {
    const handler = app.publicRoutes.exact[path]
    if (handler === undefined) throw new Error(`no route ${path}`)
    const body = new URLSearchParams(form)
    return expected(
      200,
      await handler(new Request(`http://${PEER}:8420${path}`, { method: 'POST', headers, body }), PEER),
    )
  }
  const grant = (resource: string) => ({ grant_type: 'client_credentials', resource })
  return {
    post,
    grant,
    show(credential: string, resource: string) {
      const request = requests.get(resource)
      if (request === undefined) throw new Error(`no resource ${resource}`)
      request.headers.set('authorization', `Bearer ${credential}`)
      const answer = verify(request, PEER)
      return answer instanceof Promise ? answer.then((late) => expected(200, late)) : expected(200, answer)
    },
    async issue(resource: string, count: number): Promise<string[]> {
      const tokens: string[] = []
      while (tokens.length < count) {
        const { access_token } = (await (await post('/oauth/token', grant(resource))).json()) as Record<string, unknown>
        tokens.push(String(access_token))
      }
      return tokens
    },
    async publicKey(): Promise<KeyObject> {
      const answer = await app.publicRoutes.exact['/.well-known/jwks.json']?.(new Request(`http://${PEER}/`), PEER)
      if (answer === undefined) throw new Error('there is no key set')
      const { keys } = (await answer.json()) as { keys: JsonWebKey[] }
      return createPublicKey({ key: { ...keys[0] }, format: 'jwk' })
    },
  }
}
