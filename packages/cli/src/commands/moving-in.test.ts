// What another system issued goes on working by its digest, and what leaked stops, by the commands alone, at a real
// server.

import { afterAll, expect, test } from 'bun:test'
import { startRealServer } from '../testing/real-server.ts'
import type { World } from '../testing/test-terminal.ts'

const server = await startRealServer()
afterAll(() => server.stop())

async function done(line: string, world: World = {}): Promise<string> {
  const { code, out, err } = await server.run(line, world)
  expect({ line, code, failure: code === 0 ? '' : err }).toEqual({ line, code: 0, failure: '' })
  return out
}

/** Asks as a proxy does, and gives status and caller. */
async function ask(credential: string, path = '/team/app'): Promise<[status: number, user: string | null]> {
  const { status, headers } = await fetch(`${server.url}/verify/forward`, {
    headers: {
      Authorization: `Bearer ${credential}`,
      'X-Forwarded-Method': 'GET',
      'X-Forwarded-Uri': path,
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'git.example.com',
      'X-Forwarded-For': '192.0.2.7',
    },
  })
  return [status, headers.get('Remote-User')]
}

await done('user create alice')
await done('client create robot')
await done(
  'resource create forge --identifier https://git.example.com --host git.example.com --scope repo:read --rule /:project/**~repo:read',
)
for (const holder of ['--user alice', '--client robot']) {
  await done(`permission create ${holder} --resource forge --scope repo:read`)
}

const ALICES = 'glpat-0123456789abcdefghij'
const CONFINED = 'glpat-abcdefghij0123456789'
const ROBOTS = 'acme_0123456789abcdefghij'

test('digests that the command prints are those by which imported credentials are believed', async () => {
  expect(await ask(ALICES)).toEqual([401, null])
  const [hers, confined] = (await done('credentials digest', { stdin: `${ALICES}\n${CONFINED}\n` })).split('\n')
  const tokens = [
    'digest,owner,name,resources,scopes,projects,expires_at',
    `${hers},user:alice,laptop,,,,`,
    `${confined},user:alice,ci,forge,repo:read,team,2090-01-01T00:00:00Z`,
  ].join('\n')
  const files = { tokens }
  expect(await done('credentials import --prefix glpat- tokens --dry-run', { files })).toContain('2 lines are good')
  expect(await ask(ALICES)).toEqual([401, null])
  const short = tokens.replace('2090-01-01', new Date(Date.now() + 86_400_000).toISOString().slice(0, 10))
  const imported = await done('credentials import --prefix glpat- tokens', { files: { tokens: short } })
  expect(imported).toBe('2 imported, 0 were there before.\n')
  expect(await done('credentials import --prefix glpat- tokens', { files: { tokens: short } })).toBe(
    '0 imported, 2 were there before.\n',
  )
  expect(await ask(ALICES)).toEqual([200, 'alice'])
  expect(await ask(CONFINED, '/team/app')).toEqual([200, 'alice'])
  expect(await ask(CONFINED, '/other/app')).toEqual([403, null])
  expect(await ask('glpat-zzzzzzzzzzzzzzzzzzzz')).toEqual([401, null])
})

test('those of software come in as keys, by an HMAC', async () => {
  const files = { key: 'not a real key\n' }
  const terms = '--digest hmac-sha256 --hmac-key-file key'
  const digest = (await done(`credentials digest ${terms}`, { stdin: ROBOTS, files })).trim()
  const line = `${JSON.stringify({ digest, owner: 'client:robot', name: 'deploy' })}\n`
  await done(`credentials import --prefix acme_ ${terms} -`, { stdin: line, files })
  expect(await ask(ROBOTS)).toEqual([200, 'client:robot'])
  expect(await done('credentials list --imported --kind key')).toMatch(/key +client:robot +deploy +acme_…/)
  expect(await done('credentials foreign-prefixes')).toMatch(/acme_ +hmac-sha256 .* 1 +1\nglpat- +sha256 .* 2 +2\n/)
})

test('what the server refuses is said of its line', async () => {
  const tokens = `digest,owner\n${'a'.repeat(64)},user:alice\n${'b'.repeat(64)},user:nobody\n`
  const { code, err } = await server.run('credentials import --prefix glpat- tokens', { files: { tokens } })
  expect(code).toBe(1)
  expect(err).toContain('line 3, owner: there is no user nobody; make it with `countersign user create <username>`')
  const other = await server.run('credentials import --prefix glpat-x tokens', { files: { tokens } })
  expect(other.code).toBe(1)
  expect(other.err).toContain('--prefix: meets glpat-')
})

test('whoever holds a credential has it revoked, ours and imported ones, once', async () => {
  const issued = (await done('pat create --user alice')).trim()
  for (const credential of [issued, ALICES, ROBOTS]) {
    expect((await ask(credential))[0]).toBe(200)
    const world = { stdin: `${credential}\n`, env: { COUNTERSIGN_KEY: '' } }
    expect(await done('leak report --found-at build~log', world)).toMatch(/^Revoked (pat|key)_\w+, from the next/)
    expect(await ask(credential)).toEqual([401, null])
    expect(await done('leak report', world)).toMatch(/was dead before/)
  }
  const unknown = await server.run('leak report', { stdin: issued.replace(/.$/, '!') })
  expect(unknown.code).toBe(1)
  expect(unknown.out).toContain('This server knows no such credential')
})

test('the owner’s credentials say why the one that leaked was revoked', async () => {
  expect(await done('credentials list --owner user:alice --state revoked')).toMatch(/alice/)
  const { items } = JSON.parse(await done('pat list --user alice --json'))
  const { id } = items.find(({ state }: { state: string }) => state === 'revoked')
  expect(await done(`pat show ${id}`)).toMatch(/build log/)
})
