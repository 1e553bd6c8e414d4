import type { AudienceAlias } from '@countersign/resource-server'
import { compileRules, type RuleDefinition } from '../domain/access-rule.ts'
import type { Resource, ScopeDetail } from '../domain/resource.ts'
import { readRow } from './corrupt-row.ts'
import { managedByColumn } from './managed-by.ts'
import { type Change, type Db, parseObject, type Slice, toDate, toSeconds } from './store.ts'

/** What of a resource is kept as one JSON text, in the words of the wire. */
export type ResourceBody = {
  scopes: string[]
  scope_details: Record<string, ScopeDetail>
  rules: RuleDefinition[]
  access_token: { format: 'jwt' | 'opaque'; ttl_seconds: number }
  introspectors: string[]
  audience_aliases: AudienceAlias[]
  foreign_credentials: 'reject' | 'pass'
  credential_header: string | null
  preflight: 'deny' | 'pass'
  headers: Record<string, string>
  groups: 'holding' | 'all'
}

export type ResourceWrite = ResourceBody & { name: string; identifier: string; hosts: string[]; disabled: boolean }

export async function findResource(db: Db, name: string): Promise<Resource | undefined> {
  return (await listResources(db, [name]))[0]
}

/** What rows lack that were written before there was such a field. */
const LATER_FIELDS: Pick<ResourceBody, 'scope_details' | 'introspectors' | 'audience_aliases'> = {
  scope_details: {},
  introspectors: [],
  audience_aliases: [],
}

const NO_ROLE_SCOPES: ReadonlyMap<string, readonly string[]> = new Map()

/** All resources, or those of the given names, in the order of their names. */
export async function listResources(db: Db, names?: readonly string[]): Promise<Resource[]> {
  let query = db.selectFrom('resource').selectAll().orderBy('name')
  let hostQuery = db.selectFrom('resource_host').selectAll().orderBy('host')
  if (names !== undefined) {
    query = query.where('name', 'in', names)
    hostQuery = hostQuery.where('resource', 'in', names)
  }
  const hosts = Map.groupBy(await hostQuery.execute(), (row) => row.resource)
  return (await query.execute()).map((row) =>
    readRow('resource', row.name, () => {
      const body = { ...LATER_FIELDS, ...parseObject<ResourceBody>(row.body, `resource ${row.name}`) }
      return {
        name: row.name,
        identifier: row.identifier,
        disabled: row.disabled !== 0,
        hosts: (hosts.get(row.name) ?? []).map(({ host }) => host),
        scopes: body.scopes,
        scopeDetails: body.scope_details,
        roleScopes: NO_ROLE_SCOPES,
        definitions: body.rules,
        rules: compileStored(row.name, body),
        accessToken: { format: body.access_token.format, ttlSeconds: body.access_token.ttl_seconds },
        introspectors: body.introspectors,
        audienceAliases: body.audience_aliases,
        foreignCredentials: body.foreign_credentials,
        credentialHeader: body.credential_header ?? undefined,
        preflight: body.preflight,
        headers: body.headers,
        groups: body.groups,
        managedBy: row.managed_by,
        createdAt: toDate(row.created_at),
        revision: row.revision,
      }
    }),
  )
}

export async function listResourceNames(db: Db, { after, limit }: Slice): Promise<string[]> {
  let query = db.selectFrom('resource').select('name').orderBy('name').limit(limit)
  if (after !== undefined) query = query.where('name', '>', after)
  return (await query.execute()).map(({ name }) => name)
}

/** A stored rule that does not compile is a corrupt row: the resource is not served rather than served without it. */
function compileStored(name: string, body: ResourceBody) {
  const { rules, problems } = compileRules(body.rules, body.scopes)
  if (problems.length > 0)
    throw new Error(`resource ${name}: ${problems.map(({ path }) => path).join(', ')} is corrupt`)
  return rules
}

