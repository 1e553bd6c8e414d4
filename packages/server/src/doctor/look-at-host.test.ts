import { afterEach, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, parseConfig } from '../config.ts'
import { startServer } from '../serve.ts'
import { openStore } from '../store/open.ts'
import { chosenEngine, databaseOf, POSTGRES } from '../store/testing/engines.ts'
import { runSql } from '../store/testing/postgres-databases.ts'
import type { Finding } from './finding.ts'
import { type Host, lookAtHost } from './look-at-host.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

type Place = { readonly dataDir: string; readonly env: Record<string, string>; readonly config: Config }
type Settings = Readonly<Record<string, string>>

async function makePlace(settings: Settings = {}): Promise<Place> {
  const dataDir = mkdtempSync(join(tmpdir(), 'countersign-doctor-'))
  undo.push(() => rmSync(dataDir, { recursive: true }))
  const { databaseUrl, remove } = await databaseOf(dataDir)
  undo.push(remove)
  const env = {
    COUNTERSIGN_DATA_DIR: dataDir,
    COUNTERSIGN_LISTEN: `127.0.0.1:${freePort()}`,
    COUNTERSIGN_LOG_LEVEL: 'error',
    ...(databaseUrl !== undefined && { COUNTERSIGN_DATABASE_URL: databaseUrl }),
    ...settings,
  }
  return { dataDir, env, config: configOf(env) }
}

function configOf(env: Settings): Config {
  const parsed = parseConfig({ env, flags: {}, readFile: (path) => readFileSync(path, 'utf8') })
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'))
  return parsed.config
}

function freePort(): number {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
  const { port } = server
  server.stop(true)
  return Number(port)
}

async function start({ config }: Place): Promise<{ stop(): Promise<void> }> {
  const running = await startServer(config, { stdoutIsTerminal: false, say: () => {} })
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= running.stop()
    return stopped
  }
  undo.push(stop)
  return { stop }
}

const host = (env: Settings): Host => ({
  variables: env,
  clock: () => new Date(),
  monotonicMs: () => performance.now(),
})
const look = (place: Place, changed: Partial<Config> = {}) =>
  lookAtHost({ ...place.config, ...changed }, host(place.env))
const worst = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== 'ok')
const named = (findings: readonly Finding[], check: string) => findings.find((finding) => finding.check === check)
const adminKeyOf = ({ dataDir }: Place) => readFileSync(join(dataDir, 'admin-key'), 'utf8').trim()

