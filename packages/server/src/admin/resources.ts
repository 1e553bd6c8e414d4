import type { ChangedResource, NewResource, Resource as ResourceAnswer, ResourceChange } from '@countersign/admin-api'
import { BUILT_IN_GROUP, MANAGEMENT_RESOURCE, parseHostPattern, parseScope } from '@countersign/resource-server'
import { compileRules } from '../domain/access-rule.ts'
import type { Resource } from '../domain/resource.ts'
import { listClients } from '../store/clients.ts'
import { listGroups } from '../store/groups.ts'
import { findResource, findResourceClash, type ResourceWrite } from '../store/resources.ts'
import type { Db } from '../store/store.ts'
import { refuseManagement } from './built-in.ts'
import { defined } from './defined.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { lintRules } from './lint-rules.ts'
import { Rejected, rejectedFields } from './problem.ts'
import { requireIssuers } from './references.ts'
import { toResource } from './wire.ts'
import { write } from './write.ts'

export async function createResource(deps: AdminDeps, by: Authorized, body: NewResource): Promise<ChangedResource> {
  const { managed_by: managedBy, ...wanted } = body
  const stored = await write(deps, by, async (writes) => {
    const resource = await acceptable(wanted, writes.db, deps)
    await writes.nouns.insertResource(resource, managedBy)
    return requireStored(writes.db, resource.name)
  })
  return changed(stored)
}

/** Only the fields sent change, and what comes of it is judged as a whole. */
export async function changeResource(
  deps: AdminDeps,
  by: Authorized,
  name: string,
  body: ResourceChange,
): Promise<ChangedResource> {
  const { managed_by: managedBy, ...sent } = body
  const stored = await write(deps, by, async (writes) => {
    const before = toWrite(await requireStored(writes.db, name))
    const access_token = { ...before.access_token, ...defined(sent.access_token ?? {}) }
    const scope_details = sent.scope_details ?? detailsOf(sent.scopes ?? before.scopes, before)
    // One that is gone since is no mistake of this call.
    const introspectors = sent.introspectors ?? (await thereOf(before.introspectors, writes.db))
    const after = { ...before, ...defined(sent), access_token, scope_details, introspectors }
    const resource = await acceptable(after, writes.db, deps)
    await writes.nouns.updateResource(resource, Object.keys(body), managedBy)
    return requireStored(writes.db, resource.name)
  })
  return changed(stored)
}

export async function removeResource(deps: AdminDeps, by: Authorized, name: string): Promise<void> {
  await write(deps, by, async (writes) => {
    await requireStored(writes.db, name)
    await writes.nouns.deleteResource(name)
  })
}

export async function requireResource({ directory, store }: AdminDeps, name: string): Promise<ResourceAnswer> {
  if (name === MANAGEMENT_RESOURCE) return toResource(directory.management)
  const resource = await findResource(store.reader, name)
  if (resource === undefined) throw noSuchResource()
  return toResource(resource)
}

async function requireStored(db: Db, name: string): Promise<Resource> {
  refuseManagement(name)
  const resource = await findResource(db, name)
  if (resource === undefined) throw noSuchResource()
  return resource
}

function noSuchResource(): Rejected {
  return new Rejected('not_found', 'There is no resource of this name. GET /api/v1/resources lists those there are.')
}

/** Asked when the change is done: comparing rules takes its time, and meanwhile nobody else could write. */
function changed(stored: Resource): ChangedResource {
  return { ...toResource(stored), warnings: lintRules(stored) }
}

