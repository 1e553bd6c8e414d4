// A PostgreSQL with a standby that lags: what is said of it beforehand, and what becomes of the servers when it takes over.
import { describe, expect, test } from 'bun:test'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { ClusterNode, nodeEnvironment } from '../support/cluster.ts'
import { MAIN } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { HeldLink } from '../support/held-link.ts'
import { OwnPostgres } from '../support/own-postgres.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const hasPostgres = (await availableEngines()).includes(POSTGRES)
const STREAMING = `select application_name from pg_stat_replication where state = 'streaming'`

describe.skipIf(!hasPostgres)('a standby', () => {
  test(
    'OPS-16 that may lag is warned of, and when it takes over every server answers by what it has, and nothing else',
    async () => {
      const teardown = new Teardown()
      try {
        const primary = await OwnPostgres.start({ durable: true })
        teardown.add(() => primary.remove())
        const replication = await HeldLink.to(primary.socket)
        teardown.add(() => replication.close())
        const standby = await primary.addStandby('second', replication)
        teardown.add(() => standby.remove())
        await until('the standby to follow', async () => (await primary.sql(STREAMING)).length === 1)
        const node = await startNode(primary, teardown)
        await until('it to warn', () => node.log().includes('"standbys":["second"]'))
        const found = (await findings(node, primary)).find(({ check }) => check === 'standbys')
        expect(found?.todo.join()).toContain(`synchronous_standby_names = 'ANY 1 (second)'`)

        await node.expect(201, 'POST', '/clients', { id: 'canister' })
        const { key, id } = await node.expect(201, 'POST', '/clients/canister/keys', {})
        const replayed = async () => {
          const [row] = await standby.sql(`select count(*) as n from credential where id = '${id}'`)
          return Number(row?.n) === 1
        }
        await until('the standby to have the key', replayed)

        // What the standby does not have any more when it takes over: a revocation, and a client that was made after it.
        replication.cut()
        await node.expect(200, 'POST', `/credentials/${id}/revoke`, {})
        await node.expect(201, 'POST', '/clients', { id: 'lost' })
        expect(await statusOf(node, String(key))).toBe(401)
        await primary.kill()
        await standby.sql('select pg_promote()')
        node.link.redirect(standby.socket)
        // At the next poll it has found that this is another history, and says no more than the database has.
        const shown = async () => (await node.call('GET', `/credentials/${id}`)).body?.state
        await until('the server to follow', async () => (await shown()) === 'live')
        expect((await node.call('GET', '/clients/lost')).status).toBe(404)
        expect((await fetch(`http://${node.address}/readyz`)).status).toBe(200)
        expect(await statusOf(node, String(key))).toBe(403)
        await node.expect(200, 'POST', `/credentials/${id}/revoke`, {})
        expect(await statusOf(node, String(key))).toBe(401)
      } finally {
        await teardown.run()
      }
    },
    PATIENCE_MS,
  )

  test(
    'OPS-16 that is synchronous, and none at all, are nothing to warn of',
    async () => {
      const teardown = new Teardown()
      try {
        const primary = await OwnPostgres.start({ durable: true })
        teardown.add(() => primary.remove())
        const alone = await startNode(primary, teardown)
        expect((await findings(alone, primary)).map(({ check }) => check)).not.toContain('standbys')
        await alone.stop()
        const replication = await HeldLink.to(primary.socket)
        teardown.add(() => replication.close())
        const standby = await primary.addStandby('second', replication)
        teardown.add(() => standby.remove())
        await primary.sql(`alter system set synchronous_standby_names = 'ANY 1 (second)'`)
        await primary.sql('select pg_reload_conf()')
        const synchronous = `${STREAMING} and sync_state = 'quorum'`
        await until('the standby to be synchronous', async () => (await primary.sql(synchronous)).length === 1)
        const node = await startNode(primary, teardown)
        expect((await findings(node, primary)).map(({ check }) => check)).not.toContain('standbys')
        expect(node.log()).not.toContain('standbys')
      } finally {
        await teardown.run()
      }
    },
    PATIENCE_MS,
  )
})

async function startNode(database: OwnPostgres, teardown: Teardown): Promise<ClusterNode> {
  const link = await HeldLink.to(database.socket)
  teardown.add(() => link.close())
  const node = new ClusterNode('one', await teardown.temporaryDirectory('one'), link.urlOf(database.url), link)
  await node.start()
  teardown.add(() => node.kill())
  return node
}

type Found = { readonly check: string; readonly todo: readonly string[] }

/** What `countersign doctor` finds on the host of this server. */
async function findings(node: ClusterNode, database: OwnPostgres): Promise<Found[]> {
  const { stdout } = await run([process.execPath, MAIN, 'doctor', '--json'], {
    cwd: ROOT,
    env: { ...nodeEnvironment('/nonexistent', database.url), COUNTERSIGN_LISTEN: node.address },
  })
  return (JSON.parse(stdout) as { findings: Found[] }).findings
}

/** Refused as nobody's: 401; believed, and without a right here: 403. */
async function statusOf(node: ClusterNode, key: string): Promise<number> {
  return (await fetch(`http://${node.address}/api/v1/me`, { headers: { authorization: `Bearer ${key}` } })).status
}
