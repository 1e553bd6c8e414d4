// Rows that are not as they are written: by a disk that breaks, by a hand, by a version that is newer. Nobody passes by one.
import { Database as SqliteFile } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { chosenEngine, type Place, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { runSql } from '../../packages/server/src/store/testing/postgres-databases.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { until } from '../support/wait.ts'

const LEASE_MS = 5000
const isPostgres = chosenEngine() === POSTGRES

let place: Place
let app: TestApp | undefined
beforeEach(async () => {
  place = await chosenEngine().makePlace()
})
afterEach(async () => {
  await app?.close()
  app = undefined
  await place.remove()
})

/** Opens a server on the database that `sql` writes to. */
async function start(): Promise<TestApp> {
  const { dataDir, databaseUrl } = place
  const where = {
    COUNTERSIGN_DATA_DIR: dataDir,
    ...(databaseUrl !== undefined && { COUNTERSIGN_DATABASE_URL: databaseUrl }),
  }
  app = await startApp(where)
  return app
}

/** Writes past every server. */
async function sql(statement: string): Promise<void> {
  if (place.databaseUrl !== undefined) return void (await runSql(place.databaseUrl, statement))
  const file = new SqliteFile(join(place.dataDir, 'countersign.db'))
  try {
    file.run(statement)
  } finally {
    file.close()
  }
}

/** As a change does: the next revision, and what it names. */
async function tellOf(noun: string, id: string): Promise<void> {
  await sql(`update revision set value = value + 1, stamp = 'by-hand'`)
  await sql(
    `insert into change (revision, stamp, noun, noun_id, at) select value, stamp, '${noun}', '${id}', 1 from revision`,
  )
}

type Furnished = { readonly it: TestApp; readonly key: string; readonly id: string; readonly permission: string }

/** A server with a client that holds a key which nobody has shown yet. */
async function furnished(): Promise<Furnished> {
  const it = await start()
  const make = async (path: string, body: object) => {
    const answer = await it.api('POST', `/api/v1${path}`, body)
    if (answer.status >= 300) throw new Error(JSON.stringify(answer.body))
    return answer.body
  }
  const rules = [{ path: '/**', require: { scopes: ['files:read'] } }]
  const scopes = ['files:read']
  await make('/resources', {
    name: 'webdav',
    identifier: 'https://w.example',
    hosts: ['webdav.example.com'],
    scopes,
    rules,
  })
  await make('/groups', { name: 'media' })
  await make('/users', { username: 'alice', groups: ['media'] })
  await make('/issuers', { name: 'corp', issuer: 'https://idp.example.com' })
  await make('/clients', { id: 'bystander' })
  const trusted = { issuer: 'corp', match: { sub: 'job:nightly' }, as: { client: 'bystander' } }
  await make('/trust-rules', { name: 'jobs', ...trusted })
  await make('/clients', { id: 'canister', groups: ['media'] })
  const { id: permission } = await make('/permissions', { client: 'canister', resource: 'webdav', scopes })
  const digest = 'a'.repeat(64)
  await make('/credentials/import', {
    prefix: 'glpat-',
    digest: 'sha256',
    credentials: [{ digest, owner: 'client:bystander' }],
  })
  await make('/clients/bystander/revoke-credentials', { reason: 'leaked' })
  const { key, id } = await make('/clients/canister/keys', { resources: ['webdav'], scopes })
  return { it, key: String(key), id: String(id), permission: String(permission) }
}

const ask = async ({ it, key }: Furnished) => (await it.ask({ headers: { Authorization: `Bearer ${key}` } })).status
const errorsIn = ({ it }: Furnished) =>
  it.logLines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error')

type Row = readonly [what: string, statement: string, said: string]

/** What the types of PostgreSQL let nobody write. */
const UNTYPED: readonly Row[] = [
  ['an end that is no moment', `update credential set expires_at = 'never'`, 'a moment'],
  ['an end beyond all calendars', 'update credential set expires_at = 9000000000000000', 'a moment'],
  ['a start that is no moment', `update credential set not_before = 'now'`, 'a moment'],
  ['a revision that is none', `update credential set revision = 'newest'`, 'the revision'],
]

describe('a credential that cannot be read', () => {
  test.each<Row>([
    ['another kind', `update credential set kind = 'robot'`, 'the kind of a credential'],
    ['another kind of owner', `update credential set owner_kind = 'robot'`, 'the owner of a credential'],
    ['resources that are no list', `update credential set resources = '{}'`, 'what it is narrowed to'],
    ['no scopes at all, which would narrow nothing', `update credential set scopes = '[]'`, 'what it is narrowed to'],
    ['scopes that are no texts', `update credential set scopes = '[1]'`, 'what it is narrowed to'],
    ['half a list of projects', `update credential set projects = '["one'`, 'JSON'],
    ['networks that are none', `update credential set networks = '["anywhere"]'`, 'stored network'],
    ['ancestors that are no list', `update credential set ancestors = '"key_1"'`, 'what it is narrowed to'],
    ...(isPostgres ? [] : UNTYPED),
  ])('OPS-22 because of %s passes nobody, and is told by its id', async (_, statement, said) => {
    const scene = await furnished()
    await sql(`${statement} where id = '${scene.id}'`)
    expect(await ask(scene)).toBe(503)
    const [{ err }] = errorsIn(scene)
    expect(err.message).toStartWith(`the row "${scene.id}" of table credential cannot be read: `)
    expect(err.message).toContain(said)
    expect(scene.it.logLines.join('')).not.toContain(scene.key.slice(8))
    // Others pass, and it is told where it is managed.
    const { key } = (await scene.it.api('POST', '/api/v1/clients/canister/keys', {})).body
    expect(await ask({ ...scene, key: String(key) })).toBe(200)
    expect((await scene.it.api('GET', `/api/v1/credentials/${scene.id}`)).status).toBe(503)
  })

  test.each([
    ['another digest', `digest = 'x'`, 401],
    ['an owner that is nowhere', `owner = 'nobody'`, 401],
    ['an owner whom nobody gave anything', `owner = 'alone'`, 403],
  ])('OPS-22 with %s passes nobody', async (_, set, status) => {
    const scene = await furnished()
    await scene.it.api('POST', '/api/v1/clients', { id: 'alone' })
    await sql(`update credential set ${set} where id = '${scene.id}'`)
    expect(await ask(scene)).toBe(status)
  })
})

const DIRECTORY: readonly Row[] = [
  ['client', `update client set body = '{' where id = 'canister'`, 'canister'],
  ['client', `update client set body = '[]' where id = 'canister'`, 'canister'],
  ['client', `update client set body = '{"networks":["anywhere"]}' where id = 'canister'`, 'canister'],
  ['client', `update client set body = '{"networks":"10.0.0.0/8"}' where id = 'canister'`, 'canister'],
  ['resource', `update resource set body = '{}' where name = 'webdav'`, 'webdav'],
  ['resource', `update resource set body = 'null' where name = 'webdav'`, 'webdav'],
  ['permission', `update permission set scopes = '{"files:read":true}' where id = 'PERM'`, ''],
  ['permission', `update permission set projects = '[]' where id = 'PERM'`, ''],
  ['permission', `update permission set holder_kind = 'everybody' where id = 'PERM'`, ''],
  ['issuer', `update issuer set body = '"corp"' where name = 'corp'`, 'corp'],
  ['trust_rule', `update trust_rule set mode = 'perhaps' where name = 'jobs'`, 'jobs'],
  ['trust_rule', `update trust_rule set resources = '[]' where name = 'jobs'`, 'jobs'],
  ['foreign_prefix', `update foreign_prefix set digest = 'md5'`, 'glpat-'],
  ...(isPostgres
    ? []
    : ([
        ['revocation_line', `update revocation_line set revision = 'first'`, 'client:bystander'],
        ['revocation_line', `update revocation_line set before = 'then'`, 'client:bystander'],
        ['group', `update "group" set created_at = 'long ago' where name = 'media'`, 'media'],
        ['user', `update "user" set created_at = 'long ago' where id = 'alice'`, 'alice'],
        ['signing_key', `update signing_key set active_from = 'soon'`, ''],
      ] as const)),
]

describe('a row of what all is judged by', () => {
  test.each(DIRECTORY)('OPS-22 %s: nothing is judged once it is to be read (%s)', async (table, statement, id) => {
    const scene = await furnished()
    expect(await ask(scene)).toBe(200)
    const row = table === 'permission' ? scene.permission : id
    await sql(statement.replace('PERM', row))
    await tellOf(table, row)
    scene.it.clock.monotonicAheadMs += LEASE_MS + 1
    expect(await ask(scene)).toBe(503)
    const ready = await scene.it.app.publicRoutes.exact['/readyz']?.(new Request('http://127.0.0.1:8420/readyz'), null)
    expect(ready?.status).toBe(503)

    await scene.it.close()
    app = undefined
    await expect(start()).rejects.toThrow(
      row === '' ? `table ${table} cannot` : `row "${row}" of table ${table} cannot`,
    )
  })

  test('OPS-22 is named in the log until it is put right; then all pass who should', async () => {
    const scene = await furnished()
    scene.it.app.start()
    expect(await ask(scene)).toBe(200)
    await sql(`update trust_rule set body = '{' where name = 'jobs'`)
    await tellOf('trust_rule', 'jobs')
    const said = 'the row "jobs" of table trust_rule cannot be read'
    await until('it to be told', () => errorsIn(scene).some(({ err }) => err?.message.includes(said)))
    scene.it.clock.monotonicAheadMs += LEASE_MS + 1
    expect(await ask(scene)).toBe(503)
    const body = JSON.stringify({ description: '', match: { sub: 'job:nightly' }, as: { client: 'bystander' } })
    await sql(`update trust_rule set body = '${body}' where name = 'jobs'`)
    await until('it to answer again', async () => (await ask(scene)) === 200)
  })
})

test('OPS-26 a change that this version has no word for has everything read anew', async () => {
  const scene = await furnished()
  expect(await ask(scene)).toBe(200)
  // What a newer version did to the key, and told in its own words.
  await sql(`update credential set revoked_at = 1 where id = '${scene.id}'`)
  await sql(`update client set name = 'Renamed' where id = 'canister'`)
  await tellOf('delegation', 'x')
  scene.it.clock.monotonicAheadMs += LEASE_MS + 1
  expect(await ask(scene)).toBe(401)
  expect((await scene.it.api('GET', '/api/v1/clients/canister')).body).toMatchObject({ name: 'Renamed' })
})
