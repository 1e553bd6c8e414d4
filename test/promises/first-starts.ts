// What a start does to a database that several servers share: two at once, one that dies in the middle, one that is old.
import { type Database, makeEmptyDatabase, runSql } from '../../packages/server/src/store/testing/postgres-databases.ts'
import { ClusterNode, nodeEnvironment } from '../support/cluster.ts'
import { MAIN } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { type Finished, type Program, run, startProgram } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { furnishClient, furnishResources, issueKey } from './furnished-cluster.ts'

const TABLES = `select count(*) as count from pg_tables where schemaname = 'public'`

/** Runs `work` with an empty database; everything is gone afterwards. */
async function onEmptyDatabase<T>(work: (database: Database, teardown: Teardown) => Promise<T>): Promise<T> {
  const teardown = new Teardown()
  try {
    const database = await makeEmptyDatabase()
    teardown.add(() => database.remove())
    return await work(database, teardown)
  } finally {
    await teardown.run()
  }
}

/** Two servers start on nothing at once. Says what one answers to a key that the other issued. */
export function startTwoAtOnce(): Promise<number> {
  return onEmptyDatabase(async ({ url }, teardown) => {
    const nodes = await Promise.all(
      ['one', 'other'].map(
        async (name) => new ClusterNode(name, await teardown.temporaryDirectory(name), url, undefined),
      ),
    )
    await Promise.all(nodes.map((node) => node.start()))
    for (const node of nodes) teardown.add(() => node.kill())
    return answerOf(nodes[0] as ClusterNode, nodes[1] as ClusterNode)
  })
}

/** A server is killed while it migrates. Says how many tables are left, and whether a start then leads to a server. */
export function killInMigration(): Promise<{ tables: number; status: number }> {
  return onEmptyDatabase(async ({ url }, teardown) => {
    // Behind this the migration waits, half done, until its end.
    const inTheWay = `begin; create table change (x int); select pg_sleep(60)`
    const waiting = runSql(url, inTheWay).catch(() => undefined)
    const killed = await startOnly(await teardown.temporaryDirectory('killed'), url, async () => {
      const [found] = await runSql(
        url,
        'select count(*) as count from pg_locks where not granted and pid <> pg_backend_pid()',
      )
      return Number(found?.count) > 0
    })
    await killed.kill()
    await runSql(url, `select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; create table%'`)
    await waiting
    const next = new ClusterNode('next', await teardown.temporaryDirectory('next'), url, undefined)
    teardown.add(() => next.kill())
    // The lock of the one that was killed ends with its connection.
    await runSql(url, 'select pg_advisory_lock(4211904720)')
    const [left] = await runSql(url, TABLES)
    await next.start()
    return { tables: Number(left?.count), status: await answerOf(next, next) }
  })
}

/** A server starts on what a later version made of the database. */
export function startOnLater(): Promise<Finished> {
  return onEmptyDatabase(async ({ url }, teardown) => {
    const node = new ClusterNode('newer', await teardown.temporaryDirectory('newer'), url, undefined)
    await node.start()
    await node.stop()
    await runSql(url, `insert into kysely_migration values ('9999_later', '2040-01-01T00:00:00Z')`)
    return run([process.execPath, MAIN, 'serve'], {
      cwd: ROOT,
      env: { ...nodeEnvironment(await teardown.temporaryDirectory('older'), url), COUNTERSIGN_LISTEN: address() },
    })
  })
}

async function answerOf(issuing: ClusterNode, asked: ClusterNode): Promise<number> {
  await furnishResources(issuing)
  await furnishClient(issuing, 'canister')
  const { host, key } = await issueKey(issuing, 'canister')
  const connection = await asked.connect()
  const { status } = await connection.ask(host, key)
  connection.close()
  return status
}

function startOnly(dataDir: string, url: string, ready: () => Promise<boolean>): Promise<Program> {
  return startProgram({
    name: 'countersign serve',
    command: [process.execPath, MAIN, 'serve'],
    cwd: ROOT,
    env: { ...nodeEnvironment(dataDir, url), COUNTERSIGN_LISTEN: address() },
    ready,
  })
}

function address(): string {
  return `127.0.0.1:${freePort()}`
}
