import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { BOOTSTRAP_CLIENT } from '../domain/client.ts'
import type { HolderRef, OwnerRef } from '../domain/credential.ts'
import { ADMIN_ROLE, isSelfService } from '../domain/management.ts'
import { listEnabledGroups, listMembers } from '../store/groups.ts'
import { isAnyMemberOf } from '../store/memberships.ts'
import { listEnabledOwners } from '../store/owners.ts'
import { listPermissions, listPermissionsOf } from '../store/permissions.ts'
import type { Db } from '../store/store.ts'
import { isAnyLinkedMemberOf, listHeldByLinked } from '../store/user-links.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { Rejected } from './problem.ts'

/**
 * Refuses what could alter anyone's rights at the management API, unless the caller has role admin there by a
 * credential that nothing confines. A narrowed credential keeps its owner's roles, so the role alone proves nothing.
 */
export function requireUnconfinedAdmin({ caller, roles }: Authorized, what: string): void {
  const { resources, scopes, projects } = caller.credential.narrowing
  const isUnconfined = resources?.includes(MANAGEMENT_RESOURCE) && scopes === null && projects === null
  if (isUnconfined && roles.has(ADMIN_ROLE)) return
  throw new Rejected(
    'would_escalate',
    `${what} bears on rights at ${MANAGEMENT_RESOURCE}: that needs role ${ADMIN_ROLE} there, by a credential that is ` +
      'not narrowed to scopes or projects.',
  )
}

/**
 * Says whether one of these, by itself or by a group that it is in, has a say at the management API beyond itself. With
 * `linkedTo` every user who is linked to a subject of that issuer is one of them: there may be very many, so nobody is
 * looked up one by one.
 */
export async function holdsManagement(db: Db, holders: readonly HolderRef[], linkedTo?: string): Promise<boolean> {
  const held = await listPermissionsOf(db, MANAGEMENT_RESOURCE, holders)
  if (held.some((permission) => !isSelfService(permission))) return true
  const byGroups = await listPermissions(db, { resource: MANAGEMENT_RESOURCE, holderKind: 'group' })
  const groups = byGroups.flatMap((permission) => (isSelfService(permission) ? [] : [permission.holder.id]))
  const owners = holders.flatMap(({ kind, id }) => (kind === 'group' ? [] : [{ kind, id }]))
  if (await isAnyMemberOf(db, groups, owners)) return true
  if (linkedTo === undefined) return false
  const heldByLinked = await listHeldByLinked(db, linkedTo, MANAGEMENT_RESOURCE)
  return heldByLinked.some((one) => !isSelfService(one)) || isAnyLinkedMemberOf(db, linkedTo, groups)
}

/**
 * Refuses a state in which nobody who is not disabled has role admin: no call could ever undo it. The client
 * `bootstrap` counts only where there is a bootstrap key: it has no other.
 */
export async function requireSomeAdmin(db: Db, { hasBootstrapKey }: Pick<AdminDeps, 'hasBootstrapKey'>): Promise<void> {
  const isSomebody = (id: string) => hasBootstrapKey || id !== BOOTSTRAP_CLIENT
  const clients = (await enabledAdmins(db, 'client')).filter(isSomebody)
  if (clients.length > 0 || (await enabledAdmins(db, 'user')).length > 0) return
  throw new Rejected('conflict', `Nobody with role ${ADMIN_ROLE} would be left. Give it to another first.`)
}

/** Whether a person who is not disabled has role admin. */
export async function hasAdminUser(db: Db): Promise<boolean> {
  return (await enabledAdmins(db, 'user')).length > 0
}

/** Owners of this kind who are not disabled and have role admin, by themselves or by a group that gives. */
async function enabledAdmins(db: Db, kind: OwnerRef['kind']): Promise<string[]> {
  const permissions = await listPermissions(db, { resource: MANAGEMENT_RESOURCE })
  const holders = permissions.flatMap(({ roles, projects, holder }) =>
    roles.includes(ADMIN_ROLE) && projects === null ? [holder] : [],
  )
  const direct = holders.flatMap((holder) => (holder.kind === kind ? [holder.id] : []))
  const groups = holders.flatMap((holder) => (holder.kind === 'group' ? [holder.id] : []))
  const members = await Promise.all((await listEnabledGroups(db, groups)).map((name) => listMembers(db, name)))
  const prefix = `${kind}:`
  const byGroup = members.flat().flatMap((member) => (member.startsWith(prefix) ? [member.slice(prefix.length)] : []))
  return listEnabledOwners(db, kind, [...new Set([...direct, ...byGroup])])
}