/** What would be stored, in canonical form; every problem with it is told at once. */
async function acceptable(wanted: ResourceWrite, db: Db, deps: AdminDeps): Promise<ResourceWrite> {
  const resource: ResourceWrite = {
    ...wanted,
    scopes: [...new Set(wanted.scopes)],
    introspectors: [...new Set(wanted.introspectors)],
    hosts: [...new Set(wanted.hosts.map((host) => parseHostPattern(host) ?? host))],
    credential_header: wanted.credential_header?.toLowerCase() ?? null,
  }
  const { problems } = compileRules(resource.rules, resource.scopes)
  const found = problems.map(({ path, message }) => ({ path: path.replace(/\.(\d+)/g, '[$1]'), message }))
  for (const [index, scope] of wanted.scopes.entries()) {
    const message = 'expected a scope noun:action, action last, like "files:read"'
    if (parseScope(scope) === undefined) found.push({ path: `scopes[${index}]`, message })
  }
  for (const scope of Object.keys(wanted.scope_details)) {
    const message = 'expected a scope that the resource declares in scopes'
    if (!wanted.scopes.includes(scope)) found.push({ path: `scope_details.${scope}`, message })
  }
  for (const [index, host] of wanted.hosts.entries()) {
    const message = 'expected a host like "webdav.example.com" or "*.example.com"'
    if (parseHostPattern(host) === undefined) found.push({ path: `hosts[${index}]`, message })
  }
  found.push(...(await unknownGroups(resource, db)), ...(await unknownIntrospectors(resource, db)))
  if (found.length > 0) throw rejectedFields(found)
  await requireIssuers(db, resource.audience_aliases, 'audience_aliases')
  await refuseClash(resource, db, deps)
  return resource
}

/** What is said of these scopes: that of a scope which is no longer there goes with it. */
function detailsOf(scopes: readonly string[], { scope_details }: ResourceWrite): ResourceWrite['scope_details'] {
  return Object.fromEntries(Object.entries(scope_details).filter(([scope]) => scopes.includes(scope)))
}

/** A rule that asks for a group which is not there lets nobody pass, which nobody means. */
async function unknownGroups({ rules }: ResourceWrite, db: Db) {
  const named = rules.flatMap(({ require }, index) =>
    (require?.groups ?? []).map((group, position) => ({ group, path: `rules[${index}].require.groups[${position}]` })),
  )
  if (named.length === 0) return []
  const names = new Set((await listGroups(db, [...new Set(named.map(({ group }) => group))])).map(({ name }) => name))
  for (const builtIn of Object.values(BUILT_IN_GROUP)) names.add(builtIn)
  return named
    .filter(({ group }) => !names.has(group))
    .map(({ group, path }) => ({ path, message: `there is no group ${group}; make it with POST /api/v1/groups` }))
}

async function thereOf(ids: string[], db: Db): Promise<string[]> {
  if (ids.length === 0) return []
  const there = new Set((await listClients(db, ids)).map(({ id }) => id))
  return ids.filter((id) => there.has(id))
}

async function unknownIntrospectors({ introspectors }: ResourceWrite, db: Db) {
  const ids = new Set(await thereOf(introspectors, db))
  return introspectors.flatMap((id, index) => {
    const message = `there is no client ${id}; make it with POST /api/v1/clients`
    return ids.has(id) ? [] : [{ path: `introspectors[${index}]`, message }]
  })
}

/** Audiences and hosts are of one resource each. Those of Countersign itself are nobody's, with a slash or without. */
async function refuseClash(resource: ResourceWrite, db: Db, { directory }: AdminDeps): Promise<void> {
  const own = directory.management.identifier
  const issuer = own.replace(/\/api\/v1$/, '')
  const isOurs = (audience: string) => [own, issuer].includes(audience.replace(/\/+$/, ''))
  if (isOurs(resource.identifier)) throw new Rejected('name_taken', 'The identifier is that of Countersign itself.')
  // What is for us is traded or administers: shown to an API, it would be for whoever runs that API to show here.
  const alias = resource.audience_aliases.find(({ audience }) => isOurs(audience))
  if (alias !== undefined) {
    throw new Rejected('name_taken', `Audience alias ${alias.audience} is an audience of Countersign itself.`)
  }
  const clash = await findResourceClash(db, resource)
  if (clash !== undefined) throw new Rejected('name_taken', `${clash[0]?.toUpperCase()}${clash.slice(1)}.`)
}

function toWrite(resource: Resource): ResourceWrite {
  const { name, identifier, disabled, preflight, groups, accessToken } = resource
  return {
    name,
    identifier,
    disabled,
    preflight,
    groups,
    hosts: [...resource.hosts],
    scopes: [...resource.scopes],
    scope_details: { ...resource.scopeDetails },
    rules: [...resource.definitions],
    access_token: { format: accessToken.format, ttl_seconds: accessToken.ttlSeconds },
    introspectors: [...resource.introspectors],
    audience_aliases: resource.audienceAliases.map((alias) => ({ ...alias })),
    foreign_credentials: resource.foreignCredentials,
    credential_header: resource.credentialHeader ?? null,
    headers: { ...resource.headers },
  }
}
