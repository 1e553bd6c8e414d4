import type { UserChange } from '@countersign/admin-api'
import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { groupRefs, type HeldPermission } from '../domain/credential.ts'
import { makeId } from '../domain/ids.ts'
import type { User, UserLink } from '../domain/user.ts'
import { listPermissions } from '../store/permissions.ts'
import { retireId } from '../store/retired-ids.ts'
import type { Change, Db } from '../store/store.ts'
import { deleteUser, findUser, insertUser, type UserWrite, updateUser } from '../store/users.ts'
import { changedFields, lastFields } from './changed-fields.ts'
import { requireFreeName } from './free-name.ts'
import type { Guard } from './guard.ts'
import type { NounWrites } from './noun-writes.ts'
import { Rejected } from './problem.ts'
import { toUser } from './wire.ts'

/** Writes of users: each judges whose rights it bears on, does it, records it. */
export class UserWrites {
  constructor(
    private readonly change: Change,
    private readonly guard: Guard,
    private readonly nouns: NounWrites,
    private readonly random: (length: number) => Uint8Array,
  ) {}

  async insert(user: UserWrite, roles: readonly string[], managedBy: string | null): Promise<void> {
    await requireFreeName(this.change, 'user', user.id)
    this.#requireMayLink([], user.links)
    await this.guard.mayAlter('Membership of these groups', groupRefs(user.groups))
    await insertUser(this.change, user, managedBy)
    await this.change.record('user.create', 'user', user.id, { groups: user.groups })
    await this.#giveRoles(user.id, roles)
  }

  /** What `sent` does not name stays: roles, and what declares the user. */
  async update(before: User, after: UserWrite, sent: UserChange): Promise<void> {
    const { roles, managed_by: managedBy } = sent
    // By the groups that they leave they are a holder themselves.
    const joined = after.groups.filter((group) => !before.groups.includes(group))
    const holder = { kind: 'user', id: before.id } as const
    this.#requireMayLink(before.links, after.links)
    await this.guard.mayAlter('Changing this user', [holder, ...groupRefs(joined)])
    await updateUser(this.change, after, managedBy)
    const now = await findUser(this.change.db, after.id)
    // Roles are permissions, with events of their own.
    const changed = changedFields(toUser(before, []), now === undefined ? {} : toUser(now, []))
    await this.change.record('user.change', 'user', after.id, { fields: Object.keys(sent), changed })
    if (roles !== undefined) await this.#replaceRoles(after.id, roles)
  }

  /** Whoever is the subject is the user wherever a rule says so: to link one is to make a credential. */
  #requireMayLink(before: readonly UserLink[], after: readonly UserLink[]): void {
    const isKept = (link: UserLink) =>
      before.some(({ issuer, subject }) => issuer === link.issuer && subject === link.subject)
    if (after.every(isKept) || this.guard.hasScope('credentials:write')) return
    throw new Rejected('scope_missing', 'To link a user to a subject takes the scope credentials:write too.')
  }

  async delete(user: User): Promise<void> {
    const holder = { kind: 'user', id: user.id } as const
    await this.guard.mayAlter('Deleting this user', [holder])
    await this.nouns.deletePermissions({ holder })
    await deleteUser(this.change, user.id)
    await retireId(this.change, 'user', user.id)
    await this.change.record('user.delete', 'user', user.id, { was: lastFields(toUser(user, [])) })
  }

  /** Roles are short for a permission on the management API; scopes that stand beside them there stay. */
  async #replaceRoles(id: string, roles: readonly string[]): Promise<void> {
    const present = await managementPermissionsOf(this.change.db, id)
    const held = new Set(present.flatMap((permission) => permission.roles))
    if (held.size === new Set(roles).size && roles.every((role) => held.has(role))) return
    const withRoles = present.filter((permission) => permission.roles.length > 0)
    for (const permission of withRoles) await this.nouns.deletePermission(permission)
    for (const { scopes } of withRoles) if (scopes.length > 0) await this.#give(id, scopes, [])
    await this.#giveRoles(id, roles)
  }

  async #giveRoles(id: string, roles: readonly string[]): Promise<void> {
    if (roles.length > 0) await this.#give(id, [], roles)
  }

  async #give(id: string, scopes: readonly string[], roles: readonly string[]): Promise<void> {
    await this.nouns.insertPermission({
      id: makeId('perm', this.change.now, this.random),
      holder: { kind: 'user', id },
      resource: MANAGEMENT_RESOURCE,
      scopes,
      roles: [...new Set(roles)],
      projects: null,
    })
  }
}

/** What the user holds by themselves at the management API: where their `roles` come from. */
export function managementPermissionsOf(db: Db, id: string): Promise<HeldPermission[]> {
  return listPermissions(db, { holder: { kind: 'user', id }, resource: MANAGEMENT_RESOURCE })
}