export async function insertResource(
  change: Change,
  write: ResourceWrite,
  managedBy: string | null = null,
): Promise<void> {
  const { name, identifier, disabled } = write
  const { db, revision, now } = change
  await db
    .insertInto('resource')
    .values({
      name,
      identifier,
      disabled: Number(disabled),
      body: bodyOf(write),
      managed_by: managedBy,
      created_at: toSeconds(now),
      revision,
    })
    .execute()
  await insertHosts(change, write)
}

/** `managedBy` undefined: as it is. */
export async function updateResource(change: Change, write: ResourceWrite, managedBy?: string | null): Promise<void> {
  const { name, identifier, disabled } = write
  await change.db
    .updateTable('resource')
    .set({
      identifier,
      disabled: Number(disabled),
      body: bodyOf(write),
      revision: change.revision,
      ...managedByColumn(managedBy),
    })
    .where('name', '=', name)
    .execute()
  await change.db.deleteFrom('resource_host').where('resource', '=', name).execute()
  await insertHosts(change, write)
}

/** Deletes the resource and the permissions on it. */
export async function deleteResource(change: Change, name: string): Promise<void> {
  await change.db.deleteFrom('permission').where('resource', '=', name).execute()
  await change.db.deleteFrom('resource').where('name', '=', name).execute()
}

/** The resource, other than `except`, that already has this identifier or one of these hosts. */
export async function findResourceClash(db: Db, write: ResourceWrite): Promise<string | undefined> {
  const byIdentifier = await db
    .selectFrom('resource')
    .select('name')
    .where('identifier', '=', write.identifier)
    .where('name', '!=', write.name)
    .executeTakeFirst()
  if (byIdentifier !== undefined) return `the identifier is that of resource ${byIdentifier.name}`
  const byAlias = await findAliasClash(db, write)
  if (byAlias !== undefined) return byAlias
  if (write.hosts.length === 0) return undefined
  const byHost = await db
    .selectFrom('resource_host')
    .selectAll()
    .where('host', 'in', write.hosts)
    .where('resource', '!=', write.name)
    .executeTakeFirst()
  return byHost && `host ${byHost.host} is that of resource ${byHost.resource}`
}

/** Security: an alias that is the identifier of another resource would let tokens that are meant for that one in here. */
async function findAliasClash(
  db: Db,
  { name, identifier, audience_aliases }: ResourceWrite,
): Promise<string | undefined> {
  const audiences = audience_aliases.map(({ audience }) => audience)
  if (audiences.length > 0) {
    const aliased = await db
      .selectFrom('resource')
      .select(['name', 'identifier'])
      .where('identifier', 'in', audiences)
      .where('name', '!=', name)
      .executeTakeFirst()
    if (aliased !== undefined)
      return `audience alias ${aliased.identifier} is the identifier of resource ${aliased.name}`
  }
  const others = await db
    .selectFrom('resource')
    .select(['name', 'body'])
    .where('body', 'like', '%"audience_aliases":[{%')
    .where('name', '!=', name)
    .execute()
  const aliasing = others.find(({ name: other, body }) =>
    parseObject<ResourceBody>(body, `resource ${other}`).audience_aliases.some(
      ({ audience }) => audience === identifier,
    ),
  )
  return aliasing && `the identifier is an audience alias of resource ${aliasing.name}`
}

async function insertHosts(change: Change, { name, hosts }: ResourceWrite): Promise<void> {
  if (hosts.length === 0) return
  await change.db
    .insertInto('resource_host')
    .values(hosts.map((host) => ({ host, resource: name })))
    .execute()
}

function bodyOf(write: ResourceWrite): string {
  const { scopes, scope_details, rules, access_token, preflight, headers, groups } = write
  const { introspectors, audience_aliases, foreign_credentials, credential_header } = write
  const body: ResourceBody = {
    scopes,
    scope_details,
    rules,
    access_token,
    introspectors,
    audience_aliases,
    foreign_credentials,
    credential_header,
    preflight,
    headers,
    groups,
  }
  return JSON.stringify(body)
}
