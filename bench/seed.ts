import { join } from 'node:path'
import { formatCredential, hintOf } from '../packages/resource-server/src/index.ts'
import type { HolderRef, OwnerRef } from '../packages/server/src/domain/credential.ts'
import { makeId } from '../packages/server/src/domain/ids.ts'
import { newCredential } from '../packages/server/src/domain/new-credential.ts'
import { loadKek } from '../packages/server/src/keys/kek-file.ts'
import { insertClient } from '../packages/server/src/store/clients.ts'
import { insertCredential } from '../packages/server/src/store/credentials.ts'
import { insertGroup } from '../packages/server/src/store/groups.ts'
import { openStore } from '../packages/server/src/store/open.ts'
import { insertPermission } from '../packages/server/src/store/permissions.ts'
import { insertResource } from '../packages/server/src/store/resources.ts'
import { type Change, change, HOST_ACTOR } from '../packages/server/src/store/store.ts'
import { insertUser } from '../packages/server/src/store/users.ts'
import { type Copies, copyRows } from './rows.ts'

export const HOST = 'webdav.example.com'
const RESOURCE = 'webdav'
const SCOPES = ['files:read', 'files:write']
const GROUPS = 1000
const GROUPS_A_USER = 3
const CLIENTS = 1000
const HOT = 1000
export const TOKENS_A_USER = 3

export type Stock = {
  readonly keys: number
  /** Each is in three groups that hold a permission, holds one itself, and has three personal access tokens. */
  readonly users?: number
  /** How many tokens are made that nobody has shown yet. */
  readonly coldTokens?: number
  /** In all; the clients reach each of them. */
  readonly resources?: number
}

/** What the requests of a bench can show. */
export type Seeded = {
  /** Stored, of as many clients, among all the others. */
  readonly hotKeys: readonly string[]
  readonly storedKeys: number
  /** Personal access tokens, of as many users, among all the others. */
  readonly hotTokens: readonly string[]
  readonly coldTokens: readonly string[]
  readonly storedTokens: number
}

/**
 * Fills the database of an empty data directory: a resource, 1 000 groups and 1 000 clients that reach it, API keys,
 * and users with their tokens.
 *
 * What is shown and its owners are written by the store's own functions, the rest are copies of such rows; in another
 * database than the embedded one there is no rest.
 */
