// What a restore makes of what happened since the backup was made, and of what nobody should start a server on.

import { Database as SqliteFile } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatCredential } from '@countersign/resource-server'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { type CountersignServer, MAIN, startCountersign } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { ask, furnish, onDirectory, onHost } from '../support/on-host.ts'
import { newToken } from '../support/people.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const hasPostgres = (await availableEngines()).includes(POSTGRES)
const perTest = new Teardown()
afterEach(() => perTest.run(), PATIENCE_MS)

async function startOn(dataDir: string, more: Record<string, string> = {}): Promise<CountersignServer> {
  const server = await startCountersign(dataDir, more)
  perTest.add(server.stop)
  return server
}

const JWK = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}
const ISSUER = {
  name: 'corp',
  issuer: 'https://idp.example.com',
  algorithms: ['ES256'],
  jwks: { keys: [{ ...JWK, kid: 'k1' }] },
}
const PRIVATE_KEY_JWT = { jwks: { keys: [JWK] }, token_endpoint_auth_methods: ['private_key_jwt'] }
const RULE = {
  name: 'build',
  issuer: 'corp',
  match: { sub: 'build' },
  as: { client: 'canister' },
  resources: ['webdav'],
}

/** Furnished with one of everything that lets somebody in. */
async function withEverything(dataDir: string) {
  const server = await startOn(dataDir)
  const { keys } = await furnish(server, 2)
  for (const username of ['alice', 'root']) await server.make('/users', { username, roles: ['admin'] })
  const alice = await newToken(server, 'alice', { resources: ['countersign'] })
  await server.make('/clients', { id: 'other' })
  await server.make('/permissions', { client: 'other', resource: 'webdav', scopes: ['files:read'] })
  const other = String((await server.make('/clients/other/keys', {})).key)
  for (const name of ['media', 'ops:adm']) await server.make('/groups', { name })
  await server.make('/issuers', ISSUER)
  await server.make('/trust-rules', RULE)
  return { server, keys, alice: alice.secret, other }
}

const calls = async (server: CountersignServer, key: string, path = '/clients') =>
  (await fetch(`${server.url}/api/v1${path}`, { headers: { authorization: `Bearer ${key}` } })).status

async function done(server: CountersignServer, status: number, method: string, path: string, body?: unknown) {
  const answer = await server.call(method, path, body)
  expect(answer).toMatchObject({ status })
  return answer.body as Record<string, unknown>
}

