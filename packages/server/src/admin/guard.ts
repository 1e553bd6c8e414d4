import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { KnownExternal } from '../authentication/known-external.ts'
import { type HolderRef, holdersFor } from '../domain/credential.ts'
import { grantAt } from '../domain/grant.ts'
import { ADMIN_ROLE } from '../domain/management.ts'
import type { Resource } from '../domain/resource.ts'
import { findCredential } from '../store/credentials.ts'
import { listEnabledGroups } from '../store/groups.ts'
import { findIssuer } from '../store/issuers.ts'
import { findOwner } from '../store/owners.ts'
import { listPermissionsOf } from '../store/permissions.ts'
import type { Db } from '../store/store.ts'
import { findTrustRule } from '../store/trust-rules.ts'
import { judgeIn } from './credential-state.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { HOST_RIGHTS, isHost } from './host-caller.ts'
import { hasAdminUser, holdsManagement, requireSomeAdmin, requireUnconfinedAdmin } from './management-rights.ts'
import { Rejected } from './problem.ts'

/** Judges, inside a change, what its caller may alter. */
export class Guard {
  #altersManagement = false
  #hadAdminUser = false
  #scopes: ReadonlySet<string> = new Set()
  /** Roles as they are in this change; until they were read, none. */
  #roles: ReadonlySet<string> = new Set()

  constructor(
    private readonly db: Db,
    readonly authorized: Authorized,
    private readonly management: Resource,
  ) {}

  /**
   * Refuses, unless by an unconfined admin, what touches a holder of rights at the management API. With `linkedTo` it
   * touches every user who is linked to a subject of that issuer too.
   */
  async mayAlter(what: string, holders: readonly HolderRef[], linkedTo?: string): Promise<void> {
    if (await holdsManagement(this.db, holders, linkedTo)) await this.mayAlterManagement(what)
  }

  /** To be asked before anything is written: what it finds is what the end of the change is compared with. */
  async mayAlterManagement(what: string): Promise<void> {
    requireUnconfinedAdmin({ ...this.authorized, roles: this.#roles }, what)
    if (!this.#altersManagement) this.#hadAdminUser = await hasAdminUser(this.db)
    this.#altersManagement = true
  }

  /** Whether the caller has this scope, as this change reads its rights. */
  hasScope(scope: string): boolean {
    return this.#scopes.has(scope)
  }

  /**
   * Judges the caller again, by what this change reads: the path let it in when the request began, but its body may
   * have taken long since, and another node may know less than the database.
   */
  async requireEntitledCaller(now: Date): Promise<void> {
    if (isHost(this.authorized)) {
      this.#roles = HOST_RIGHTS.roles
      this.#scopes = HOST_RIGHTS.scopes
      return
    }
    const { known } = this.authorized.caller
    const { stored } = known
    // The bootstrap key, an access token that is a JWT and a token of another issuer have no record: what was verified is
    // all there is.
    const isKept = stored.kind !== 'bootstrap' && stored.kind !== 'at' && stored.kind !== 'jwt'
    const present = (await findCredential(this.db, stored.id)) ?? (isKept ? undefined : stored)
    if (present === undefined || (await judgeIn(this.db, present, now)).status !== 'live') {
      throw new Rejected('credential_revoked', 'It died while the request was under way.')
    }
    const given = known instanceof KnownExternal ? await this.#groupsGivenTo(known) : []
    const groups = [...((await findOwner(this.db, stored.owner))?.groups ?? []), ...given]
    const holders = holdersFor(stored.owner, await listEnabledGroups(this.db, groups))
    const held = await listPermissionsOf(this.db, MANAGEMENT_RESOURCE, holders)
    const rights = grantAt(this.management, held, present.narrowing)?.everywhere
    if (rights === undefined)
      throw new Rejected('permission_missing', 'It was taken away while the request was under way.')
    const missing = this.authorized.requiredScopes.filter((scope) => !rights.scopes.has(scope))
    if (missing.length > 0) throw new Rejected('scope_missing', `Taken away meanwhile: ${missing.join(', ')}.`)
    this.#roles = rights.roles
    this.#scopes = rights.scopes
  }

  /** Those that its rule and its claims give it, as long as neither rule nor issuer has changed since it was verified. */
  async #groupsGivenTo({ standing: { rule, groups }, genuine: { issuer } }: KnownExternal): Promise<readonly string[]> {
    const [presentRule, presentIssuer] = [
      await findTrustRule(this.db, rule.name),
      await findIssuer(this.db, issuer.name),
    ]
    if (presentRule?.revision === rule.revision && presentIssuer?.revision === issuer.revision) return groups
    throw new Rejected('credential_revoked', 'What trusts it was changed while the request was under way.')
  }

  /** To be asked when all is written. */
  async requireAdminLeft(deps: Pick<AdminDeps, 'hasBootstrapKey'>): Promise<void> {
    if (!this.#altersManagement) return
    await requireSomeAdmin(this.db, deps)
    if (this.#hadAdminUser && !(await hasAdminUser(this.db))) {
      const first = `Give role ${ADMIN_ROLE} to another user first; or revoke their credentials, if that is what it takes.`
      throw new Rejected('conflict', `No user with role ${ADMIN_ROLE} would be left. ${first}`)
    }
  }
}
