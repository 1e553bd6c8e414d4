// Backup, restore and moving to PostgreSQL, by the commands that an operator gives, on real servers.

import { Database as SqliteFile } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { runSql } from '../../packages/server/src/store/testing/postgres-databases.ts'
import { KEK } from '../support/app.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { ask, furnish, onDirectory, onHost, tokenOf } from '../support/on-host.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const perTest = new Teardown()
afterEach(() => perTest.run(), PATIENCE_MS)
const onPostgres = (await availableEngines()).includes(POSTGRES) ? test : test.skip

async function startOn(dataDir: string, more: Record<string, string> = {}): Promise<CountersignServer> {
  const server = await startCountersign(dataDir, more)
  perTest.add(server.stop)
  return server
}

/** A directory for a restored database, with the key-encryption key of the one that was lost. */
async function anotherDirectory(lost: string): Promise<string> {
  const directory = await perTest.temporaryDirectory('restored')
  cpSync(join(lost, 'kek'), join(directory, 'kek'))
  return directory
}

describe('a backup', () => {
  test(
    'OPS-29 made while servers write is whole, private, holds no secret, and is never written over',
    async () => {
      const dataDir = await perTest.temporaryDirectory('data')
      const server = await startOn(dataDir)
      const { keys, secret } = await furnish(server, 3)
      const file = join(await perTest.temporaryDirectory('backups'), 'monday.db')
      let isWriting = true
      const writing = (async () => {
        for (let n = 0; isWriting; n++) await server.make('/groups', { name: `g${n}` })
      })()
      const made = await onDirectory(dataDir, 'backup', file)
      isWriting = false
      await writing
      expect([made.exitCode, made.stderr]).toEqual([0, expect.stringContaining('Not in it: the key-encryption key')])
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect(existsSync(`${file}.partial`)).toBe(false)
      const verified = await onDirectory(dataDir, 'backup', '--verify', file, '--json')
      expect(JSON.parse(verified.stdout)).toMatchObject({ from: 'sqlite', rows: { resource: 1, credential: 4 } })
      const bytes = readFileSync(file, 'latin1')
      for (const hidden of [
        ...keys.map((key) => key.secret),
        secret,
        readFileSync(join(dataDir, 'kek'), 'utf8').trim(),
      ]) {
        expect(bytes.includes(hidden)).toBe(false)
      }
      const again = await onDirectory(dataDir, 'backup', file)
      expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining('is there already')])
      expect(readFileSync(file, 'latin1')).toBe(bytes)
    },
    PATIENCE_MS,
  )

  test(
    'of a server that is stopped, or was killed, is as good',
    async () => {
      const dataDir = await perTest.temporaryDirectory('data')
      const server = await startOn(dataDir)
      await furnish(server, 1)
      await server.stop()
      const backups = await perTest.temporaryDirectory('backups')
      expect(await onDirectory(dataDir, 'backup', join(backups, 'stopped.db'))).toMatchObject({ exitCode: 0 })
      const again = await startOn(dataDir)
      await again.make('/clients', { id: 'newcomer' })
      await again.kill()
      const killed = await onDirectory(dataDir, 'backup', join(backups, 'killed.db'), '--json')
      expect([killed.exitCode, JSON.parse(killed.stdout)]).toMatchObject([0, { rows: { resource: 1, credential: 2 } }])
      const { rows } = JSON.parse(killed.stdout) as { rows: { client: number } }
      const before = await onDirectory(dataDir, 'backup', '--verify', join(backups, 'stopped.db'), '--json')
      expect(JSON.parse(before.stdout)).toMatchObject({ rows: { client: rows.client - 1 } })
    },
    PATIENCE_MS,
  )

  test(
    'of nothing, and what is none or damaged, is said to be so',
    async () => {
      const empty = await perTest.temporaryDirectory('empty')
      const nothing = await onDirectory(empty, 'backup', join(empty, 'x.db'))
      expect([nothing.exitCode, nothing.stderr]).toEqual([
        1,
        expect.stringContaining('there is no Countersign data in'),
      ])
      expect(existsSync(join(empty, 'countersign.db'))).toBe(false)
      const file = join(empty, 'text.db')
      for (const [content, expected] of [
        ['no database', 'is no backup of Countersign'],
        ['', 'is no backup of Countersign'],
      ] as const) {
        writeFileSync(file, content)
        const said = await onDirectory(empty, 'backup', '--verify', file)
        expect([said.exitCode, said.stderr]).toEqual([1, expect.stringContaining(expected)])
      }
      const foreign = new SqliteFile(file.replace('text', 'foreign'), { create: true })
      foreign.run('create table revision (value integer)')
      foreign.run('create table setting (name text, value text)')
      foreign.close()
      const said = await onDirectory(empty, 'backup', '--verify', file.replace('text', 'foreign'))
      expect([said.exitCode, said.stderr]).toEqual([
        1,
        expect.stringContaining('no backup that countersign backup made'),
      ])
    },
    PATIENCE_MS,
  )
})