describe('OPS-17 a restore', () => {
  test.each(['log', 'audit'])(
    'takes away again whatever the %s tells was deleted or disabled since',
    async (source) => {
      const dataDir = await perTest.temporaryDirectory('data')
      const { server, keys, alice, other } = await withEverything(dataDir)
      const [held] = (await done(server, 200, 'GET', '/permissions?client=canister')).items as { id: string }[]
      const file = join(await perTest.temporaryDirectory('backups'), 'monday.db')
      expect(await onDirectory(dataDir, 'backup', file)).toMatchObject({ exitCode: 0 })

      await done(server, 204, 'DELETE', '/users/alice')
      await done(server, 200, 'PATCH', '/groups/ops:adm', { disabled: true })
      await done(server, 200, 'PATCH', '/clients/other', { disabled: true })
      await done(server, 204, 'DELETE', `/permissions/${held?.id}`)
      await done(server, 200, 'PATCH', '/groups/media', { disabled: true })
      await done(server, 200, 'PATCH', '/groups/media', { disabled: false })
      await done(server, 204, 'DELETE', '/trust-rules/build')
      await done(server, 204, 'DELETE', '/issuers/corp')
      await done(server, 200, 'PATCH', '/clients/canister', { networks: ['10.0.0.0/8'] })
      const told = join(dataDir, 'told')
      const listed = () => server.countersign('audit', '--all', '--json')
      writeFileSync(told, source === 'log' ? server.log() : (await listed()).stdout)
      const leak = JSON.stringify({ credential: server.bootstrapKey })
      if (source === 'log') {
        const headers = { 'content-type': 'application/json' }
        expect((await fetch(`${server.url}/api/v1/leaks`, { method: 'POST', headers, body: leak })).status).toBe(200)
        writeFileSync(told, server.log())
      }
      await server.stop()

      const directory = await anotherDirectory(dataDir)
      const restored = await onDirectory(directory, 'restore', file, '--revoked', told)
      expect(restored.exitCode).toBe(0)
      const [, again = ''] = restored.stderr.split('gone again:')
      for (const one of [
        'user alice',
        'client other',
        `permission ${held?.id}`,
        'group ops:adm',
        'trust_rule build',
        'issuer corp',
      ]) {
        expect(again.split('Changed after')[0]).toContain(`  ${one}\n`)
      }
      await expectAlikeOnPostgres(dataDir, restored.stderr, file, '--revoked', told)
      expect(restored.stderr).not.toContain('group media')
      expect(restored.stderr).toMatch(/Changed after the backup[^\n]*\n {2}client canister\n/)
      const started = await startOn(directory, { COUNTERSIGN_BOOTSTRAP_KEY: 'x'.repeat(40) })
      expect(await calls(started, alice)).toBe(401)
      expect([await ask(started, other), await ask(started, keys[0]?.secret ?? '')]).toEqual([401, 403])
      if (source === 'log') return expect(await calls(started, started.bootstrapKey)).toBe(401)
      expect(await done(started, 200, 'GET', '/issuers/corp')).toMatchObject({ disabled: true })
      const { expires_at: ends } = await done(started, 200, 'GET', '/trust-rules/build')
      expect(Date.parse(String(ends))).toBeLessThanOrEqual(Date.now())
      const { items } = await done(started, 200, 'GET', '/audit-events?action=user.change')
      expect(items).toMatchObject([
        { actor: 'countersign', noun_id: 'alice', detail: { reason: 'restored from a backup' } },
      ])
    },
    PATIENCE_MS,
  )

  test(
    'after a break-in leaves nothing by which somebody can since be known or allowed',
    async () => {
      const dataDir = await perTest.temporaryDirectory('data')
      const { server, keys, alice, other } = await withEverything(dataDir)
      await server.make('/clients', { id: 'pkj' })
      await server.make('/clients', { id: 'retired', disabled: true })
      await Bun.sleep(1100)
      const since = new Date().toISOString()
      await Bun.sleep(1100)

      await done(server, 200, 'PATCH', '/clients/pkj', PRIVATE_KEY_JWT)
      await server.make('/users', { username: 'mallory', roles: ['admin'] })
      await server.make('/clients', { id: 'evil' })
      await done(server, 200, 'PATCH', '/clients/retired', { disabled: false })
      await done(server, 200, 'PATCH', '/users/alice', { links: [{ issuer: 'corp', subject: 'mallory' }] })
      await server.make('/permissions', { client: 'canister', resource: 'countersign', scopes: ['credentials:write'] })
      await done(server, 200, 'PATCH', '/trust-rules/build', { match: { sub: 'evil' } })
      await done(server, 200, 'PATCH', '/clients/other', { groups: ['media'] })
      const file = join(await perTest.temporaryDirectory('backups'), 'late.db')
      expect(await onDirectory(dataDir, 'backup', file)).toMatchObject({ exitCode: 0 })
      await server.stop()

      const directory = await anotherDirectory(dataDir)
      const restored = await onDirectory(
        directory,
        'restore',
        file,
        '--accept-lost-revocations',
        '--revoke-since',
        since,
      )
      expect(restored.exitCode).toBe(0)
      const sinceThen = ['--accept-lost-revocations', '--revoke-since', since]
      await expectAlikeOnPostgres(dataDir, restored.stderr, file, ...sinceThen)
      const [, made = '', left = ''] = restored.stderr.split(/Made or given since[^\n]*\n|Changed since[^\n]*\n/)
      const names = made
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().replace(/perm_\w+/, 'perm'))
      expect(names.toSorted()).toEqual([
        ...[
          'client evil',
          'client pkj',
          'client retired',
          'permission perm',
          'permission perm',
          'trust_rule build',
          'user alice',
          'user mallory',
        ],
      ])
      expect(left).toStartWith('  client other\n')
      const started = await startOn(directory)
      expect([
        await calls(started, alice),
        await ask(started, other),
        await ask(started, keys[0]?.secret ?? ''),
      ]).toEqual([...[401, 200, 200]])
      expect(await done(started, 200, 'GET', '/clients/pkj')).toMatchObject({ disabled: true })
    },
    PATIENCE_MS,
  )

  test(
    'takes no moment that can revoke nothing, and none that there is not',
    async () => {
      const { file, directory } = await backedUp()
      for (const [when, code, says] of [
        ['2099-01-01T00:00:00Z', 1, 'nothing in it was made since 2099-01-01T00:00:00.000Z'],
        ['0s', 1, 'nothing in it was made since'],
        ['2030-99-99T99:99:99Z', 2, '--revoke-since: expected'],
        ['2026-02-31T00:00:00Z', 2, '--revoke-since: expected'],
        ['2026-11-24T0:Z', 2, '--revoke-since: expected'],
      ] as const) {
        const refused = await onDirectory(
          directory,
          'restore',
          file,
          '--accept-lost-revocations',
          '--revoke-since',
          when,
        )
        expect([when, refused.exitCode, refused.stderr]).toEqual([when, code, expect.stringContaining(says)])
      }
      expect(existsSync(join(directory, 'countersign.db'))).toBe(false)
    },
    PATIENCE_MS,
  )

  test(
    'brings in nothing that happened before the backup was made',
    async () => {
      const dataDir = await perTest.temporaryDirectory('data')
      const server = await startOn(dataDir)
      await furnish(server, 1)
      await done(server, 200, 'PATCH', '/clients/canister', { name: 'Canister' })
      await done(server, 200, 'POST', '/clients/canister/revoke-credentials', { reason: 'lost' })
      const key = String((await server.make('/clients/canister/keys', {})).key)
      const file = join(await perTest.temporaryDirectory('backups'), 'monday.db')
      expect(await onDirectory(dataDir, 'backup', file)).toMatchObject({ exitCode: 0 })
      await server.stop()
      const directory = await anotherDirectory(dataDir)
      const log = join(directory, 'log')
      writeFileSync(log, server.log())
      const restored = await onDirectory(directory, 'restore', file, '--revoked', log)
      expect([restored.exitCode, restored.stderr]).toEqual([0, expect.stringContaining('Revoked again: 0.')])
      expect(restored.stderr).not.toContain('canister')
      expect(await ask(await startOn(directory), key)).toBe(200)
    },
    PATIENCE_MS,
  )

  test(
    'believes nothing that tells of nothing, and no part of the events for all of them',
    async () => {
      const { file, directory } = await backedUp()
      const told = join(directory, 'told')
      for (const [text, says] of [
        ['', 'nothing in it tells of'],
        ['{"items":[],"next_cursor":null}', 'nothing in it tells of'],
        ['{"items":[{"action":"user.delete","noun":"user","noun_id":"a"}],"next_cursor":"x"}', '--all --json'],
        ['{"error":"no"}', 'expected the answer of countersign audit'],
        ['{"time":1,"msg":"countersign serves"}\nStopped countersign.service.', 'nothing in it tells of'],
        ['Stopped countersign.service.', 'line 1 is no id'],
      ] as const) {
        writeFileSync(told, text)
        const refused = await onDirectory(directory, 'restore', file, '--revoked', told)
        expect([text, refused.exitCode, refused.stderr]).toEqual([text, 2, expect.stringContaining(says)])
      }
      const alone = await onDirectory(directory, 'restore', file, '--revoke-since', '1d')
      expect([alone.exitCode, alone.stderr]).toEqual([2, expect.stringContaining('--accept-lost-revocations')])
      writeFileSync(told, 'client:nosuch\nkey_01M85D4RF178AMDY7FNV6XWD9H\n')
      const done = await onDirectory(directory, 'restore', file, '--revoked', told)
      expect([done.exitCode, done.stderr]).toEqual([0, expect.stringContaining('Revoked again: 0.')])
      expect(done.stderr).toMatch(/Not in the backup[^\n]*\n {2}client:nosuch\n {2}key_01M85D4RF178AMDY7FNV6XWD9H\n/)
    },
    PATIENCE_MS,
  )

  test.each(['a declared file', 'an import'])(
    'keeps revoked what %s brings in once more',
    async (how) => {
      const dataDir = await perTest.temporaryDirectory('data')
      const server = await startOn(dataDir)
      await furnish(server, 0)
      const file = join(await perTest.temporaryDirectory('backups'), 'monday.db')
      expect(await onDirectory(dataDir, 'backup', file)).toMatchObject({ exitCode: 0 })
      await server.stop()
      const own = formatCredential('key', crypto.getRandomValues(new Uint8Array(32)))
      const key = how === 'an import' ? `glpat-${own.slice(8)}` : own
      const declared = join(dataDir, 'declared.yaml')
      writeFileSync(
        declared,
        `name: f\nclients: [{ id: canister, adopt: true, keys: [{ name: k, sha256: ${Bun.SHA256.hash(key, 'hex')} }] }]\n`,
      )
      const tokens = join(dataDir, 'tokens.csv')
      writeFileSync(tokens, `digest,owner\n${Bun.SHA256.hash(key, 'hex')},client:canister\n`)
      const bringIn = (to: CountersignServer) =>
        how === 'an import'
          ? to.countersign('credentials', 'import', '--prefix', 'glpat-', tokens)
          : to.countersign('apply', '-f', declared)
      const late = await startOn(dataDir)
      expect(await bringIn(late)).toMatchObject({ exitCode: 0 })
      expect(await ask(late, key)).toBe(200)
      const [made] = (await done(late, 200, 'GET', '/credentials?owner=client:canister&kind=key')).items as {
        id: string
      }[]
      await done(late, 200, 'POST', `/credentials/${made?.id}/revoke`, { reason: 'leaked' })
      await late.stop()

      const directory = await anotherDirectory(dataDir)
      const log = join(directory, 'log')
      writeFileSync(log, `Starting countersign.service\n${late.log()}`)
      const restored = await onDirectory(directory, 'restore', file, '--revoked', log)
      expect([restored.exitCode, restored.stderr]).toEqual([0, expect.stringContaining(`  ${made?.id}\n`)])
      const started = await startOn(directory)
      expect(await bringIn(started)).toMatchObject({ exitCode: 0 })
      expect(await ask(started, key)).toBe(401)
      expect(await bringIn(started)).toMatchObject({ exitCode: 0 })
      expect(await ask(started, key)).toBe(401)
    },
    PATIENCE_MS,
  )
})

