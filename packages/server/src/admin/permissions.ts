import type {
  NewPermission,
  Page,
  Permission as PermissionAnswer,
  PermissionChange,
  PermissionQuery,
} from '@countersign/admin-api'
import { expandScopes, MANAGEMENT_RESOURCE, parseScopePattern } from '@countersign/resource-server'
import type { HeldPermission, HolderRef, NewPermission as UnmadePermission } from '../domain/credential.ts'
import { makeId } from '../domain/ids.ts'
import { MANAGEMENT_ROLES } from '../domain/management.ts'
import type { Resource } from '../domain/resource.ts'
import { findPermission, listPermissions } from '../store/permissions.ts'
import type { Db } from '../store/store.ts'
import { pageOf, sliceOf } from './cursor.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { Rejected, rejectedFields } from './problem.ts'
import { requireHolder, requireResources } from './references.ts'
import { toPermission } from './wire.ts'
import { write } from './write.ts'

export async function createPermission(
  deps: AdminDeps,
  by: Authorized,
  body: NewPermission,
): Promise<PermissionAnswer> {
  const [holder] = holdersIn(body)
  if (holder === undefined) throw new Error('the wire lets no permission without a holder pass')
  return write(deps, by, async (writes) => {
    const { db, now } = writes
    await requireHolder(db, holder)
    const [resource] = await requireResources(db, deps, [body.resource], () => 'resource')
    if (resource !== undefined) requireMeaning(body, resource)
    const permission = {
      id: makeId('perm', now, deps.store.random),
      holder,
      resource: body.resource,
      scopes: [...new Set(body.scopes)],
      roles: [...new Set(body.roles)],
      projects: body.projects === undefined ? null : [...new Set(body.projects)],
    }
    await refuseTwin(permission, db)
    await writes.nouns.insertPermission(permission, body.managed_by)
    return toPermission(await requirePermission(db, permission.id))
  })
}

/** Only what declares it can change. */
export async function changePermission(
  deps: AdminDeps,
  by: Authorized,
  id: string,
  { managed_by: managedBy }: PermissionChange,
): Promise<PermissionAnswer> {
  return write(deps, by, async (writes) => {
    const before = await requirePermission(writes.db, id)
    if (managedBy !== undefined) await writes.nouns.updatePermission(before, managedBy)
    return toPermission(await requirePermission(writes.db, id))
  })
}

export async function removePermission(deps: AdminDeps, by: Authorized, id: string): Promise<void> {
  await write(deps, by, async (writes) => writes.nouns.deletePermission(await requirePermission(writes.db, id)))
}

export async function pageOfPermissions(deps: AdminDeps, query: PermissionQuery): Promise<Page<PermissionAnswer>> {
  const [holder, another] = holdersIn(query)
  if (another !== undefined) {
    const problem = { path: another.kind, message: 'expected at most one of group, client, user' }
    throw new Rejected('invalid_query', 'A permission has one holder.', [problem])
  }
  const found = await listPermissions(deps.store.reader, { resource: query.resource, holder, ...sliceOf(query) })
  return pageOf(found.map(toPermission), query.limit, ({ id }) => id)
}

export async function requirePermission(db: Db, id: string): Promise<HeldPermission> {
  const permission = await findPermission(db, id)
  if (permission !== undefined) return permission
  throw new Rejected('not_found', 'There is no permission of this id. GET /api/v1/permissions lists those there are.')
}

type Holders = { readonly [Kind in HolderRef['kind']]?: string | undefined }

function holdersIn(named: Holders): HolderRef[] {
  return (['group', 'client', 'user'] as const).flatMap((kind) => {
    const id = named[kind]
    return id === undefined ? [] : [{ kind, id }]
  })
}

/** What could never have an effect is a mistake: a scope that stands for nothing, a role that nobody asks for. */
function requireMeaning({ scopes, roles, projects }: NewPermission, resource: Resource): void {
  const problems = scopes.flatMap((scope, index) => {
    const standsForSome = parseScopePattern(scope) !== undefined && expandScopes([scope], resource.scopes).size > 0
    if (standsForSome) return []
    const declared = resource.scopes.length === 0 ? 'none at all' : resource.scopes.join(', ')
    return [{ path: `scopes[${index}]`, message: `is no scope of ${resource.name}; it declares ${declared}` }]
  })
  if (resource.name === MANAGEMENT_RESOURCE) {
    for (const [index, role] of roles.entries()) {
      const message = `is no role of ${resource.name}; expected ${MANAGEMENT_ROLES.join(', ')}`
      if (!MANAGEMENT_ROLES.includes(role)) problems.push({ path: `roles[${index}]`, message })
    }
    if (projects !== undefined) problems.push({ path: 'projects', message: `${resource.name} has no projects` })
  }
  if (problems.length > 0) throw rejectedFields(problems)
}

/** Of two that are alike, deleting one would change nothing, to somebody's surprise. */
async function refuseTwin(permission: UnmadePermission, db: Db): Promise<void> {
  const { holder, resource } = permission
  const twin = (await listPermissions(db, { holder, resource })).find(
    (other) =>
      areSame(other.scopes, permission.scopes) &&
      areSame(other.roles, permission.roles) &&
      (other.projects === null) === (permission.projects === null) &&
      areSame(other.projects ?? [], permission.projects ?? []),
  )
  if (twin !== undefined) throw new Rejected('conflict', `The permission ${twin.id} says the same already.`)
}

function areSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((member) => other.includes(member))
}