describe('a restore', () => {
  /** A server whose database is lost after three keys were made, of which one was revoked after the backup. */
  async function lostServer() {
    const dataDir = await perTest.temporaryDirectory('data')
    const server = await startOn(dataDir)
    const { keys, secret } = await furnish(server, 3)
    const token = await tokenOf(server, secret)
    const file = join(await perTest.temporaryDirectory('backups'), 'monday.db')
    expect((await onDirectory(dataDir, 'backup', file)).exitCode).toBe(0)
    const late = await server.make('/clients/canister/keys', {})
    await server.call('POST', `/credentials/${keys[0]?.id}/revoke`, { reason: 'leaked' })
    expect(await ask(server, String(late.key))).toBe(200)
    const log = server.log()
    await server.stop()
    return { dataDir, keys, secret, token, file, late: String(late.key), log }
  }

  test(
    'OPS-17 has what was revoked since revoked again, by the log, and ends what could be in wrong hands',
    async () => {
      const { dataDir, keys, secret, token, file, late, log } = await lostServer()
      const directory = await anotherDirectory(dataDir)
      const logFile = join(directory, 'countersign.log')
      writeFileSync(logFile, log)
      const done = await onDirectory(directory, 'restore', file, '--revoked', logFile)
      expect([done.exitCode, done.stderr]).toEqual([0, expect.stringContaining('Revoked again: 1.')])
      const server = await startOn(directory)
      const answers = [keys[0]?.secret, keys[1]?.secret, keys[2]?.secret, late, token].map((text) =>
        ask(server, text ?? ''),
      )
      expect(await Promise.all(answers)).toEqual([401, 200, 200, 401, 401])
      expect(await ask(server, await tokenOf(server, secret))).toBe(200)
      const events = await server.call('GET', '/audit-events?action=database.restore')
      expect(events).toMatchObject({ status: 200, body: { items: [{ actor: 'countersign' }] } })
    },
    PATIENCE_MS,
  )

  test(
    'OPS-24 wants to be told what was revoked since, has a database nowhere in its way, and its key beside it',
    async () => {
      const { dataDir, file } = await lostServer()
      const before = readFileSync(join(dataDir, 'countersign.db'))
      const directory = await perTest.temporaryDirectory('restored')
      for (const [args, where, code, expected] of [
        [[], directory, 2, '--accept-lost-revocations'],
        [['--accept-lost-revocations'], dataDir, 1, 'has a database already'],
        [['--accept-lost-revocations'], directory, 1, 'kek is missing: it is in no backup'],
      ] as const) {
        const refused = await onDirectory(where, 'restore', file, ...args)
        expect([refused.exitCode, refused.stderr]).toEqual([code, expect.stringContaining(expected)])
      }
      expect(readFileSync(join(dataDir, 'countersign.db')).equals(before)).toBe(true)
      writeFileSync(join(directory, 'kek'), Buffer.alloc(32, 9).toString('base64'), { mode: 0o600 })
      const wrong = await onDirectory(directory, 'restore', file, '--accept-lost-revocations')
      expect([wrong.exitCode, wrong.stderr]).toEqual([
        1,
        expect.stringContaining('not the one that this database was made with'),
      ])
      expect(existsSync(join(directory, 'countersign.db'))).toBe(false)
      expect(existsSync(join(directory, 'restoring'))).toBe(false)
    },
    PATIENCE_MS,
  )

  test(
    'is not played over by what SQLite left of the database that was lost',
    async () => {
      const { dataDir, file, keys } = await lostServer()
      const database = join(dataDir, 'countersign.db')
      const server = await startOn(dataDir)
      await server.make('/groups', { name: 'late' })
      await server.kill()
      expect(existsSync(`${database}-wal`)).toBe(true)
      rmSync(database)
      const refused = await onDirectory(dataDir, 'restore', file, '--accept-lost-revocations')
      expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('countersign.db-wal of another')])
      for (const end of ['-wal', '-shm']) rmSync(`${database}${end}`, { force: true })
      expect(await onDirectory(dataDir, 'restore', file, '--accept-lost-revocations')).toMatchObject({ exitCode: 0 })
      const restored = await startOn(dataDir)
      expect(await Promise.all(keys.map((key) => ask(restored, key.secret)))).toEqual([200, 200, 200])
    },
    PATIENCE_MS,
  )

  test(
    'with --revoke-since also ends what was made since a moment',
    async () => {
      const { dataDir, keys, file } = await lostServer()
      const directory = await anotherDirectory(dataDir)
      const done = await onDirectory(directory, 'restore', file, '--accept-lost-revocations', '--revoke-since', '1h')
      expect([done.exitCode, done.stderr]).toEqual([0, expect.stringContaining('that were made since')])
      const server = await startOn(directory)
      expect(await Promise.all(keys.map((key) => ask(server, key.secret)))).toEqual([401, 401, 401])
    },
    PATIENCE_MS,
  )

  test(
    'says of a list that is none, without repeating what it holds',
    async () => {
      const { file, dataDir } = await lostServer()
      const directory = await anotherDirectory(dataDir)
      const list = join(directory, 'list')
      writeFileSync(list, 'key_01J\ncs_key_SECRET not an id\n')
      const refused = await onDirectory(directory, 'restore', file, '--revoked', list)
      expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('line 2 is no id')])
      expect(refused.stderr).not.toContain('SECRET')
    },
    PATIENCE_MS,
  )
})

