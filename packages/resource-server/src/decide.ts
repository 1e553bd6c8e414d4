import type { Listener, MatchedRule, ProtectedResource, Requirement } from './access-rule.ts'
import { reachAtAnyProject } from './any-project.ts'
import { type Address, contains, formatAddress, type Network } from './networks.ts'
import { ANONYMOUS, type Principal } from './principal.ts'
import { type Denied, deny } from './refusals.ts'
import { type Grant, type Narrowing, NO_RIGHTS, type Rights, rightsAtProject } from './rights.ts'

/** The state of a credential, as its record and the lines drawn through its owner, family and ancestors say. */
export type CredentialState = {
  readonly id: string
  readonly notBefore: Date | null
  readonly expiresAt: Date | null
  readonly narrowing: Narrowing
  /** Of access tokens: the `aud` that it was issued for. null: it is bound to none. */
  readonly audience: string | null
  /** Of tokens of other issuers: whose it is, and the audiences that it names. */
  readonly external?: { readonly issuer: string; readonly audiences: readonly string[] } | undefined
  /** Where it may be used from; empty: anywhere. */
  readonly networks: readonly Network[]
}

/** Who revoked, when and why: for the operator alone. */
export type Revocation = { readonly at: Date; readonly by: string; readonly reason: string | null; readonly of: string }

/** Whoever a believed credential stands for, with everything that bears on one resource, live. */
export type Caller = {
  readonly principal: Principal
  readonly credential: CredentialState
  readonly revocation: Revocation | undefined
  /** Undefined: the credential's owner is no longer there. */
  readonly owner:
    | {
        readonly disabled: boolean
        readonly networks: readonly Network[]
        /** Set: its credentials are believed on this listener alone. */
        readonly listener?: Listener | undefined
      }
    | undefined
  /** Names of the groups, the built-in one of the kind among them. */
  readonly groups: ReadonlySet<string>
  /** What the owner may do at the asked resource; undefined: no permission there. */
  readonly grant: Grant | undefined
}

/** What bears on a decision besides the caller and the rule. */
export type Circumstances = {
  readonly now: Date
  readonly listener: Listener
  /** Undefined: not known; what needs a network is then refused. Called only where a network is asked for. */
  clientAddress(): Address | undefined
}

export type Allowed = {
  readonly outcome: 'allow'
  readonly principal: Principal
  readonly rights: Rights
  /** The projects that the caller is confined to; null: all. */
  readonly projects: readonly string[] | null
}

/**
 * Decides whether `caller` (undefined: nobody showed a credential) satisfies the matched rule of `resource` now.
 *
 * Pure and total; what no line allows is denied. Faults of the credential come first (401), then of rights (403),
 * so that a stranger with a dead token learns nothing of what the resource asks.
 *
 * Security: this is the only place that allows. Every state is read here, at use; nothing that was decided earlier
 * is trusted, so a stale cache can at worst hold old facts of *who*, never an old *yes*.
 *
 * @see RFC 6750 §3.1
 */
export function decide(
  caller: Caller | undefined,
  resource: ProtectedResource,
  matched: MatchedRule,
  circumstances: Circumstances,
): Allowed | Denied {
  const { require } = matched.rule
  if (caller === undefined) {
    if (!require.public) return deny('credential_missing')
    return (
      placeRefused(resource, require, circumstances) ?? {
        outcome: 'allow',
        principal: ANONYMOUS,
        rights: NO_RIGHTS,
        projects: null,
      }
    )
  }

  const unreached = reachRefused(caller, resource, circumstances)
  if (unreached !== undefined) return unreached
  if (caller.grant === undefined && !require.public) return deny('permission_missing', { resource: resource.name })

  const rights = rightsAsked(caller, matched)
  if ('outcome' in rights) return rights

  if (require.principals.length > 0 && !require.principals.includes(caller.principal.kind)) {
    return deny('principal_kind_refused', { kind: caller.principal.kind, accepted: require.principals })
  }
  const misplaced = placeRefused(resource, require, circumstances)
  if (misplaced !== undefined) return misplaced

  for (const scope of require.scopes) {
    if (!rights.scopes.has(scope)) return deny('scope_missing', { missing: missingScopes(require, rights) })
  }
  if (require.roles.length > 0 && !require.roles.some((role) => rights.roles.has(role))) {
    return deny('role_missing', { any_of: require.roles })
  }
  if (require.groups.length > 0 && !require.groups.some((group) => caller.groups.has(group))) {
    return deny('group_missing', { any_of: require.groups })
  }
  return { outcome: 'allow', principal: caller.principal, rights, projects: confinementOf(caller, matched) }
}

/** Says why a credential cannot be used at this resource at all, whatever is asked for there; undefined: it can. */
export function reachRefused(
  caller: Caller,
  resource: ProtectedResource,
  circumstances: Circumstances,
): Denied | undefined {
  const dead = credentialRefused(caller, circumstances)
  if (dead !== undefined) return dead
  const { audience, external, narrowing } = caller.credential
  if (audience !== null && audience !== resource.identifier) {
    return deny('audience_refused', { audience, resource: resource.name })
  }
  if (external !== undefined && !isMeantFor(external, resource)) {
    return deny('audience_refused', { audience: external.audiences, issuer: external.issuer, resource: resource.name })
  }
  if (resource.disabled) return deny('resource_disabled', { resource: resource.name })
  if (!reaches(narrowing, resource.name)) {
    return deny('resource_not_granted', { resource: resource.name, granted: narrowing.resources ?? ['full'] })
  }
  return undefined
}

