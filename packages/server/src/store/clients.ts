import { parseNetwork } from '@countersign/resource-server'
import { AUTH_METHODS, type AuthMethod, type Client, type ClientKeys } from '../domain/client.ts'
import { readRow } from './corrupt-row.ts'
import { managedByColumn } from './managed-by.ts'
import { deleteMemberships, listMemberships, replaceMemberships } from './memberships.ts'
import { type Change, type Db, parseObject, parseWord, type Slice, toDate, toSeconds } from './store.ts'

type ClientBody = {
  grants: string[]
  auth_methods?: string[]
  keys?: ClientKeys | null
  default_resource?: string | null
  access_token_ttl_seconds?: number | null
  networks?: string[] | null
  listener?: 'any' | 'internal'
  requires_workload?: string | null
}

/** Of clients that were made before there was a choice. */
const DEFAULT_AUTH_METHODS: readonly AuthMethod[] = ['client_secret_basic', 'client_secret_post']

export type ClientWrite = {
  id: string
  name: string
  groups: readonly string[]
  grants: readonly string[]
  authMethods: readonly AuthMethod[]
  keys: ClientKeys | null
  defaultResource: string | null
  accessTokenTtlSeconds: number | null
  networkTexts: readonly string[]
  listener: 'any' | 'internal'
  requiresWorkload: string | null
  disabled: boolean
}

export async function listClients(db: Db, ids?: readonly string[]): Promise<Client[]> {
  let query = db.selectFrom('client').selectAll().orderBy('id')
  if (ids !== undefined) query = query.where('id', 'in', ids)
  const memberships = await listMemberships(db, 'client', ids)
  return (await query.execute()).map((row) =>
    readRow('client', row.id, () => {
      const body = parseObject<ClientBody>(row.body, `client ${row.id}`)
      const networkTexts = body.networks ?? []
      return {
        id: row.id,
        name: row.name,
        groups: memberships.get(row.id) ?? [],
        grants: body.grants,
        authMethods: storedMethods(row.id, body.auth_methods),
        keys: body.keys ?? null,
        defaultResource: body.default_resource ?? null,
        accessTokenTtlSeconds: body.access_token_ttl_seconds ?? null,
        networks: storedNetworks(networkTexts),
        networkTexts,
        listener: body.listener ?? 'any',
        requiresWorkload: body.requires_workload ?? null,
        disabled: row.disabled !== 0,
        managedBy: row.managed_by,
        createdAt: toDate(row.created_at),
        revision: row.revision,
      }
    }),
  )
}

/** A word that is none of ours would take a way of authentication from the client: an error, not one way less. */
function storedMethods(id: string, words: readonly string[] | undefined): readonly AuthMethod[] {
  return words?.map((word) => parseWord(word, AUTH_METHODS, `client ${id}`)) ?? DEFAULT_AUTH_METHODS
}

export async function listClientIds(db: Db, { after, limit }: Slice): Promise<string[]> {
  let query = db.selectFrom('client').select('id').orderBy('id').limit(limit)
  if (after !== undefined) query = query.where('id', '>', after)
  return (await query.execute()).map(({ id }) => id)
}

/** A network that does not parse would widen "from there only" to "from anywhere": a corrupt row is an error. */
export function storedNetworks(texts: readonly string[]) {
  return texts.map((text) => {
    const network = parseNetwork(text)
    if (network === undefined) throw new Error(`stored network "${text}" is corrupt`)
    return network
  })
}

export async function findClient(db: Db, id: string): Promise<Client | undefined> {
  return (await listClients(db, [id]))[0]
}

/** The clients that registered a key of this thumbprint, and whether any client keeps its keys elsewhere. */
export async function listClientsWithKey(
  db: Db,
  thumbprint: string,
): Promise<{ readonly registered: readonly string[]; readonly isAnyElsewhere: boolean }> {
  const rows = await db
    .selectFrom('client')
    .select(['id', 'body'])
    .where((where) => where.or([where('body', 'like', `%"${thumbprint}"%`), where('body', 'like', '%"jwksUri":%')]))
    .execute()
  const clients = rows.map(({ id, body }) => ({ id, keys: parseObject<ClientBody>(body, `client ${id}`).keys ?? null }))
  return {
    registered: clients.flatMap(({ id, keys }) =>
      keys !== null && 'jwks' in keys && keys.thumbprints?.includes(thumbprint) ? [id] : [],
    ),
    isAnyElsewhere: clients.some(({ keys }) => keys !== null && 'jwksUri' in keys),
  }
}

/** The clients that get no token unless a workload fits one of these trust rules. */
export async function listClientsRequiring(db: Db, rules: readonly string[]): Promise<string[]> {
  if (rules.length === 0) return []
  const named = new Set(rules)
  const rows = await db
    .selectFrom('client')
    .select(['id', 'body'])
    // "_" stands for any character here: what is found is read.
    .where('body', 'like', '%"requires_workload":"%')
    .orderBy('id')
    .execute()
  return rows.flatMap(({ id, body }) => {
    const { requires_workload: rule } = parseObject<ClientBody>(body, `client ${id}`)
    return rule && named.has(rule) ? [id] : []
  })
}

export async function insertClient(change: Change, write: ClientWrite, managedBy: string | null): Promise<void> {
  const { db, now, revision } = change
  const { id, name, disabled } = write
  await db
    .insertInto('client')
    .values({
      id,
      name,
      disabled: Number(disabled),
      body: bodyOf(write, change),
      managed_by: managedBy,
      created_at: toSeconds(now),
      revision,
    })
    .execute()
  await replaceMemberships(change, { kind: 'client', id }, write.groups)
}

/** `managedBy` undefined: as it is. */
export async function updateClient(change: Change, write: ClientWrite, managedBy?: string | null): Promise<void> {
  const { id, name, disabled } = write
  await change.db
    .updateTable('client')
    .set({
      name,
      disabled: Number(disabled),
      body: bodyOf(write, change),
      revision: change.revision,
      ...managedByColumn(managedBy),
    })
    .where('id', '=', id)
    .execute()
  await replaceMemberships(change, { kind: 'client', id }, write.groups)
}

/** Deletes the client, its memberships and permissions. Its credentials stay, dead, so that `why` can name them. */
export async function deleteClient(change: Change, id: string): Promise<void> {
  await deleteMemberships(change, { kind: 'client', id })
  await change.db.deleteFrom('permission').where('holder_kind', '=', 'client').where('holder', '=', id).execute()
  await change.db.deleteFrom('client').where('id', '=', id).execute()
}

function bodyOf(write: ClientWrite, { revision, now }: Change): string {
  const body: ClientBody = {
    grants: [...write.grants],
    auth_methods: [...write.authMethods],
    // Registered by this change, if no revision is said.
    keys: write.keys && { ...write.keys, ...(write.keys.revision === 0 && { revision, registeredAt: toSeconds(now) }) },
    default_resource: write.defaultResource,
    access_token_ttl_seconds: write.accessTokenTtlSeconds,
    networks: [...write.networkTexts],
    listener: write.listener,
    requires_workload: write.requiresWorkload,
  }
  return JSON.stringify(body)
}
