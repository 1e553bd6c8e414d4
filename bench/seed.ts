import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { formatCredential, hintOf } from '../packages/resource-server/src/index.ts'
import { makeId } from '../packages/server/src/domain/ids.ts'
import { loadKek } from '../packages/server/src/keys/kek-file.ts'
import { insertClient } from '../packages/server/src/store/clients.ts'
import { insertCredential } from '../packages/server/src/store/credentials.ts'
import { insertGroup } from '../packages/server/src/store/groups.ts'
import { openStore } from '../packages/server/src/store/open.ts'
import { insertPermission } from '../packages/server/src/store/permissions.ts'
import { insertResource } from '../packages/server/src/store/resources.ts'
import { type Change, change, HOST_ACTOR } from '../packages/server/src/store/store.ts'

export const HOST = 'webdav.example.com'
const RESOURCE = 'webdav'
const GROUP = 'media'
const CLIENTS = 1000
const HOT_KEYS = 1000

/** What the requests of a bench can show. */
export type Seeded = {
  /** Stored, of as many clients, among all the others. */
  readonly hotKeys: readonly string[]
  readonly storedKeys: number
}

/**
 * Fills the database of an empty data directory: a resource, 1 000 clients that reach it by a group, `keys` API keys.
 *
 * The nouns and the hot keys are written by the store's own functions. The other keys are copies of the first row that
 * the store wrote, but for id, digest and owner: whatever columns there are, they hold what the store puts there.
 */
export async function seed(dataDir: string, keys: number): Promise<Seeded> {
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
  loadKek(dataDir, random)
  const store = await openStore(dataDir, () => new Date(), random)
  const hotKeys = Array.from({ length: Math.min(HOT_KEYS, keys) }, () => formatCredential('key', random(32)))
  await change(store, HOST_ACTOR, async (running) => {
    await insertNouns(running)
    for (const [index, key] of hotKeys.entries()) await insertHotKey(running, key, clientId(index), random)
    await running.record('bench.seed', 'resource', RESOURCE)
  })
  await store.close()
  insertColdKeys(join(dataDir, 'countersign.db'), keys - hotKeys.length)
  return { hotKeys, storedKeys: keys }
}

/** Well formed, with the right checksum, and not stored. */
export function unknownKeys(count: number): string[] {
  return Array.from({ length: count }, () => formatCredential('key', crypto.getRandomValues(new Uint8Array(32))))
}

/** Well formed but for the checksum. */
export function malformedKeys(count: number): string[] {
  return unknownKeys(count).map((key) => key.slice(0, -1) + (key.endsWith('0') ? '1' : '0'))
}

function clientId(index: number): string {
  return `client-${String(index % CLIENTS).padStart(3, '0')}`
}

async function insertNouns(running: Change): Promise<void> {
  await insertResource(running, {
    name: RESOURCE,
    identifier: `https://${HOST}`,
    hosts: [HOST],
    disabled: false,
    scopes: ['files:read', 'files:write'],
    scope_details: {},
    rules: [
      { methods: ['GET', 'HEAD', 'OPTIONS', 'PROPFIND'], path: '/**', require: { scopes: ['files:read'] } },
      { path: '/**', require: { scopes: ['files:write'] } },
    ],
    access_token: { format: 'jwt', ttl_seconds: 600 },
    foreign_credentials: 'reject',
    credential_header: null,
    preflight: 'deny',
    headers: {},
    groups: 'holding',
  })
  await insertGroup(running, { name: GROUP, description: '' })
  for (let index = 0; index < CLIENTS; index++) {
    const client = {
      id: clientId(index),
      name: `Client ${index}`,
      groups: [GROUP],
      grants: ['client_credentials'],
      defaultResource: RESOURCE,
      accessTokenTtlSeconds: null,
      networkTexts: [],
      listener: 'any' as const,
      disabled: false,
    }
    await insertClient(running, client, null)
  }
  await insertPermission(running, {
    id: 'perm_media',
    holder: { kind: 'group', id: GROUP },
    resource: RESOURCE,
    scopes: ['files:read', 'files:write'],
    roles: [],
    projects: null,
  })
}

async function insertHotKey(running: Change, key: string, owner: string, random: (length: number) => Uint8Array) {
  const id = makeId('key', running.now, random)
  await insertCredential(
    running,
    {
      id,
      kind: 'key',
      owner: { kind: 'client', id: owner },
      name: 'laptop',
      hint: hintOf(key),
      narrowing: { resources: null, scopes: null, projects: null },
      networks: [],
      networkTexts: [],
      notBefore: null,
      expiresAt: null,
      family: id,
      ancestors: [],
      createdAt: running.now,
      createdBy: running.actor.by,
      revision: running.revision,
      revokedAt: null,
      revokedBy: null,
      revokedReason: null,
      lastUsedAt: null,
      lastUsedFrom: null,
      importedFrom: null,
    },
    Bun.SHA256.hash(key, 'hex'),
  )
}

function insertColdKeys(path: string, count: number): void {
  const file = new Database(path)
  // What is lost with the power is made anew: nothing is written twice here, and nothing is waited for.
  file.run('pragma journal_mode = OFF')
  file.run('pragma synchronous = OFF')
  file.run('pragma cache_size = -1000000')
  const template = file.query<Record<string, unknown>, []>('select * from credential limit 1').get()
  if (template === null) throw new Error('no key was stored to copy from')
  // Digests are spread evenly, as real ones are, and rise, so that their index grows at one end.
  const own: Readonly<Record<string, string>> = {
    id: `printf('key_02%024d', n)`,
    family: `printf('key_02%024d', n)`,
    digest: `printf('%012x', n * (1 << 48) / $count) || lower(hex(randomblob(26)))`,
    owner: `printf('client-%03d', n % ${CLIENTS})`,
  }
  const names = Object.keys(template)
  const values = names.map((name) => own[name] ?? `"${name}"`)
  // Built at the end an index costs a sort; kept up to date it costs a walk a row.
  const indexes = file
    .query<{ name: string; sql: string }, []>(
      `select name, sql from sqlite_master where type = 'index' and tbl_name = 'credential' and sql is not null`,
    )
    .all()
  file.transaction(() => {
    for (const { name } of indexes) file.run(`drop index "${name}"`)
    file
      .query(
        `with recursive numbers(n) as (select 0 union all select n + 1 from numbers where n + 1 < $count)
         insert into credential (${names.map((name) => `"${name}"`)})
         select ${values} from numbers, credential where id = $template and $count > 0`,
      )
      .run({ $count: count, $template: String(template.id) })
    for (const { sql } of indexes) file.run(sql)
  })()
  file.run('pragma journal_mode = WAL')
  file.close()
}
