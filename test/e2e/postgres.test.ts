// The server as it is run on PostgreSQL: by its commands, on one database that two nodes share.
import { afterEach, expect, test } from 'bun:test'
import { availableEngines, type Place, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { runSql } from '../../packages/server/src/store/testing/postgres-databases.ts'
import { type CountersignServer, MAIN, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const KEK = Buffer.alloc(32, 7).toString('base64')
const HOST = 'webdav.example.com'

const perTest = new Teardown()
afterEach(() => perTest.run(), PATIENCE_MS)
const isThere = (await availableEngines()).includes(POSTGRES)
const onPostgres = isThere ? test : test.skip

async function newDatabase(): Promise<{ place: Place; url: string }> {
  const place = await POSTGRES.makeEmptyPlace()
  perTest.add(() => place.remove())
  return { place, url: place.databaseUrl ?? '' }
}

async function startNode(url: string, kek = KEK): Promise<CountersignServer> {
  const environment = { COUNTERSIGN_DATABASE_URL: url, COUNTERSIGN_KEK: kek }
  const server = await startCountersign(await perTest.temporaryDirectory('node'), environment)
  perTest.add(server.stop)
  return server
}

async function furnish(server: CountersignServer): Promise<{ id: string; key: string }> {
  const rules = [{ path: '/**' }]
  await server.make('/resources', { name: 'webdav', identifier: `https://${HOST}`, hosts: [HOST], rules })
  await server.make('/clients', { id: 'canister' })
  await server.make('/permissions', { client: 'canister', resource: 'webdav' })
  const { id, key } = await server.make('/clients/canister/keys', { name: 'laptop' })
  return { id: String(id), key: String(key) }
}

async function ask(server: CountersignServer, key: string): Promise<number> {
  const headers = {
    'X-Forwarded-Method': 'GET',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': HOST,
    'X-Forwarded-Uri': '/',
    'X-Forwarded-For': '192.0.2.1',
    Authorization: `Bearer ${key}`,
  }
  return (await fetch(`${server.url}/verify/forward`, { headers })).status
}

async function countersign(command: string, url: string, dataDir: string) {
  const env = { HOME: dataDir, COUNTERSIGN_DATA_DIR: dataDir, COUNTERSIGN_DATABASE_URL: url, COUNTERSIGN_KEK: KEK }
  return run([process.execPath, MAIN, command], { cwd: ROOT, env })
}

onPostgres(
  'what one node issues another knows, and what one revokes another refuses',
  async () => {
    const { url } = await newDatabase()
    const [one, other] = await Promise.all([startNode(url), startNode(url)])
    const { id, key } = await furnish(one)
    await until('the other node to know the key', async () => (await ask(other, key)) === 200)
    expect(await ask(one, key)).toBe(200)
    expect((await other.call('POST', `/credentials/${id}/revoke`, { reason: 'leaked' })).status).toBe(200)
    expect(await ask(other, key)).toBe(401)
    await until('the first node to refuse the key', async () => (await ask(one, key)) === 401)
    const [ours, theirs] = await Promise.all([one, other].map(async ({ url }) => jwksOf(url)))
    expect(ours).toEqual(theirs)
  },
  PATIENCE_MS,
)

async function jwksOf(url: string): Promise<unknown> {
  return (await fetch(`${url}/.well-known/jwks.json`)).json()
}

onPostgres(
  'a key lives on while the database is gone, for five seconds; then nothing passes until it is back',
  async () => {
    const { url } = await newDatabase()
    const server = await startNode(url)
    const { key } = await furnish(server)
    expect(await ask(server, key)).toBe(200)
    const elsewhere = url.replace(/\/test_[0-9_]+/, '/postgres')
    const name = /\/(test_[0-9_]+)/.exec(url)?.[1]
    await runSql(elsewhere, `alter database ${name} allow_connections false`)
    await runSql(elsewhere, `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`)
    expect(await ask(server, key)).toBe(200)
    expect((await server.call('POST', '/groups', { name: 'media' })).status).toBe(503)
    await until('the lease to end', async () => (await ask(server, key)) === 503)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503)
    await runSql(elsewhere, `alter database ${name} allow_connections true`)
    await until('the database to be back', async () => (await ask(server, key)) === 200)
    expect((await server.call('POST', '/groups', { name: 'media' })).status).toBe(201)
  },
  PATIENCE_MS,
)

onPostgres(
  'migrate and admin-key work on the database that serve uses',
  async () => {
    const { url } = await newDatabase()
    const dataDir = await perTest.temporaryDirectory('commands')
    expect(await countersign('migrate', url, dataDir)).toMatchObject({ exitCode: 0 })
    const server = await startNode(url)
    const made = await countersign('admin-key', url, dataDir)
    const key = /cs_key_[0-9A-Za-z]+/.exec(made.stdout)?.[0]
    const me = () => fetch(`${server.url}/api/v1/me`, { headers: { Authorization: `Bearer ${key}` } })
    await until('the server to know the key', async () => (await me()).status === 200)
  },
  PATIENCE_MS,
)

onPostgres(
  'a node with another key-encryption key does not start, and is told which option to set',
  async () => {
    const { url } = await newDatabase()
    await startNode(url)
    const other = Buffer.alloc(32, 8).toString('base64')
    await expect(startNode(url, other)).rejects.toThrow('set COUNTERSIGN_KEK to the one that all nodes on it share')
  },
  PATIENCE_MS,
)

onPostgres(
  'the guide sets up a database and a node on it',
  async () => {
    const { url } = await newDatabase()
    const server = url.replace(/\/test_[0-9_]+/, '/postgres')
    const name = `guide_${process.pid}`
    const statements = substitute(guideBlock('postgresql.md', 'database.sql'), { countersign: name })
    for (const statement of statements.trim().split('\n')) await runSql(server, statement)
    perTest.add(() => runSql(server, `drop role ${name}`))
    perTest.add(() => runSql(server, `drop database ${name} with (force)`))

    const etc = await perTest.temporaryDirectory('etc')
    const commands = `${guideBlock('postgresql.md', 'postgres')}${guideBlock('postgresql.md', 'fresh-kek')}`
      .split('\n')
      .filter((line) => !/^(install|chgrp) /.test(line))
    const own = url.replace('countersign@', `${name}:PASSWORD@`).replace(/\/test_[0-9_]+/, `/${name}`)
    const written = substitute(commands.join('\n'), {
      'postgres://countersign:PASSWORD@db.example.com/countersign?sslmode=verify-full': own,
      '/etc/countersign': etc,
    })
    expect(await run(['bash', '-euc', written])).toMatchObject({ exitCode: 0, stderr: '' })
    const conf = substitute(guideBlock('postgresql.md', 'postgres.conf'), { '/etc/countersign': etc })
    const environment = Object.fromEntries([...conf.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, k, v]) => [k, v]))
    const node = await startCountersign(await perTest.temporaryDirectory('node'), environment)
    perTest.add(node.stop)
    await furnish(node)
    expect(await runSql(own, 'select id from client order by id')).toContainEqual({ id: 'canister' })
  },
  PATIENCE_MS,
)

test(
  'a database that cannot be reached stops the start, and no output holds its password',
  async () => {
    const dataDir = await perTest.temporaryDirectory('refused')
    for (const url of ['postgres://countersign:s3cr3t-p4ss@127.0.0.1:1/countersign', 'mysql://a:s3cr3t-p4ss@h/x']) {
      for (const command of ['serve', 'migrate', 'admin-key']) {
        const { exitCode, stdout, stderr } = await countersign(command, url, dataDir)
        expect([command, exitCode]).not.toEqual([command, 0])
        expect(stderr).not.toBe('')
        expect(stdout + stderr).not.toContain('s3cr3t')
      }
    }
  },
  PATIENCE_MS,
)
