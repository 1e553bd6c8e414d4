// Runs the API beside an identity provider of its own, asks it as each caller would, and prints who may do what.
//
//   npx bun examples/git-proxy/main.ts     in the clone, after npm ci: prints the table of README.md

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startCompanyIdp } from '../../test/support/company-idp.ts'
import { api } from './api.ts'
import { ApiKeys } from './api-keys.ts'
import { parseConfig } from './config.ts'
import { listen } from './listen.ts'
import { People } from './people.ts'
import { whoCalls } from './who-calls.ts'

const idp = await startCompanyIdp({
  machines: { deployer: ['git-admins'], dashboards: ['auditors'], kiosk: ['cafeteria'] },
  people: { alice: ['git-writers'] },
  resources: ['https://git.example.com'],
})
const written = await readFile(join(import.meta.dir, 'git-proxy.yaml'), 'utf8')
const people = new People([
  {
    ...{ id: 'alice', name: 'Alice', email: 'alice@example.com', groups: ['git-writers'] },
    passwordHash: await Bun.password.hash('correct horse'),
  },
])
const keys = new ApiKeys()
const now = () => new Date()
const operator = 'a-key-from-the-environment-0123456789'
const config = parseConfig(written.replace('https://idp.example.com', idp.issuer))
const { publicOrigin } = config
const server = listen(
  api({
    ...{ people, keys, publicOrigin, now },
    whoCalls: whoCalls({ config, people, keys, now, env: { GIT_PROXY_KEY: operator }, log: () => undefined }),
  }),
  { hostname: '127.0.0.1', port: 0, log: console.error },
)
try {
  const ask = (path: string, init: RequestInit) => fetch(new URL(path, server.url), { redirect: 'manual', ...init })
  const form = new URLSearchParams({ username: 'alice', password: 'correct horse' })
  // As a browser asks, of what ends TLS before the API: it names the origin that it sees.
  const signedIn = await ask('/login', { method: 'POST', headers: { origin: publicOrigin }, body: form })
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  const made = await ask('/api/me/keys', {
    method: 'POST',
    headers: { cookie, origin: publicOrigin },
    body: JSON.stringify({ scopes: ['pushes:read'], expires_in_days: 30 }),
  })
  const { key } = (await made.json()) as { key: string }

  const bearer = (text: string) => ({ authorization: `Bearer ${text}` })
  const callers: [who: string, headers: Record<string, string>][] = [
    ['deployer, in git-admins', bearer(await idp.machineToken('deployer'))],
    ['dashboards, in auditors', bearer(await idp.machineToken('dashboards'))],
    ['kiosk, in no group of these', bearer(await idp.machineToken('kiosk'))],
    ['alice, with a token', bearer(await idp.personToken('alice'))],
    ['alice, signed in', { cookie, origin: publicOrigin }],
    ['alice, a key for pushes:read', bearer(key)],
    ['the key of the environment', bearer(operator)],
    ['somebody', {}],
  ]
  const asked: [method: string, path: string][] = [
    ['GET', '/'],
    ['GET', '/api/repos'],
    ['POST', '/api/repos'],
    ['GET', '/api/pushes'],
    ['POST', '/api/pushes/p1/approve'],
  ]
  const rows = [['', ...asked.map(([method, path]) => `\`${method} ${path}\``)]]
  for (const [who, headers] of callers) {
    const answers = asked.map(async ([method, path]) => String((await ask(path, { method, headers })).status))
    rows.push([who, ...(await Promise.all(answers))])
  }
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  rows.splice(
    1,
    0,
    widths.map((width) => '-'.repeat(width)),
  )
  for (const row of rows) console.log(`| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`)
} finally {
  await server.stop(true)
  idp.stop()
}