describe('OPS-24 no server starts', () => {
  test(
    'on a backup that was put into place by hand',
    async () => {
      const { file, directory } = await backedUp()
      cpSync(file, join(directory, 'countersign.db'))
      for (const command of ['serve', 'backup x.db']) {
        const refused = await onDirectory(directory, ...command.split(' '))
        expect([refused.exitCode, refused.stderr + refused.stdout]).toEqual([
          1,
          expect.stringContaining('countersign restore <file>'),
        ])
      }
    },
    PATIENCE_MS,
  )

  test(
    'on what a damaged backup would become',
    async () => {
      const { file, directory } = await backedUp()
      const damaged = join(directory, 'damaged.db')
      for (const [statement, says] of [
        [`update setting set value = 'null' where name = 'backup'`, 'damaged'],
        [`update setting set value = '{' where name = 'backup'`, 'damaged'],
        [`delete from setting where name = 'kek_canary'`, 'damaged'],
        ['drop table permission', 'damaged'],
      ] as const) {
        cpSync(file, damaged)
        const database = new SqliteFile(damaged)
        database.run('pragma foreign_keys = off')
        database.run(statement)
        database.close()
        const refused = await onDirectory(directory, 'restore', damaged, '--accept-lost-revocations')
        expect([statement, refused.exitCode, refused.stderr]).toEqual([statement, 1, expect.stringContaining(says)])
      }
      expect((await run(['mkfifo', join(directory, 'fifo')])).exitCode).toBe(0)
      for (const args of [
        ['restore', 'fifo', '--accept-lost-revocations'],
        ['backup', '--verify', 'fifo'],
      ]) {
        const named = args.map((arg) => (arg === 'fifo' ? join(directory, 'fifo') : arg))
        expect(await onDirectory(directory, ...named)).toMatchObject({
          exitCode: 1,
          stderr: expect.stringContaining('is no file'),
        })
      }
      expect(readdirSync(directory)).not.toContain('countersign.db')
    },
    PATIENCE_MS,
  )

  test(
    'OPS-04 on a part: where the disk is full, the backup is restored with all that was revoked, or not at all',
    async () => {
      const { file, directory, keys } = await backedUp(60)
      const ids = join(directory, 'ids')
      writeFileSync(ids, keys.map(({ id }) => `${id}\n`).join(''))
      const kib = Math.ceil(statSync(file).size / 1024)
      let [whole, none] = [0, 0]
      for (const room of [-8, 0, 8, 40, 100, 200, 300, 400, 500, 2000]) {
        const target = await anotherDirectory(directory)
        const command = `ulimit -f ${kib + room}; exec "$0" "$@"`
        const args = [process.execPath, MAIN, 'restore', file, '--revoked', ids]
        const env = { HOME: '/nonexistent', COUNTERSIGN_DATA_DIR: target }
        const { exitCode } = await run(['bash', '-c', command, ...args], { cwd: ROOT, env })
        const database = join(target, 'countersign.db')
        if (exitCode !== 0) {
          none++
          expect(existsSync(database)).toBe(false)
          continue
        }
        whole++
        const restored = new SqliteFile(database, { readonly: true })
        expect(restored.query('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' })
        const revoked = restored.query('select count(*) as n from credential where revoked_at is not null').get()
        expect(revoked).toEqual({ n: keys.length })
        restored.close()
      }
      expect([none, whole].every((count) => count > 0)).toBe(true)
    },
    PATIENCE_MS,
  )
})