async function call({ env }: Place, key: string, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`http://${env.COUNTERSIGN_LISTEN}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(await answer.text())
}

test('of a server as it starts for the first time nothing is wrong but its key without an end', async () => {
  const place = await makePlace()
  await start(place)
  const findings = await look(place)
  // The PostgreSQL of the tests does not wait for its disk, and that is found.
  const others = worst(findings).filter(({ check }) => check !== 'durability')
  expect(others.map(({ check, level }) => [check, level])).toEqual([
    ['admin_key_file', 'warning'],
    ['admin_keys', 'warning'],
  ])
  expect(named(findings, 'server')).toMatchObject({ level: 'ok' })
  expect(named(findings, 'public_url')).toMatchObject({ level: 'ok' })
})

test('whoever does what is said to be done finds nothing any more', async () => {
  const place = await makePlace()
  await start(place)
  const said = JSON.stringify(named(await look(place), 'admin_keys'))
  const [first = ''] = /key_[0-9A-Z]{26}/.exec(said) ?? []
  const key = adminKeyOf(place)
  const narrowed = { name: 'operator', resources: ['countersign'], expires_in_days: 90 }
  await call(place, key, '/clients/countersign-admin/keys', narrowed)
  await call(place, key, `/credentials/${first}/revoke`, {})
  rmSync(join(place.dataDir, 'admin-key'))
  expect(worst(await look(place)).filter(({ check }) => check !== 'durability')).toEqual([])
})

test('nothing is changed by looking, and no secret is said', async () => {
  const bootstrap = `bootstrap-${crypto.randomUUID()}`
  const place = await makePlace({ COUNTERSIGN_BOOTSTRAP_KEY: bootstrap })
  await (await start(place)).stop()
  const files = () =>
    readdirSync(place.dataDir).map((name) => [name, Bun.hash(readFileSync(join(place.dataDir, name)))])
  const before = files()
  const said = JSON.stringify(await look(place))
  expect(files()).toEqual(before)
  const kek = readFileSync(join(place.dataDir, 'kek'), 'utf8').trim()
  for (const secret of [bootstrap, kek, place.config.databaseUrl ?? bootstrap]) expect(said).not.toContain(secret)
})

test('a data directory that there is not is said to be missing, and not made', async () => {
  const place = await makePlace()
  rmSync(place.dataDir, { recursive: true })
  undo.push(() => Bun.$`mkdir -p ${place.dataDir}`.quiet())
  const findings = await look(place)
  expect(named(findings, 'data_dir')).toMatchObject({ level: 'fault' })
  expect(() => readdirSync(place.dataDir)).toThrow()
})

test('what others may read is named with the command that closes it', async () => {
  const place = await makePlace()
  await start(place)
  chmodSync(place.dataDir, 0o755)
  chmodSync(join(place.dataDir, 'kek'), 0o644)
  const findings = await look(place)
  const todo = (check: string) => named(findings, check)?.todo
  expect(todo('data_dir')).toEqual([`chmod 0700 ${place.dataDir}`])
  expect(todo('kek_file')).toEqual([`chmod 0600 ${join(place.dataDir, 'kek')}`])
})

test('a key-encryption key that is another is found', async () => {
  const place = await makePlace()
  await start(place)
  writeFileSync(join(place.dataDir, 'kek'), Buffer.alloc(32, 7).toString('base64'))
  expect(named(await look(place), 'kek')).toMatchObject({
    level: 'fault',
    says: expect.stringContaining('not the one'),
  })
  writeFileSync(join(place.dataDir, 'kek'), 'short')
  expect(named(await look(place), 'kek')).toMatchObject({ level: 'fault', says: expect.stringContaining('32 bytes') })
})

test('a database of another version is found, an older and a newer one', async () => {
  const place = await makePlace()
  await (await start(place)).stop()
  const { dataDir, databaseUrl } = place.config
  const store = await openStore(
    dataDir,
    () => new Date(),
    (length) => new Uint8Array(length),
    databaseUrl,
  )
  const migrations = store.writer as never as import('kysely').Kysely<{ kysely_migration: { name: string } }>
  const rename = (from: string, to: string) =>
    migrations.updateTable('kysely_migration').set({ name: to }).where('name', '=', from).execute()
  await rename('0005_operating', '9999_later')
  expect(named(await look(place), 'schema')).toMatchObject({ level: 'fault', says: expect.stringContaining('newer') })
  await rename('9999_later', '0001_first_house_')
  await migrations.deleteFrom('kysely_migration').where('name', '=', '0001_first_house_').execute()
  expect(named(await look(place), 'schema')).toMatchObject({ level: 'fault', todo: ['countersign migrate'] })
  await store.close()
})

test('credentials that end soon, and an issuer whose keys cannot be had, are found', async () => {
  const place = await makePlace()
  await start(place)
  const key = adminKeyOf(place)
  await call(place, key, '/clients', { id: 'canister', name: 'Canister' })
  await call(place, key, '/clients/canister/keys', { name: 'laptop', expires_in_days: 3 })
  await call(place, key, '/issuers', {
    ...{ name: 'corp', issuer: 'https://idp.example.com', algorithms: ['ES256'], profile: 'plain' },
    ...{ jwks_uri: 'https://127.0.0.1:9/keys', max_lifetime_seconds: 3600 },
  })
  const findings = await look(place)
  expect(named(findings, 'credentials_ending')?.says).toContain('of client:canister')
  expect(named(findings, 'issuers')).toMatchObject({ level: 'fault', says: expect.stringContaining('corp') })
})

const SETTINGS: readonly (readonly [what: string, check: string, level: string, settings: Settings])[] = [
  ['everybody for a proxy', 'trusted_proxies', 'fault', { COUNTERSIGN_TRUSTED_PROXIES: '0.0.0.0/0' }],
  ['a whole network for proxies', 'trusted_proxies', 'warning', { COUNTERSIGN_TRUSTED_PROXIES: '10.0.0.0/8' }],
  ['a bootstrap key', 'bootstrap_key', 'warning', { COUNTERSIGN_BOOTSTRAP_KEY: 'a'.repeat(40) }],
  ['answers from memory', 'stale_grace', 'warning', { COUNTERSIGN_STALE_GRACE_SECONDS: '60' }],
  ['keys that are never rotated', 'signing_key_rotation', 'warning', { COUNTERSIGN_SIGNING_KEY_ROTATION_DAYS: '0' }],
  [
    'a public URL without TLS',
    'public_url',
    'fault',
    { COUNTERSIGN_PUBLIC_URL: 'http://auth.example.com', COUNTERSIGN_PROXY_SECRET: 'p'.repeat(40) },
  ],
  ['a socket for everybody', 'internal_listen', 'fault', { COUNTERSIGN_INTERNAL_LISTEN: 'unix:/run/x.sock?mode=666' }],
]
for (const [what, check, level, settings] of SETTINGS) {
  test(`${what} is noted`, async () => {
    expect(named(await look(await makePlace(settings)), check)).toMatchObject({ level })
  })
}

test('who answers at the public URL is this server, another, or nobody', async () => {
  const place = await makePlace()
  await start(place)
  const here = place.config.publicUrl
  const another = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => Response.json({ issuer: here }) })
  undo.push(() => another.stop(true))
  const at = async (publicUrl: string) => named(await look(place, { publicUrl }), 'public_url')
  expect(await at(here)).toMatchObject({ level: 'ok' })
  expect(await at(`http://127.0.0.1:${another.port}`)).toMatchObject({
    level: 'fault',
    says: expect.stringContaining(here),
  })
  expect(await at(`http://127.0.0.1:${freePort()}`)).toMatchObject({ level: 'fault' })
})