export async function seed(
  dataDir: string,
  { keys, users = 0, coldTokens = 0, resources = 1 }: Stock,
  databaseUrl?: string,
): Promise<Seeded> {
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
  loadKek(dataDir, random)
  const store = await openStore(dataDir, () => new Date(), random, databaseUrl)
  const make = (kind: 'key' | 'pat', count: number) =>
    Array.from({ length: count }, () => formatCredential(kind, random(32)))
  const hotUsers = Math.min(HOT, users)
  const made = {
    hotKeys: make('key', Math.min(HOT, keys)),
    hotTokens: make('pat', hotUsers),
    coldTokens: make('pat', coldTokens),
  }
  await change(store, HOST_ACTOR, async (running) => {
    await insertNouns(running)
    for (let index = 0; index < hotUsers; index++) await insertOneUser(running, index)
    const insert = async (text: string, kind: 'key' | 'pat', owner: OwnerRef) => {
      const id = makeId(kind, running.now, random)
      const credential = newCredential(running, { id, kind, owner, name: 'laptop', hint: hintOf(text) })
      await insertCredential(running, credential, Bun.SHA256.hash(text, 'hex'))
    }
    for (const [at, key] of made.hotKeys.entries()) await insert(key, 'key', { kind: 'client', id: clientId(at) })
    for (const [at, token] of made.hotTokens.entries()) await insert(token, 'pat', { kind: 'user', id: userId(at) })
    // Of all users alike, each the next one's owner far away: nothing that is read for one helps the next.
    for (const [at, token] of made.coldTokens.entries()) {
      const owner = Math.floor((at * users) / coldTokens)
      await insert(token, 'pat', { kind: 'user', id: userId(owner) })
    }
    await running.record('bench.seed', 'resource', RESOURCE)
  })
  await store.close()
  const storedTokens = users * TOKENS_A_USER
  if (databaseUrl !== undefined)
    return { ...made, storedKeys: made.hotKeys.length, storedTokens: hotUsers + coldTokens }
  const left = { keys: keys - made.hotKeys.length, tokens: storedTokens - made.hotTokens.length - coldTokens }
  copyRows(join(dataDir, 'countersign.db'), [
    ...copiedResources(resources - 1),
    ...copiedUsers(hotUsers, users),
    copiedKeys(left.keys),
    copiedTokens(left.tokens, users),
  ])
  return { ...made, storedKeys: keys, storedTokens }
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

function userId(index: number): string {
  return `user-${String(index).padStart(6, '0')}`
}

function groupName(index: number): string {
  return `group-${String(index % GROUPS).padStart(3, '0')}`
}

async function insertNouns(running: Change): Promise<void> {
  await insertResource(running, {
    name: RESOURCE,
    identifier: `https://${HOST}`,
    hosts: [HOST],
    disabled: false,
    scopes: SCOPES,
    scope_details: {},
    rules: [
      { methods: ['GET', 'HEAD', 'OPTIONS', 'PROPFIND'], path: '/**', require: { scopes: ['files:read'] } },
      { path: '/**', require: { scopes: ['files:write'] } },
    ],
    access_token: { format: 'jwt', ttl_seconds: 600 },
    foreign_credentials: 'reject',
    credential_header: null,
    introspectors: [],
    audience_aliases: [],
    preflight: 'deny',
    headers: {},
    groups: 'holding',
  })
  for (let index = 0; index < GROUPS; index++) {
    await insertGroup(running, { name: groupName(index), description: '', disabled: false }, null)
    await insertGrant(running, { kind: 'group', id: groupName(index) })
  }
  for (let index = 0; index < CLIENTS; index++) {
    const client = {
      id: clientId(index),
      name: `Client ${index}`,
      groups: [groupName(0)],
      grants: ['client_credentials'],
      authMethods: ['client_secret_basic' as const],
      keys: null,
      defaultResource: RESOURCE,
      accessTokenTtlSeconds: null,
      networkTexts: [],
      listener: 'any' as const,
      requiresWorkload: null,
      disabled: false,
    }
    await insertClient(running, client, null)
  }
}

async function insertGrant(running: Change, holder: HolderRef): Promise<void> {
  const id = `perm_${holder.id}`
  await insertPermission(running, { id, holder, resource: RESOURCE, scopes: SCOPES, roles: [], projects: null })
}

const NO_LINKS = { links: [], disabled: false, passwordHash: null }

async function insertOneUser(running: Change, index: number): Promise<void> {
  const id = userId(index)
  const groups = Array.from({ length: GROUPS_A_USER }, (_, n) => groupName(index * GROUPS_A_USER + n))
  const user = { id, name: `User ${index}`, email: `${id}@example.com`, groups, ...NO_LINKS }
  await insertUser(running, user, null)
  await insertGrant(running, { kind: 'user', id })
}

/** The users from `first` on, with their memberships and permissions, as `insertOneUser` makes them. */
function copiedUsers(first: number, users: number): Copies[] {
  const count = users - first
  const user = (n: string) => `printf('user-%06d', ${first} + ${n})`
  const group = `printf('group-%03d', (${first * GROUPS_A_USER} + n) % ${GROUPS})`
  return [
    { table: 'user', like: 'true', count, own: { id: user('n'), email: `${user('n')} || '@example.com'` } },
    {
      table: 'membership',
      like: `member_kind = 'user'`,
      count: count * GROUPS_A_USER,
      own: { member: user(`n / ${GROUPS_A_USER}`), group },
    },
    {
      table: 'permission',
      like: `holder_kind = 'user'`,
      count,
      own: { id: `'perm_' || ${user('n')}`, holder: user('n') },
    },
  ]
}

/** The host of one of the resources, from 0 on. */
export function hostOf(index: number): string {
  return index === 0 ? HOST : `service-${String(index - 1).padStart(5, '0')}.example.com`
}

function copiedResources(count: number): Copies[] {
  const name = `printf('service-%05d', n)`
  const host = `${name} || '.example.com'`
  const like = `name = '${RESOURCE}'`
  return [
    { table: 'resource', like, count, own: { name, identifier: `'https://' || ${host}` } },
    { table: 'resource_host', like: `resource = '${RESOURCE}'`, count, own: { host, resource: name } },
    {
      table: 'permission',
      like: `holder = '${groupName(0)}'`,
      count,
      own: { id: `'perm_' || ${name}`, resource: name },
    },
  ]
}

function copiedKeys(count: number): Copies {
  return copiedCredentials('key', count, `printf('client-%03d', n % ${CLIENTS})`)
}

function copiedTokens(count: number, users: number): Copies {
  return copiedCredentials('pat', count, `printf('user-%06d', n % ${users})`)
}

function copiedCredentials(kind: 'key' | 'pat', count: number, owner: string): Copies {
  const id = `printf('${kind}_02%024d', n)`
  // Digests are spread evenly, as real ones are, and rise, so that their index grows at one end.
  const digest = `printf('%012x', n * (1 << 48) / ${count}) || lower(hex(randomblob(26)))`
  return { table: 'credential', like: `kind = '${kind}'`, count, own: { id, family: id, digest, owner } }
}
