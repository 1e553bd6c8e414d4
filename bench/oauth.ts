import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { missingPrograms } from '../test/support/installed.ts'
import { type Contestant, startCountersign, startReferenceServer } from './contestants.ts'
import { inTemporaryDirectory } from './directory.ts'
import { composeOn } from './in-process.ts'
import { type Bench, type BenchOptions, type Measurement, measured, type Report, ratioOfRounds } from './measured.ts'
import { questionOf, VERIFY_PATH } from './question.ts'
import { JWT_RESOURCE, OPAQUE_RESOURCE, REFERENCE_SECRET } from './reference.ts'
import { formPost, loadOf } from './requests.ts'
import { stockTokens } from './token-stock.ts'
import { type Load, type Loaded, putLoad } from './wrk.ts'

const WRK_CORE = 0
const SERVER_CORE = 1
const DEFAULT_ROUNDS = 5
const DEFAULT_SECONDS = 2
const KNOWN = 500
const CLIENT = 'caller'
const PROVIDER = 'oidc-provider'
const CASES = {
  issue: 'a JWT from client_credentials',
  introspect: 'introspection of an opaque token',
  key: 'verify, known key',
  jwt: 'verify, known JWT',
} as const

type Case = { readonly name: string; readonly server: Contestant; readonly load: Load; readonly rounds: Loaded[] }

/** The OAuth endpoints over HTTP, beside oidc-provider on the same runtime with the same client authentication. */
export const bench: Bench = async (options) => {
  const missing = missingPrograms(['wrk', 'taskset'])
  if (missing !== undefined) throw new Error(missing)
  if (navigator.hardwareConcurrency < 2) throw new Error('wrk and the server need a core each')
  return inTemporaryDirectory((directory) => benchIn(directory, options))
}

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const seconds = Math.max(1, Math.round(options.seconds ?? DEFAULT_SECONDS))
  const roundCount = Math.round(options.rounds ?? DEFAULT_ROUNDS)
  const folderOf = (name: string) => {
    mkdirSync(join(directory, name))
    return join(directory, name)
  }
  const data = folderOf('countersign')
  const bootstrapKey = `bootstrap-${crypto.randomUUID()}`
  const app = await composeOn(data, { bootstrapKey })
  const { secret, keys } = await stockTokens(app, bootstrapKey, KNOWN)
  await app.close()

  const running: Contestant[] = []
  try {
    const countersign = await startCountersign({ directory: data, core: SERVER_CORE })
    running.push(countersign)
    const provider = await startReferenceServer({ directory: folderOf('reference'), core: SERVER_CORE })
    running.push(provider)
    const ours = `Basic ${btoa(`${CLIENT}:${secret}`)}`
    const theirs = `Basic ${btoa(`${CLIENT}:${REFERENCE_SECRET}`)}`
    const grant = (resource: string) => ({ grant_type: 'client_credentials', resource, scope: 'files:read' })
    const jwts = await tokensOf(countersign, ours, grant(JWT_RESOURCE))
    const loads = folderOf('loads')
    const introspection = async (server: Contestant, authorization: string) => {
      const tokens = await tokensOf(server, authorization, grant(OPAQUE_RESOURCE))
      return tokens.map((token) => formPost('/oauth/introspect', authorization, { token }))
    }
    const issuing = (authorization: string) => [formPost('/oauth/token', authorization, grant(JWT_RESOURCE))]
    const asking = (credentials: readonly string[]) => credentials.map(question)
    const at = (name: string, server: Contestant, file: string, requests: readonly string[]): Case => ({
      ...{ name, server, rounds: [] },
      load: loadOf(loads, file, requests),
    })
    const cases = [
      at(CASES.issue, countersign, 'issue', issuing(ours)),
      at(`${CASES.issue}, ${PROVIDER}`, provider, 'issue-theirs', issuing(theirs)),
      at(CASES.introspect, countersign, 'introspect', await introspection(countersign, ours)),
      at(`${CASES.introspect}, ${PROVIDER}`, provider, 'introspect-theirs', await introspection(provider, theirs)),
      at(CASES.key, countersign, 'key', asking(keys)),
      at(CASES.jwt, countersign, 'jwt', asking(jwts)),
    ]
    options.say(`warming up, then ${roundCount} rounds of ${cases.length} × (1 + ${seconds}) s`)
    for (const one of cases) await runCase(one, seconds)
    for (const one of cases) one.rounds.length = 0
    for (let round = 0; round < roundCount; round++) {
      for (let turn = 0; turn < cases.length; turn++) {
        const one = cases[(round + turn) % cases.length]
        if (one !== undefined) await runCase(one, seconds)
      }
    }
    return reportOf(cases, { seconds, roundCount })
  } finally {
    await Promise.all(running.map((server) => server.stop()))
  }
}

async function runCase(one: Case, seconds: number): Promise<void> {
  await putLoad(one.load, one.server, { core: WRK_CORE, seconds: 1 })
  const loaded = await putLoad(one.load, one.server, { core: WRK_CORE, seconds })
  if (loaded.refused > 0) throw new Error(`${one.name}: ${loaded.refused} of ${loaded.requests} answers were refusals`)
  one.rounds.push(loaded)
}

function reportOf(cases: readonly Case[], { seconds, roundCount }: { seconds: number; roundCount: number }): Report {
  const rates = (name: string) =>
    cases.find((one) => one.name === name)?.rounds.map(({ requestsPerSecond }) => requestsPerSecond) ?? []
  const ratio = (name: string, to: string) => ratioOfRounds(rates(name), rates(to))
  const beside = (name: string) => {
    const rival = name === CASES.jwt ? CASES.key : `${name}, ${PROVIDER}`
    return rates(rival).length === 0 ? [] : [{ to: rival, ratio: ratio(name, rival) }]
  }
  const measurements: Measurement[] = cases.map(({ name }) => measured(name, 'req/s', rates(name), beside(name)))
  const issued = measurements.find((one) => one.case === CASES.issue)?.value ?? 0
  return {
    bench: 'oauth',
    setting:
      `over HTTP on loopback, each server alone on one core, client_secret_basic; ${KNOWN} credentials in turn; ` +
      `medians of ${roundCount} rounds of ${seconds} s.`,
    measurements,
    targets: [
      { says: '5 000 JWTs a second', isMet: issued >= 5000 },
      {
        says: `1.5 times the issuance of ${PROVIDER}`,
        isMet: ratio(CASES.issue, `${CASES.issue}, ${PROVIDER}`) >= 1.5,
      },
      {
        says: `3 times its introspection`,
        isMet: ratio(CASES.introspect, `${CASES.introspect}, ${PROVIDER}`) >= 3,
      },
      { says: 'a known JWT within 1.1 of a known key', isMet: ratio(CASES.key, CASES.jwt) <= 1.1 },
    ],
  }
}

function question(credential: string): string {
  const { host } = new URL(JWT_RESOURCE)
  const headers = { ...questionOf(credential), 'X-Forwarded-Host': host }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${VERIFY_PATH} HTTP/1.1\r\n${lines.join('')}\r\n`
}

async function tokensOf(server: Contestant, authorization: string, form: Record<string, string>): Promise<string[]> {
  const tokens: string[] = []
  while (tokens.length < KNOWN) {
    const answer = await fetch(`http://127.0.0.1:${server.port}/oauth/token`, {
      method: 'POST',
      headers: { Authorization: authorization },
      body: new URLSearchParams(form),
    })
    const { access_token } = (await answer.json()) as Record<string, unknown>
    if (typeof access_token !== 'string') throw new Error(`no token: ${answer.status}`)
    tokens.push(access_token)
  }
  return tokens
}
