import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import type { HolderRef } from '../domain/credential.ts'
import { grantAt } from '../domain/grant.ts'
import type { Resource } from '../domain/resource.ts'
import { findClient } from '../store/clients.ts'
import { findCredential } from '../store/credentials.ts'
import { listPermissions } from '../store/permissions.ts'
import type { Db } from '../store/store.ts'
import { judgeIn } from './credential-state.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { holdsManagement, requireSomeAdmin, requireUnconfinedAdmin } from './management-rights.ts'
import { Rejected } from './problem.ts'

/** Judges, inside a change, what its caller may alter. */
export class Guard {
  #altersManagement = false
  /** Roles as they are in this change; until they were read, none. */
  #roles: ReadonlySet<string> = new Set()

  constructor(
    private readonly db: Db,
    readonly authorized: Authorized,
    private readonly management: Resource,
  ) {}

  /** Refuses, unless by an unconfined admin, what touches a holder of rights at the management API. */
  async mayAlter(what: string, holders: readonly HolderRef[]): Promise<void> {
    if (await holdsManagement(this.db, holders)) this.mayAlterManagement(what)
  }

  mayAlterManagement(what: string): void {
    requireUnconfinedAdmin({ ...this.authorized, roles: this.#roles }, what)
    this.#altersManagement = true
  }

  /**
   * Judges the caller again, by what this change reads: the path let it in when the request began, but its body may
   * have taken long since, and another node may know less than the database.
   */
  async requireEntitledCaller(now: Date): Promise<void> {
    const { stored } = this.authorized.caller.known
    const present = stored.kind === 'bootstrap' ? stored : await findCredential(this.db, stored.id)
    if (present === undefined || (await judgeIn(this.db, present, now)).status !== 'live') {
      throw new Rejected('credential_revoked', 'It died while the request was under way.')
    }
    const groups = (await findClient(this.db, stored.owner.id))?.groups ?? []
    const holders = [stored.owner, ...groups.map((id) => ({ kind: 'group' as const, id }))]
    const resource = MANAGEMENT_RESOURCE
    const held = await Promise.all(holders.map((holder) => listPermissions(this.db, { holder, resource })))
    const rights = grantAt(this.management, held.flat(), present.narrowing)?.everywhere
    if (rights === undefined)
      throw new Rejected('permission_missing', 'It was taken away while the request was under way.')
    const missing = this.authorized.requiredScopes.filter((scope) => !rights.scopes.has(scope))
    if (missing.length > 0) throw new Rejected('scope_missing', `Taken away meanwhile: ${missing.join(', ')}.`)
    this.#roles = rights.roles
  }

  /** To be asked when all is written. */
  async requireAdminLeft(deps: Pick<AdminDeps, 'hasBootstrapKey'>): Promise<void> {
    if (this.#altersManagement) await requireSomeAdmin(this.db, deps)
  }
}