test('verify that everybody reaches at the public URL is found, and none where there is none', async () => {
  // To connect to 0.0.0.0 is to connect to this machine, but it is no loopback address.
  const place = await makePlace({ COUNTERSIGN_INTERNAL_LISTEN: `127.0.0.1:${freePort()}` })
  await start(place)
  let verifyAt = place.env.COUNTERSIGN_INTERNAL_LISTEN
  const port = freePort()
  const publicUrl = `http://0.0.0.0:${port}`
  const forward = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (!pathname.includes('verify')) return Response.json({ issuer: publicUrl })
    return await fetch(`http://${verifyAt}${pathname}`, { headers: request.headers })
  }
  const front = Bun.serve({ hostname: '0.0.0.0', port, fetch: forward })
  undo.push(() => front.stop(true))
  const verify = async () =>
    named(
      (await look(place, { publicUrl })).filter(({ check }) => check === 'verify_public'),
      'verify_public',
    )
  expect(await verify()).toMatchObject({ level: 'fault', says: expect.stringContaining('/verify/forward') })
  verifyAt = place.env.COUNTERSIGN_LISTEN
  expect(await verify()).toBeUndefined()
})

const onPostgres = chosenEngine() === POSTGRES ? test : () => undefined
onPostgres('how PostgreSQL is set up, and a clock that differs, are found', async () => {
  const place = await makePlace()
  await start(place)
  const url = place.config.databaseUrl ?? ''
  expect(named(await look(place), 'durability')).toMatchObject({
    level: 'fault',
    says: expect.stringContaining('fsync off'),
  })
  const [row] = await runSql(url, 'select current_database() as name')
  await runSql(url, `alter database "${row?.name}" set synchronous_commit = off`)
  expect(named(await look(place), 'synchronous_commit')).toMatchObject({ level: 'warning' })
  const late = { ...host(place.env), clock: () => new Date(Date.now() + 120_000) }
  expect(named(await lookAtHost(place.config, late), 'clock')).toMatchObject({ level: 'fault' })
  const databaseUrl = 'postgres://nobody:hush@127.0.0.1:1/none'
  const findings = await look(place, { databaseUrl })
  expect(named(findings, 'database')).toMatchObject({ level: 'fault' })
  expect(JSON.stringify(findings)).not.toContain('hush')
})
