// A server that is started with a declared file, as a process of its own: on nothing, again, killed, beside another.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatCredential } from '@countersign/resource-server'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { type Database, makeEmptyDatabase, runSql } from '../../packages/server/src/store/testing/postgres-databases.ts'
import { ClusterNode } from '../support/cluster.ts'
import { MAIN, startCountersign } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const KEY = formatCredential('key', crypto.getRandomValues(new Uint8Array(32)))
const GROUPS = 60
/** So many that the start can be interrupted before all are there. */
const MANY_GROUPS = 1500
const groups = (count: number) => Array.from({ length: count }, (_, index) => `{ name: group-${index} }`).join(', ')
const DECLARED = `
name: platform
groups: [${groups(GROUPS)}]
resources:
  - name: forge
    identifier: https://forge.example.com
    hosts: [forge.example.com]
    scopes: [repo:read]
    rules: [{ path: /**, require: { scopes: [repo:read] } }]
clients:
  - id: mirror
    keys: [{ name: laptop, secret_file: mirror.key }]
permissions:
  - { client: mirror, resource: forge, scopes: [repo:read] }
`
const THINGS = GROUPS + 4

const hasPostgres = (await availableEngines()).includes(POSTGRES)
const teardown = new Teardown()
let home: string
let file: string
beforeAll(async () => {
  home = await teardown.temporaryDirectory('home')
  file = await declare('countersign.yaml', DECLARED)
  await writeFile(join(home, 'mirror.key'), `${KEY}\n`)
})
afterAll(() => teardown.run(), PATIENCE_MS)

async function declare(name: string, text: string): Promise<string> {
  const path = join(home, name)
  await writeFile(path, text)
  return path
}

