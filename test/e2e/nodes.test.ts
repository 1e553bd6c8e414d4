// Two servers on one PostgreSQL, as an operator sees them: who is there, and when a revocation is in force everywhere.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type RealServer, startRealServer } from '../../packages/cli/src/testing/real-server.ts'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { runSql } from '../../packages/server/src/store/testing/postgres-databases.ts'
import { BOOTSTRAP_KEY, KEK } from '../support/app.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const hasPostgres = (await availableEngines()).includes(POSTGRES)
const teardown = new Teardown()
let one: RealServer
let other: RealServer
let databaseUrl = ''

beforeAll(async () => {
  if (!hasPostgres) return
  const place = await POSTGRES.makePlace()
  databaseUrl = place.databaseUrl ?? ''
  teardown.add(() => place.remove())
  const start = async (name: string) => {
    const server = await startRealServer({
      COUNTERSIGN_NODE_NAME: name,
      COUNTERSIGN_DATABASE_URL: databaseUrl,
      COUNTERSIGN_PUBLIC_URL: 'http://127.0.0.1:8420',
      COUNTERSIGN_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
      COUNTERSIGN_KEK: KEK,
    })
    return server
  }
  one = await start('auth-1')
  teardown.add(() => one.stop())
  other = await start('auth-2')
}, PATIENCE_MS)
afterAll(() => teardown.run())

const as = { env: { COUNTERSIGN_KEY: BOOTSTRAP_KEY } }
const nodes = async (server: RealServer) => {
  const { out } = await server.run('nodes --json', as)
  return (JSON.parse(out) as { items: { name: string; state: string; is_this: boolean; revision: number }[] }).items
}

test.skipIf(!hasPostgres)('each names all, says which it is itself, and is current', async () => {
  const listed = await until('both to be current', async () => {
    const found = await nodes(other)
    return found.length === 2 && found.every(({ state }) => state === 'current') && found
  })
  expect(listed.map(({ name, is_this }) => [name, is_this])).toEqual([
    ['auth-1', false],
    ['auth-2', true],
  ])
  expect((await one.run('nodes', as)).out).toContain('auth-1 (answers)  current')
})

test.skipIf(!hasPostgres)(
  'revoke --wait returns when every server refuses it',
  async () => {
    await one.run('client create canister', as)
    const issued = async () => {
      const { out } = await one.run('key create canister --resource countersign --json', as)
      return JSON.parse(out) as { id: string; key: string }
    }
    for (let turn = 0; turn < 5; turn++) {
      const { id, key } = await issued()
      const statusAt = async (server: RealServer) =>
        (await fetch(`${server.url}/api/v1/me`, { headers: { Authorization: `Bearer ${key}` } })).status
      expect([await statusAt(one), await statusAt(other)]).toEqual([403, 403])
      const { err, code } = await one.run(`revoke ${id} --wait`, as)
      expect([await statusAt(one), await statusAt(other)]).toEqual([401, 401])
      expect([err, code]).toEqual([expect.stringContaining('In force at every server (2 of 2), after'), 0])
    }
  },
  PATIENCE_MS,
)

test.skipIf(!hasPostgres)(
  'a server that is silent is waited for as long as it may answer, and named',
  async () => {
    await runSql(
      databaseUrl,
      `insert into node select 'node_lost', 'auth-lost', version, started_at, seen_at - 60000, 0, 1000 from node limit 1`,
    )
    expect((await nodes(one)).find(({ name }) => name === 'auth-lost')).toMatchObject({ state: 'silent', revision: 0 })
    const { id } = JSON.parse((await one.run('key create canister --json', as)).out) as { id: string }
    const startedMs = performance.now()
    const { err } = await other.run(`revoke ${id} --wait`, as)
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(1000)
    expect(err).toContain('In force at 2 of 3 servers')
    expect(err).toContain('auth-lost has said nothing since')
  },
  PATIENCE_MS,
)

test.skipIf(!hasPostgres)('a key that may not see the servers is refused before anything is revoked', async () => {
  const { id } = JSON.parse((await one.run('key create canister --json', as)).out) as { id: string }
  await one.run('client create narrow', as)
  await one.run('permission create --client narrow --resource countersign --scope credentials:write', as)
  const { key } = JSON.parse((await one.run('key create narrow --resource countersign --json', as)).out) as {
    key: string
  }
  const { err, code } = await one.run(`revoke ${id} --wait`, { env: { COUNTERSIGN_KEY: key } })
  expect([err, code]).toEqual([expect.stringContaining('403 scope_missing'), 5])
  const { out } = await one.run(`credentials list --owner client:canister --state live --json`, as)
  expect(out).toContain(id)
})

test.skipIf(!hasPostgres)('one that stops is gone from the list', async () => {
  await other.stop()
  expect((await nodes(one)).map(({ name }) => name)).toEqual(['auth-1', 'auth-lost'])
})
