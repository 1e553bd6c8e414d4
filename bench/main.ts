// `npm run bench [-- NAME…] [--json]`: runs benches one after another and shows what they measured.
import { parseArgs } from 'node:util'
import type { Bench, BenchOptions } from './measured.ts'
import { asJson, asTable } from './report.ts'

/** To add a bench: one file that exports `bench`, one line here. */
const BENCHES: Readonly<Record<string, () => Promise<{ bench: Bench }>>> = {
  verify: () => import('./verify.ts'),
  path: () => import('./path.ts'),
  users: () => import('./users.ts'),
  tokens: () => import('./tokens.ts'),
  oauth: () => import('./oauth.ts'),
  churn: () => import('./churn.ts'),
  trust: () => import('./trust.ts'),
  external: () => import('./external.ts'),
  outage: () => import('./outage.ts'),
  flat: () => import('./flat.ts'),
  start: () => import('./starts.ts'),
  writes: () => import('./writes.ts'),
  revocation: () => import('./revocation.ts'),
  flood: () => import('./flood.ts'),
  slow: () => import('./slow.ts'),
}

const USAGE = `Usage: npm run bench [-- NAME…] [options]

Benches, all of them when none is named:
  verify   the server over HTTP on loopback, beside nginx and a bare Bun.serve (needs wrk, nginx, taskset)
  path     the same path in-process, without sockets, and its parts
  users    many people with tokens: start, memory, and calls in-process
  tokens   access tokens in-process: issued, shown for the first time, known, introspected
  oauth    the OAuth endpoints over HTTP, beside oidc-provider on the same runtime (needs wrk, taskset)
  churn    a day of opaque tokens, issued and cleaned away by a clock that is moved; --rounds is its hours
  trust    a token against a thousand trust rules of one issuer, in-process
  external JWTs of another issuer in-process: known, and shown for the first time
  outage   the same over HTTP, and how long others wait while that issuer hangs and 10 000 unknown kids come in (needs wrk, taskset)
  flat     a known key among 1 000 to 1 000 000 credentials and at one of 10 to 10 000 resources, in-process and over HTTP (needs wrk, taskset)
  start    from nothing to an app that can answer, with much of each and of all
  writes   keys created and revoked and permissions changed, on SQLite and on PostgreSQL, beside what the disk takes
  revocation how long another server still allows what was revoked on one, woken and by its poll; --rounds is the revocations
  flood    a server that is flooded with bad tokens, none twice, and how long good requests wait meanwhile (needs wrk, taskset)
  slow     a server whose connections are held by thousands that send next to nothing, and one that is sent rubbish (the same)

Options:
  --json           one JSON object a line: bench, case, value, unit, ratio_to, ratio
  --seconds <n>    how long one measurement of one round takes (default: verify 2, path and users 0.2)
  --rounds <n>     how many rounds are measured (default: verify 5, path and users 9)
  --keys <n>       how many keys are stored (default: verify 1000000, path 1000, users 700000)
  --users <n>      how many users are stored for the bench users (default: 100000)
  --tokens <n>     how many bad tokens the bench flood sends (default: 200000; what is promised is promised of 10000000)
  --sockets <n>    how many slow connections the bench slow opens (default: 5000)
  --postgres       the bench flood on a PostgreSQL of its own
  --help           this page
`

const { values, positionals } = readArguments()
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
const unknown = positionals.filter((name) => !(name in BENCHES))
if (unknown.length > 0) fail(`There is no bench ${unknown.join(', ')}.`)

const options: BenchOptions = {
  seconds: readNumber('seconds', values.seconds),
  rounds: readNumber('rounds', values.rounds),
  keys: readNumber('keys', values.keys),
  users: readNumber('users', values.users),
  tokens: readNumber('tokens', values.tokens),
  sockets: readNumber('sockets', values.sockets),
  postgres: values.postgres,
  say: (text) => process.stderr.write(`${text}\n`),
}
for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) {
  const { bench } = (await BENCHES[name]?.()) ?? fail(`There is no bench ${name}.`)
  const report = await bench(options)
  process.stdout.write(values.json ? asJson(report) : asTable(report))
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        keys: { type: 'string' },
        users: { type: 'string' },
        tokens: { type: 'string' },
        sockets: { type: 'string' },
        postgres: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

function readNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  return number > 0 && number <= 10_000_000 ? number : fail(`--${name}: expected a number above 0.`)
}

function fail(problem: string): never {
  process.stderr.write(`${problem}\n\n${USAGE}`)
  process.exit(2)
}
