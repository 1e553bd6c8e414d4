// Runs the API with the keys of a cluster pinned, asks it as several pods would, and prints who got what.
//
//   npx bun examples/workload/main.ts     in the clone, after npm ci: prints the table of README.md

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api } from './api.ts'
import { atlasGuardFrom } from './atlas-guard.ts'
import { cluster } from './cluster.ts'
import { listen } from './listen.ts'

const ISSUER = 'https://kubernetes.default.svc.cluster.local'
const AUDIENCE = 'https://api.example.com/internal/atlas'
const ATLAS = { namespace: 'atlas-production', name: 'atlas', audience: AUDIENCE }

const WIDTHS = [30, 23, 6]

const folder = await mkdtemp(join(tmpdir(), 'workload-'))
const ours = cluster(ISSUER)
const theirs = cluster(ISSUER)
const jwksFile = join(folder, 'jwks.json')
await writeFile(jwksFile, JSON.stringify(ours.jwks))

const log: string[] = []
const serve = (env: Record<string, string>) =>
  listen(
    api({
      usage: new Map([['acme', { gigabytes: 812 }]]),
      atlas: atlasGuardFrom(env, console.error),
      pipeline: () => new Response('Sign in.\n', { status: 401 }),
      log: (line) => void log.push(line),
    }),
    console.error,
  )
const configured = serve({
  ATLAS_JWKS_FILE: jwksFile,
  ATLAS_ISSUER: ISSUER,
  ATLAS_AUDIENCE: AUDIENCE,
  ATLAS_SERVICE_ACCOUNT: 'atlas-production:atlas',
})
const bare = serve({})
try {
  const atlas = ours.projectedToken(ATLAS)
  const ago = Math.floor(Date.now() / 1000) - 7200
  const rows: [who: string, account: string, token: string | undefined, at?: typeof bare][] = [
    ['atlas', 'acme', atlas],
    ['atlas', 'nimbus', atlas],
    ['atlas, in staging', 'acme', ours.projectedToken({ ...ATLAS, namespace: 'atlas-staging' })],
    ['another ServiceAccount', 'acme', ours.projectedToken({ ...ATLAS, name: 'default' })],
    ['atlas of another cluster', 'acme', theirs.projectedToken(ATLAS)],
    [
      'atlas, a token for another API',
      'acme',
      ours.projectedToken({ ...ATLAS, audience: 'https://vault.example.com' }),
    ],
    ['atlas, an old token', 'acme', ours.projectedToken(ATLAS, { iat: ago, nbf: ago, exp: ago + 3600 })],
    ['a person with a session', 'acme', undefined],
    ['atlas, nothing configured', 'acme', atlas, bare],
  ]
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(WIDTHS[column] ?? 0)).join(' | ')} |`
  console.log(line(['who', 'asks for', 'answer']))
  console.log(line(WIDTHS.map((width) => '-'.repeat(width))))
  for (const [who, account, token, { url } = configured] of rows) {
    const headers = token === undefined ? { cookie: 'session=1' } : { authorization: `Bearer ${token}` }
    const { status } = await fetch(new URL(`/api/internal/atlas/accounts/${account}/usage`, url), { headers })
    console.log(line([who, `\`accounts/${account}/usage\``, String(status)]))
  }
  console.log('\nWhat the API wrote of those whom it refused:\n')
  for (const refused of log.filter((one) => one.includes('refused'))) {
    console.log(`- ${refused.replace(/"\d{4}-[^"]*Z"/, '"…"')}`)
  }
} finally {
  for (const listener of [configured, bare]) await listener.stop(true)
  await rm(folder, { recursive: true })
}
