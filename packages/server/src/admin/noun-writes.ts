import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import type { Client } from '../domain/client.ts'
import { groupRefs, type HeldPermission, type HolderRef, type NewPermission, refText } from '../domain/credential.ts'
import { isSelfService } from '../domain/management.ts'
import { type ClientWrite, deleteClient, findClient, insertClient, updateClient } from '../store/clients.ts'
import { deleteGroup, findGroup, type GroupWrite, insertGroup, updateGroup } from '../store/groups.ts'
import {
  deletePermission,
  insertPermission,
  listPermissions,
  type PermissionFilter,
  updatePermissionManagedBy,
} from '../store/permissions.ts'
import { deleteResource, findResource, insertResource, type ResourceWrite, updateResource } from '../store/resources.ts'
import { retireId } from '../store/retired-ids.ts'
import type { Change } from '../store/store.ts'
import { isBuiltIn, refuseBuiltIn, refuseManagement } from './built-in.ts'
import { changedFields, lastFields } from './changed-fields.ts'
import { meantResource } from './default-resource.ts'
import { requireFreeName } from './free-name.ts'
import type { Guard } from './guard.ts'
import { Rejected } from './problem.ts'
import { toClient, toGroup, toResource } from './wire.ts'

/** A change holds at most so many rows. */
const MAX_PERMISSIONS = 500

/** Writes of resources, groups, clients and permissions: each judges whose rights it bears on, does it, records it. */
export class NounWrites {
  constructor(
    private readonly change: Change,
    private readonly guard: Guard,
  ) {}

  async insertResource(resource: ResourceWrite, managedBy: string | null): Promise<void> {
    refuseManagement(resource.name)
    await requireFreeName(this.change, 'resource', resource.name)
    await insertResource(this.change, resource, managedBy)
    await this.change.record('resource.create', 'resource', resource.name)
  }

  async updateResource(resource: ResourceWrite, fields: readonly string[], managedBy?: string | null): Promise<void> {
    refuseManagement(resource.name)
    const shown = async () => shownAs(toResource, await findResource(this.change.db, resource.name))
    const before = await shown()
    await updateResource(this.change, resource, managedBy)
    const changed = changedFields(before, await shown())
    await this.change.record('resource.change', 'resource', resource.name, { fields, changed })
  }

  async deleteResource(name: string): Promise<void> {
    refuseManagement(name)
    await this.deletePermissions({ resource: name })
    const was = shownAs(toResource, await findResource(this.change.db, name))
    await deleteResource(this.change, name)
    await this.#retire('resource', name, was)
  }

  async insertGroup(group: GroupWrite, managedBy: string | null): Promise<void> {
    await requireFreeName(this.change, 'group', group.name)
    await insertGroup(this.change, group, managedBy)
    await this.change.record('group.create', 'group', group.name)
  }

  async updateGroup(group: GroupWrite, fields: readonly string[], managedBy?: string | null): Promise<void> {
    await this.guard.mayAlter('Changing this group', groupRefs([group.name]))
    const shown = async () => shownAs(toGroup, await findGroup(this.change.db, group.name))
    const before = await shown()
    await updateGroup(this.change, group, managedBy)
    await this.change.record('group.change', 'group', group.name, {
      fields,
      changed: changedFields(before, await shown()),
    })
  }

  async deleteGroup(name: string): Promise<void> {
    const holder = { kind: 'group', id: name } as const
    await this.guard.mayAlter('Deleting this group', [holder])
    await this.deletePermissions({ holder })
    const was = shownAs(toGroup, await findGroup(this.change.db, name))
    await deleteGroup(this.change, name)
    await this.#retire('group', name, was)
  }

  async insertClient(client: ClientWrite, managedBy: string | null): Promise<void> {
    this.#requireMayRegisterKeys(client)
    await requireFreeName(this.change, 'client', client.id)
    await this.guard.mayAlter('Membership of these groups', groupRefs(client.groups))
    await insertClient(this.change, client, managedBy)
    await this.change.record('client.create', 'client', client.id, { groups: client.groups })
  }

  async updateClient(
    before: Client,
    after: ClientWrite,
    fields: readonly string[],
    managedBy?: string | null,
  ): Promise<void> {
    if (fields.some((field) => field !== 'disabled')) refuseBuiltIn(before, 'nothing but "disabled" may change')
    this.#requireMayRegisterKeys(after)
    this.#requireMayLoosen(before, after)
    // By the groups that it leaves it is a holder itself.
    const joined = after.groups.filter((group) => !before.groups.includes(group))
    const holder = { kind: 'client', id: before.id } as const
    await this.guard.mayAlter('Changing this client', [holder, ...groupRefs(joined)])
    const keepsMeaning = joined.length > 0 && after.defaultResource === null && !fields.includes('default_resource')
    const defaultResource = keepsMeaning ? await meantResource(this.change.db, before) : after.defaultResource
    await updateClient(this.change, { ...after, defaultResource }, managedBy)
    await this.change.record('client.change', 'client', after.id, {
      fields: defaultResource === after.defaultResource ? fields : [...fields, 'default_resource'],
      changed: changedFields(toClient(before), shownAs(toClient, await findClient(this.change.db, after.id))),
    })
  }