/** The same on PostgreSQL has to say the same, where there is one. */
async function expectAlikeOnPostgres(lost: string, said: string, ...args: string[]) {
  if (!hasPostgres) return
  const place = await POSTGRES.makeEmptyPlace()
  perTest.add(() => place.remove())
  const directory = await anotherDirectory(lost)
  const env = { COUNTERSIGN_DATA_DIR: directory, COUNTERSIGN_DATABASE_URL: place.databaseUrl ?? '' }
  expect(await onHost(env, 'restore', ...args)).toMatchObject({ exitCode: 0, stderr: said })
}

async function anotherDirectory(lost: string): Promise<string> {
  const directory = await perTest.temporaryDirectory('restored')
  cpSync(join(lost, 'kek'), join(directory, 'kek'))
  return directory
}

/** A backup with so many keys, and a directory that has the key-encryption key and nothing else. */
async function backedUp(count = 1) {
  const dataDir = await perTest.temporaryDirectory('data')
  const server = await startOn(dataDir)
  const { keys } = await furnish(server, count)
  await server.stop()
  const file = join(await perTest.temporaryDirectory('backups'), 'monday.db')
  expect(await onDirectory(dataDir, 'backup', file)).toMatchObject({ exitCode: 0 })
  return { file, keys, directory: await anotherDirectory(dataDir) }
}
