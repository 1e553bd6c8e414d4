import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { BOOTSTRAP_CLIENT } from '../domain/client.ts'
import type { HolderRef } from '../domain/credential.ts'
import { ADMIN_ROLE } from '../domain/management.ts'
import { findClient, listClients } from '../store/clients.ts'
import { listMembers } from '../store/groups.ts'
import { holdPermissionOn, listPermissions } from '../store/permissions.ts'
import type { Db } from '../store/store.ts'
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

/** Says whether one of these holds a permission on the management API, by itself or by a group that it is in. */
export async function holdsManagement(db: Db, holders: readonly HolderRef[]): Promise<boolean> {
  if (holders.length === 0) return false
  const clients = holders.filter(({ kind }) => kind === 'client')
  const groups = await Promise.all(clients.map(async ({ id }) => (await findClient(db, id))?.groups ?? []))
  const byGroup = groups.flat().map((id) => ({ kind: 'group' as const, id }))
  return holdPermissionOn(db, MANAGEMENT_RESOURCE, [...holders, ...byGroup])
}

/**
 * Refuses a state in which nobody who is not disabled has role admin: no call could ever undo it. The client
 * `bootstrap` counts only where there is a bootstrap key: it has no other.
 */
export async function requireSomeAdmin(db: Db, { hasBootstrapKey }: Pick<AdminDeps, 'hasBootstrapKey'>): Promise<void> {
  const permissions = await listPermissions(db, { resource: MANAGEMENT_RESOURCE })
  const holders = permissions.filter(({ roles, projects }) => roles.includes(ADMIN_ROLE) && projects === null)
  const clients = holders.flatMap(({ holder }) => (holder.kind === 'client' ? [holder.id] : []))
  const direct = clients.filter((id) => hasBootstrapKey || id !== BOOTSTRAP_CLIENT)
  if (await someEnabled(db, direct)) return
  for (const { holder } of holders) {
    if (holder.kind !== 'group') continue
    const members = (await listMembers(db, holder.id)).filter((member) => member.startsWith('client:'))
    if (
      await someEnabled(
        db,
        members.map((member) => member.slice('client:'.length)),
      )
    )
      return
  }
  throw new Rejected('conflict', `Nobody with role ${ADMIN_ROLE} would be left. Give it to another client first.`)
}

async function someEnabled(db: Db, clients: readonly string[]): Promise<boolean> {
  return clients.length > 0 && (await listClients(db, clients)).some(({ disabled }) => !disabled)
}