describe('on PostgreSQL', () => {
  const newDatabase = async () => {
    const place = await POSTGRES.makeEmptyPlace()
    perTest.add(() => place.remove())
    return place.databaseUrl ?? ''
  }

  onPostgres(
    'migrate-data moves everything, goes on where it was broken off, and starts no server on a part',
    async () => {
      const dataDir = await perTest.temporaryDirectory('data')
      const old = await startOn(dataDir)
      const { keys, secret } = await furnish(old, 3)
      for (let n = 0; n < 600; n++) await old.make('/groups', { name: `g${n}` })
      const url = await newDatabase()
      const env = { COUNTERSIGN_DATA_DIR: dataDir, COUNTERSIGN_DATABASE_URL: url }
      const running = await onHost(env, 'migrate-data')
      expect([running.exitCode, running.stderr]).toEqual([1, expect.stringContaining('another server uses')])
      const token = await tokenOf(old, secret)
      await old.stop()

      // What a broken-off copy leaves: it ends in the middle of the audit events.
      expect((await onHost(env, 'migrate-data')).exitCode).toBe(0)
      const [{ value: revision } = { value: 0 }] = await runSql(url, 'select value from revision')
      await runSql(
        url,
        `insert into setting values ('being_filled_from', '${dataDir} at revision ${revision}');
       delete from revision; delete from setting where name <> 'being_filled_from';
       delete from audit_event where id > (select id from audit_event order by id offset 100 limit 1)`,
      )
      const kek = readFileSync(join(dataDir, 'kek'), 'utf8').trim()
      const elsewhere = await perTest.temporaryDirectory('node')
      const server = { COUNTERSIGN_DATABASE_URL: url, COUNTERSIGN_KEK: kek, COUNTERSIGN_PUBLIC_URL: old.url }
      const early = await onHost({ ...server, COUNTERSIGN_DATA_DIR: elsewhere }, 'serve')
      expect([early.exitCode, early.stderr]).toEqual([1, expect.stringContaining('is not whole')])

      const done = await onHost(env, 'migrate-data', '--json')
      expect(done.exitCode).toBe(0)
      const { tables } = JSON.parse(done.stdout) as { tables: { table: string; rows: number }[] }
      expect(tables.find(({ table }) => table === 'group')?.rows).toBe(600)
      const moved = await startOn(elsewhere, server)
      expect(await Promise.all(keys.map((key) => ask(moved, key.secret)))).toEqual([200, 200, 200])
      expect(await ask(moved, token)).toBe(200)
      const over = await onHost(env, 'migrate-data')
      expect([over.exitCode, over.stderr]).toEqual([1, expect.stringContaining('is in use already')])
    },
    PATIENCE_MS,
  )

  onPostgres(
    'a backup is the same file, and restores into either engine',
    async () => {
      const url = await newDatabase()
      const node = await perTest.temporaryDirectory('node')
      const shared = { COUNTERSIGN_KEK: KEK }
      const server = await startOn(node, { ...shared, COUNTERSIGN_DATABASE_URL: url })
      const { keys } = await furnish(server, 2)
      const backups = await perTest.temporaryDirectory('backups')
      const file = join(backups, 'monday.db')
      const made = await onHost(
        { COUNTERSIGN_DATA_DIR: node, COUNTERSIGN_DATABASE_URL: url, ...shared },
        'backup',
        file,
      )
      expect([made.exitCode, made.stderr]).toEqual([0, expect.stringContaining('Written to')])
      await server.stop()
      const other = await newDatabase()
      for (const into of [{}, { COUNTERSIGN_DATABASE_URL: other }]) {
        const directory = join(backups, Object.keys(into).join('') || 'sqlite')
        mkdirSync(directory)
        const env = { COUNTERSIGN_DATA_DIR: directory, ...shared, ...into }
        const done = await onHost(env, 'restore', file, '--accept-lost-revocations')
        expect([done.exitCode, done.stderr]).toEqual([0, expect.stringContaining('A server may be started now')])
        const restored = await startOn(directory, { ...shared, ...into })
        expect(await Promise.all(keys.map((key) => ask(restored, key.secret)))).toEqual([200, 200])
        await restored.stop()
      }
      rmSync(file)
    },
    PATIENCE_MS,
  )
})