  /** Whoever has the key of a client is that client at the token endpoint: to register one is to make a credential. */
  #requireMayRegisterKeys({ keys }: ClientWrite): void {
    if (keys?.revision !== 0 || this.guard.hasScope('credentials:write')) return
    throw new Rejected('scope_missing', 'To register keys of a client takes the scope credentials:write too.')
  }

  /** Without its workload whoever has the secret of a client is that client: to ask for none, or for another, makes one. */
  #requireMayLoosen({ requiresWorkload }: Client, after: ClientWrite): void {
    if (requiresWorkload === null || after.requiresWorkload === requiresWorkload) return
    if (this.guard.hasScope('credentials:write')) return
    const says = 'To change which workload a client requires takes the scope credentials:write too.'
    throw new Rejected('scope_missing', says)
  }

  async deleteClient(client: Client): Promise<void> {
    refuseBuiltIn(client, 'disable it instead of deleting it')
    const holder = { kind: 'client', id: client.id } as const
    await this.guard.mayAlter('Deleting this client', [holder])
    await this.deletePermissions({ holder })
    await deleteClient(this.change, client.id)
    await this.#retire('client', client.id, toClient(client))
  }

  /** The first permission of a client chooses its default resource, be it of its own or of a group. */
  async insertPermission(permission: NewPermission, managedBy: string | null = null): Promise<void> {
    const { id, holder, resource, scopes, roles, projects } = permission
    const client = await this.#requireOpenHolder(holder)
    if (bearsOnManagement(permission)) await this.guard.mayAlterManagement('Giving this permission')
    const meant = client && (await meantResource(this.change.db, client))
    await insertPermission(this.change, permission, managedBy)
    const detail = { holder: refText(holder), resource, scopes, roles, projects }
    await this.change.record('permission.create', 'permission', id, detail)
    if (client !== undefined) await this.#chooseDefaultResource(client, meant ?? resource)
  }

  /** Says what declares it. That alters no rights, but whoever prunes what no file declares trusts in it. */
  async updatePermission(permission: HeldPermission, managedBy: string | null): Promise<void> {
    const { id, holder } = permission
    await this.#requireOpenHolder(holder)
    if (bearsOnManagement(permission)) await this.guard.mayAlterManagement('Changing this permission')
    await updatePermissionManagedBy(this.change, id, managedBy)
    await this.change.record('permission.change', 'permission', id, {
      holder: refText(holder),
      fields: ['managed_by'],
      changed: { managed_by: { from: permission.managedBy, to: managedBy } },
    })
  }

  async deletePermission(permission: HeldPermission): Promise<void> {
    const { id, holder, resource, scopes, roles, projects } = permission
    await this.#requireOpenHolder(holder)
    if (bearsOnManagement(permission)) await this.guard.mayAlterManagement('Taking this permission')
    await deletePermission(this.change, id)
    const detail = { holder: refText(holder), resource, scopes, roles, projects }
    await this.change.record('permission.delete', 'permission', id, detail)
  }

  /** The holder when it is a client. Those that the server keeps hold what they hold, and nothing else. */
  async #requireOpenHolder(holder: HolderRef): Promise<Client | undefined> {
    const client = holder.kind === 'client' ? await findClient(this.change.db, holder.id) : undefined
    if (client !== undefined && isBuiltIn(client)) refuseBuiltIn(client, 'its permission stays as it is, and alone')
    return client
  }

  /** Alters no rights: it only says what a token request means. */
  async #chooseDefaultResource(client: Client, defaultResource: string): Promise<void> {
    if (defaultResource === client.defaultResource) return
    await updateClient(this.change, { ...client, defaultResource })
    await this.change.record('client.change', 'client', client.id, {
      fields: ['default_resource'],
      changed: { default_resource: { from: client.defaultResource, to: defaultResource } },
    })
  }

  async deletePermissions(filter: PermissionFilter): Promise<void> {
    const permissions = await listPermissions(this.change.db, { ...filter, limit: MAX_PERMISSIONS + 1 })
    if (permissions.length > MAX_PERMISSIONS) {
      throw new Rejected('in_use', `More than ${MAX_PERMISSIONS} permissions are about it: delete those first.`)
    }
    for (const permission of permissions) await this.deletePermission(permission)
  }

  async #retire(noun: 'resource' | 'group' | 'client', id: string, was: object): Promise<void> {
    await retireId(this.change, noun, id)
    await this.change.record(`${noun}.delete`, noun, id, { was: lastFields(was) })
  }
}

/** As the API shows it; nothing, where there is none. */
function shownAs<Noun>(show: (noun: Noun) => object, noun: Noun | undefined): object {
  return noun === undefined ? {} : show(noun)
}

/** Whether it gives a say at the management API beyond its holder's own tokens. */
function bearsOnManagement(permission: NewPermission): boolean {
  return permission.resource === MANAGEMENT_RESOURCE && !isSelfService(permission)
}