const FORWARDED = {
  ...{ authorization: `Bearer ${KEY}`, 'x-forwarded-host': 'forge.example.com', 'x-forwarded-proto': 'https' },
  ...{ 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/app' },
}
const statusAt = async (url: string) => (await fetch(`${url}/verify/forward`, { headers: FORWARDED })).status
const isReady = async (url: string) => (await fetch(`${url}/readyz`)).status === 200

/** The line that tells of its end. */
function outcome(log: string): Record<string, unknown> | undefined {
  const line = log.split('\n').find((text) => text.includes('"what is declared is there"'))
  return line === undefined ? undefined : JSON.parse(line)
}
const isApplied = (log: () => string) => until('the declared file to be applied', () => outcome(log()) !== undefined)

const refused = (environment: Record<string, string>) =>
  run([process.execPath, MAIN, 'serve'], { cwd: ROOT, env: { HOME: home, ...environment } })

describe('a server that is started with a declared file', () => {
  test(
    'brings it about on nothing, is ready after that, and finds it done at the next start',
    async () => {
      const data = await teardown.temporaryDirectory('data')
      const server = await startCountersign(data, { COUNTERSIGN_APPLY: file })
      await isApplied(server.log)
      expect(outcome(server.log())).toMatchObject({ done: THINGS, unchanged: 0 })
      expect([await isReady(server.url), await statusAt(server.url)]).toEqual([true, 200])
      const { body } = await server.call('GET', '/audit-events?noun=client&limit=1')
      expect(body).toMatchObject({ items: [{ actor: 'countersign', credential: null, noun_id: 'mirror' }] })
      expect(server.log()).not.toContain(KEY.slice(8))
      await server.stop()

      const again = await startCountersign(data, { COUNTERSIGN_APPLY: file })
      await isApplied(again.log)
      expect(outcome(again.log())).toMatchObject({ done: 0, unchanged: THINGS })
      expect(again.log()).not.toContain('"changed"')

      // What was made by hand, and a key that was revoked, stay as they are.
      await again.make('/groups', { name: 'by-hand' })
      const found = await again.call('GET', '/credentials?managed_by=platform')
      const [{ id }] = (found.body as { items: [{ id: string }] }).items
      expect((await again.call('POST', `/credentials/${id}/revoke`, {})).status).toBe(200)
      await again.stop()
      const third = await startCountersign(data, { COUNTERSIGN_APPLY: file })
      await isApplied(third.log)
      expect(await statusAt(third.url)).toBe(401)
      expect(third.log()).toContain('key laptop of mirror is revoked, and stays so')
      expect((await third.call('GET', '/groups/by-hand')).status).toBe(200)
      await third.stop()
    },
    PATIENCE_MS,
  )

  test(
    'that deletes nothing, says what pruning would',
    async () => {
      const data = await teardown.temporaryDirectory('data')
      const first = await startCountersign(data, { COUNTERSIGN_APPLY: file })
      await isApplied(first.log)
      await first.stop()
      const less = await declare('less.yaml', DECLARED.replace('{ name: group-0 }, ', ''))
      const next = await startCountersign(data, { COUNTERSIGN_APPLY: less })
      await isApplied(next.log)
      expect(next.log()).toContain('"undeclared":["group group-0"]')
      expect((await next.call('GET', '/groups/group-0')).status).toBe(200)
      await next.stop()
    },
    PATIENCE_MS,
  )

  test(
    'is stopped while it brings that about like at any other time, and goes on at the next start',
    async () => {
      const data = await teardown.temporaryDirectory('data')
      const many = Array.from({ length: MANY_GROUPS }, (_, index) => `{ name: many-${index} }`).join(', ')
      const long = await declare('long.yaml', `name: long\ngroups: [${many}]\n`)
      const server = await startCountersign(data, { COUNTERSIGN_APPLY: long })
      await until('some to be there', () => server.log().includes('many-20"'))
      await server.stop()
      expect(await server.exited).toBe(0)
      expect(server.log()).toContain('asked to stop before all that is declared was there')
      expect(server.log()).toMatch(/"stopping"[\s\S]*"stopped"/)
      expect(outcome(server.log())).toBeUndefined()
      expect(server.log()).not.toContain(`many-${MANY_GROUPS - 1}"`)
      const again = await startCountersign(data, { COUNTERSIGN_APPLY: long })
      await isApplied(again.log)
      const { done, unchanged } = outcome(again.log()) as { done: number; unchanged: number }
      expect([done + unchanged, unchanged > 20]).toEqual([MANY_GROUPS, true])
      await again.stop()
    },
    PATIENCE_MS,
  )

  test(
    'does not start, nor listens, where what it declares was deleted by hand',
    async () => {
      const data = await teardown.temporaryDirectory('data')
      const server = await startCountersign(data, { COUNTERSIGN_APPLY: file })
      await isApplied(server.log)
      expect((await server.call('DELETE', '/clients/mirror')).status).toBe(204)
      await server.stop()
      const environment = { COUNTERSIGN_DATA_DIR: data, COUNTERSIGN_LISTEN: `127.0.0.1:${freePort()}` }
      const { exitCode, stdout, stderr } = await refused({ ...environment, COUNTERSIGN_APPLY: file })
      expect([exitCode, stdout]).toEqual([78, ''])
      expect(stderr).toContain('clients[0] (line 11): client mirror was deleted, and its name is never given again')
    },
    PATIENCE_MS,
  )

  test(
    'does not start on a mistake in it, and says every one with its line',
    async () => {
      const data = await teardown.temporaryDirectory('data')
      const address = `127.0.0.1:${freePort()}`
      const environment = { COUNTERSIGN_DATA_DIR: data, COUNTERSIGN_LISTEN: address }
      const written = DECLARED.replace('client: mirror', 'client: mirrr')
      const dangling = await declare('dangling.yaml', written.replace('resource: forge', 'resource: forg'))
      const { exitCode, stdout, stderr } = await refused({ ...environment, COUNTERSIGN_APPLY: dangling })
      expect([exitCode, stdout]).toEqual([78, ''])
      expect(stderr).toBe(
        [
          'countersign: The configuration is not acceptable.',
          `  ${dangling}: permissions[0].resource (line 14): there is no resource forg, neither declared here nor there already`,
          `  ${dangling}: permissions[0].client (line 14): there is no client mirrr, neither declared here nor there already\n`,
        ].join('\n'),
      )
      const misspelled = await declare('misspelled.yaml', 'groops: []\nusers: [{ username: A }]\n')
      const unread = await refused({ ...environment, COUNTERSIGN_APPLY: misspelled })
      expect(unread.exitCode).toBe(78)
      expect(unread.stderr).toContain('(line 1)')
      expect(unread.stderr).toContain('(line 2)')
      const absent = await refused({ ...environment, COUNTERSIGN_APPLY: join(home, 'absent.yaml') })
      expect([absent.exitCode, absent.stderr]).toEqual([78, expect.stringContaining('absent.yaml cannot be read')])

      const server = await startCountersign(data)
      expect((await server.call('GET', '/groups?limit=1')).body).toMatchObject({ items: [] })
      await server.stop()
    },
    PATIENCE_MS,
  )

  test(
    'and is killed in the middle leaves a part, and the next start goes on from there',
    async () => {
      const data = await teardown.temporaryDirectory('data')
      const many = await declare('many.yaml', DECLARED.replace(groups(GROUPS), groups(MANY_GROUPS)))
      const server = await startCountersign(data, { COUNTERSIGN_APPLY: many })
      await until('a part to be there', () => server.log().includes('group-3"'))
      expect(await isReady(server.url)).toBe(false)
      await server.kill()
      expect(outcome(server.log())).toBeUndefined()
      const next = await startCountersign(data, { COUNTERSIGN_APPLY: many })
      await isApplied(next.log)
      const { done, unchanged } = outcome(next.log()) as { done: number; unchanged: number }
      expect([done + unchanged, unchanged > 3]).toEqual([MANY_GROUPS + 4, true])
      expect(await statusAt(next.url)).toBe(200)
      await next.stop()
    },
    PATIENCE_MS,
  )
})

describe.skipIf(!hasPostgres)('servers that are started at once with one declared file', () => {
  test(
    'make each thing once, whoever is first, and all become ready',
    async () => {
      const database: Database = await makeEmptyDatabase()
      teardown.add(() => database.remove())
      const nodes = await Promise.all(
        ['one', 'two', 'three'].map(async (name) => {
          const data = await teardown.temporaryDirectory(name)
          return new ClusterNode(name, data, database.url, undefined)
        }),
      )
      await Promise.all(nodes.map((node) => node.start({ COUNTERSIGN_APPLY: file })))
      for (const node of nodes) teardown.add(() => node.stop())
      await Promise.all(nodes.map((node) => isApplied(() => node.log())))
      for (const node of nodes) {
        await until('it to be ready', () => isReady(`http://${node.address}`))
        await until('it to know the key', async () => (await statusAt(`http://${node.address}`)) === 200)
      }
      const [made] = await runSql(
        database.url,
        `select count(*) as events, count(distinct noun_id) as things from audit_event where action = 'group.create'`,
      )
      expect(made).toEqual({ events: String(GROUPS), things: String(GROUPS) })
    },
    PATIENCE_MS,
  )
})