/** Whether a token of another issuer names the resource, by its identifier or as that issuer calls it. Byte for byte. */
function isMeantFor(
  { issuer, audiences }: NonNullable<CredentialState['external']>,
  { identifier, audienceAliases = [] }: ProtectedResource,
): boolean {
  if (audiences.includes(identifier)) return true
  return audienceAliases.some((alias) => alias.issuer === issuer && audiences.includes(alias.audience))
}

/** The management API of Countersign itself: a credential reaches it only when it names it. */
export const MANAGEMENT_RESOURCE = 'countersign'

/** Says whether a credential with this narrowing reaches the resource. Un-narrowed ones reach all but the management API. */
export function reaches(narrowing: Narrowing, resource: string): boolean {
  return narrowing.resources === null ? resource !== MANAGEMENT_RESOURCE : narrowing.resources.includes(resource)
}

/** Says why a credential is dead at this moment and from this address; undefined: it is live. 401, all alike outside. */
export function credentialRefused(caller: Caller, circumstances: Circumstances): Denied | undefined {
  const { credential, revocation, owner } = caller
  const { now } = circumstances
  if (revocation !== undefined) {
    const { at, by, reason, of } = revocation
    return deny('credential_revoked', { revoked_at: at.toISOString(), revoked_by: by, reason, revoked_with: of })
  }
  if (credential.notBefore !== null && now.getTime() < credential.notBefore.getTime()) {
    return deny('credential_not_yet_valid', { not_before: credential.notBefore.toISOString() })
  }
  if (credential.expiresAt !== null && now.getTime() >= credential.expiresAt.getTime()) {
    return deny('credential_expired', { expired_at: credential.expiresAt.toISOString() })
  }
  if (owner === undefined) return deny('owner_missing')
  if (owner.disabled) return deny('owner_disabled')
  if (owner.listener !== undefined && owner.listener !== circumstances.listener) {
    return deny('credential_network_refused', { of: 'owner', listener: owner.listener })
  }
  if (credential.networks.length > 0 || owner.networks.length > 0) {
    const address = circumstances.clientAddress()
    if (address === undefined) return deny('client_address_unknown', { needed_by: 'credential' })
    const inside = (networks: readonly Network[]) => networks.length === 0 || contains(networks, address)
    const from = formatAddress(address)
    if (!inside(credential.networks)) return deny('credential_network_refused', { of: 'credential', from })
    if (!inside(owner.networks)) return deny('credential_network_refused', { of: 'owner', from })
  }
  return undefined
}

/** The project step: credentials confine even on public rules, permissions where a permission is asked for. */
function rightsAsked(caller: Caller, { rule, project }: MatchedRule): Rights | Denied {
  const narrowed = caller.credential.narrowing.projects
  const { require } = rule
  if (project === undefined && require.project !== 'any') {
    if (narrowed !== null) return deny('project_not_captured', { confined_to: narrowed })
    if (caller.grant === undefined) return NO_RIGHTS
    if (caller.grant.everywhere !== undefined) return caller.grant.everywhere
    return require.public ? NO_RIGHTS : deny('project_not_captured', { confined_to: caller.grant.projects ?? [] })
  }
  if (project !== undefined && narrowed !== null && !narrowed.includes(project)) {
    return deny('project_not_granted', { project, confined_to: narrowed })
  }
  if (caller.grant === undefined) return NO_RIGHTS
  const rights =
    project === undefined ? reachAtAnyProject(caller.grant, require)?.rights : rightsAtProject(caller.grant, project)
  if (rights !== undefined) return rights
  if (require.public) return NO_RIGHTS
  return deny('project_not_granted', { project: project ?? '', confined_to: caller.grant.projects ?? [] })
}

function confinementOf({ grant }: Caller, { rule, project }: MatchedRule): readonly string[] | null {
  // Without a permission no project can be reached, not all of them.
  if (grant === undefined) return []
  if (project !== undefined || rule.require.project !== 'any') return grant.projects
  return reachAtAnyProject(grant, rule.require)?.projects ?? grant.projects
}

/** What a rule asks of where the request comes from; for everybody, anonymous or not. */
function placeRefused(
  resource: ProtectedResource,
  require: Requirement,
  circumstances: Circumstances,
): Denied | undefined {
  if (resource.disabled) return deny('resource_disabled', { resource: resource.name })
  if (require.listener !== undefined && require.listener !== circumstances.listener) {
    return deny('listener_refused', { needed: require.listener })
  }
  if (require.networks.length === 0) return undefined
  const address = circumstances.clientAddress()
  if (address === undefined) return deny('client_address_unknown', { needed_by: 'rule' })
  return contains(require.networks, address) ? undefined : deny('network_refused', { from: formatAddress(address) })
}

function missingScopes(require: Requirement, rights: Rights): readonly string[] {
  return require.scopes.filter((scope) => !rights.scopes.has(scope))
}
