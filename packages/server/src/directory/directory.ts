import {
  compileTrustRules,
  MANAGEMENT_RESOURCE,
  type Principal,
  type TrustRules,
  wildcardOf,
} from '@countersign/resource-server'
import type { Client, Group } from '../domain/client.ts'
import {
  type HeldPermission,
  type HolderRef,
  type RevocationLine,
  refText,
  type SubjectRef,
} from '../domain/credential.ts'
import type { ForeignPrefix } from '../domain/foreign-prefix.ts'
import type { ExternalIssuer } from '../domain/issuer.ts'
import type { Resource } from '../domain/resource.ts'
import type { ServerTrustRule } from '../domain/trust-rule.ts'
import type { User } from '../domain/user.ts'
import type { Position } from '../store/change-log.ts'
import type { StoredSigningKey } from '../store/signing-keys.ts'

/** An owner of credentials, whatever its kind, as a decision sees it. */
export type Owner = {
  readonly principal: Principal
  readonly disabled: boolean
  readonly networks: Client['networks']
  /** Set: its credentials are believed on this listener alone. */
  readonly listener: 'internal' | undefined
  readonly groups: readonly string[]
}

/** Everything that `directory/follow.ts` read at one revision, to be put in at once. */
export type DirectoryUpdate = Position & {
  /** The maps hold all there is, not what changed: what they do not name is gone. */
  readonly everything: boolean
  readonly resources: ReadonlyMap<string, Resource | undefined>
  readonly groups: ReadonlyMap<string, Group | undefined>
  readonly clients: ReadonlyMap<string, Client | undefined>
  readonly users: ReadonlyMap<string, User | undefined>
  readonly permissions: ReadonlyMap<string, HeldPermission | undefined>
  readonly foreignPrefixes: ReadonlyMap<string, ForeignPrefix | undefined>
  readonly issuers: ReadonlyMap<string, ExternalIssuer | undefined>
  readonly trustRules: ReadonlyMap<string, ServerTrustRule | undefined>
  readonly lines: readonly RevocationLine[]
  /** All that are published; undefined: as they were. */
  readonly signingKeys: readonly StoredSigningKey[] | undefined
  /** Credentials whose facts have to be read again. */
  readonly credentials: readonly string[]
}

/**
 * What decisions read, in memory: resources, groups, clients, users, permissions, foreign prefixes and revocation lines
 * at one revision.
 *
 * Credentials are not in it: they are looked up when they are first shown. `apply` is synchronous, so that no
 * decision ever sees half of a change.
 */
export class Directory {
  #position: Position = { revision: -1, stamp: '' }
  #edition = 0
  readonly #resources = new Map<string, Resource>()
  readonly #hosts = new Map<string, Resource>()
  readonly #identifiers = new Map<string, Resource>()
  readonly #groups = new Map<string, Group>()
  readonly #clients = new Map<string, Client>()
  readonly #users = new Map<string, User>()
  readonly #permissions = new Map<string, HeldPermission>()
  /** Holder, as `client:canister`, → resource → its permissions there. */
  readonly #held = new Map<string, Map<string, HeldPermission[]>>()
  readonly #lines = new Map<string, RevocationLine>()
  /** Client → what it may introspect, of this revision. */
  #introspected = new Map<string, { readonly one: Resource }[]>()
  #introspectedAt = -1
  #signingKeys: readonly StoredSigningKey[] = []
  readonly #issuers = new Map<string, ExternalIssuer>()
  /** `iss` → those who sign as it. */
  #issuersBy: ReadonlyMap<string, readonly ExternalIssuer[]> = new Map()
  readonly #rules = new Map<string, ServerTrustRule>()
  #trustRules: TrustRules<ServerTrustRule> = compileTrustRules<ServerTrustRule>([])
  /** Issuer, a space, subject → user. */
  readonly #links = new Map<string, string>()
  readonly #foreignPrefixes = new Map<string, ForeignPrefix>()
  /** How long those are, each length once: how a text is looked for among them. */
  #foreignPrefixLengths: readonly number[] = []

  constructor(readonly management: Resource) {
    this.#replaceResource(MANAGEMENT_RESOURCE, management)
  }

  get revision(): number {
    return this.#position.revision
  }

  /** Another one after each update: what was computed of one edition holds for no other. Means nothing to other nodes. */
  get edition(): number {
    return this.#edition
  }

  /** Whether what was read at this position of the database is of the state that is here. */
  isAt({ revision, stamp }: Position): boolean {
    return revision === this.#position.revision && stamp === this.#position.stamp
  }

  /** The resource at a canonical host: an exact name wins over a `*.` one. */
  resourceAt(host: string): Resource | undefined {
    const exact = this.#hosts.get(host)
    if (exact !== undefined) return exact
    const wildcard = wildcardOf(host)
    return wildcard === undefined ? undefined : this.#hosts.get(wildcard)
  }

  resource(name: string): Resource | undefined {
    return this.#resources.get(name)
  }

  /** The resource whose audience this is, byte for byte. */
  resourceOf(identifier: string): Resource | undefined {
    return this.#identifiers.get(identifier)
  }

  /** The resources that name this client as one that may ask what credentials may do there. */
  introspectedBy(client: string): Resource[] {
    if (this.#introspectedAt !== this.#edition) {
      const pairs = [...this.#resources.values()].flatMap((one) => one.introspectors.map((id) => ({ id, one })))
      this.#introspected = Map.groupBy(pairs, ({ id }) => id)
      this.#introspectedAt = this.#edition
    }
    return (this.#introspected.get(client) ?? []).map(({ one }) => one)
  }

  client(id: string): Client | undefined {
    return this.#clients.get(id)
  }

  /** The published keys, the one that signs last first; the same list as long as they do not change. */
  signingKeys(): readonly StoredSigningKey[] {
    return this.#signingKeys
  }

  /** Whether the group is there and gives what it holds. */
  hasLiveGroup(name: string): boolean {
    return this.#groups.get(name)?.disabled === false
  }

  /** An owner that is registered here: of a workload nothing is kept. */
  owner({ kind, id }: SubjectRef): Owner | undefined {
    switch (kind) {
      case 'workload':
        return undefined
      case 'client':
        return this.#clientAsOwner(this.#clients.get(id))
      case 'user':
        return this.#userAsOwner(this.#users.get(id))
      default:
        kind satisfies never
        return undefined
    }
  }

  #clientAsOwner(client: Client | undefined): Owner | undefined {
    if (client === undefined) return undefined
    return {
      principal: { kind: 'client', id: client.id, name: client.name },
      disabled: client.disabled,
      networks: client.networks,
      listener: client.listener === 'internal' ? 'internal' : undefined,
      groups: client.groups.filter((group) => this.hasLiveGroup(group)),
    }
  }

  #userAsOwner(user: User | undefined): Owner | undefined {
    if (user === undefined) return undefined
    return {
      principal: { kind: 'user', id: user.id, name: user.name, email: user.email ?? undefined },
      disabled: user.disabled,
      networks: [],
      listener: undefined,
      groups: user.groups.filter((group) => this.hasLiveGroup(group)),
    }
  }

  permissionsOf(holder: HolderRef, resource: string): readonly HeldPermission[] {
    return this.#held.get(refText(holder))?.get(resource) ?? []
  }

  /** Resource → what the holder was given there by itself. */
  heldBy(holder: HolderRef): ReadonlyMap<string, readonly HeldPermission[]> {
    return this.#held.get(refText(holder)) ?? NOTHING
  }

  /** The line drawn through an owner, a family or a credential's descendants, if there is one. */
  readonly lineThrough = (subject: string): RevocationLine | undefined => this.#lines.get(subject)

  /** Another issuer, by its name here. The same object as long as nothing of it changes. */
  issuer(name: string): ExternalIssuer | undefined {
    return this.#issuers.get(name)
  }

  /** All who sign as this `iss`, byte for byte. */
  issuersOf(iss: string): readonly ExternalIssuer[] {
    return this.#issuersBy.get(iss) ?? []
  }

  /** Whom subjects of other issuers stand for. The same object as long as no rule changes. */
  get trustRules(): TrustRules<ServerTrustRule> {
    return this.#trustRules
  }

  trustRule(name: string): ServerTrustRule | undefined {
    return this.#rules.get(name)
  }

  /** The user who is linked to a subject of another issuer. */
  linkedUser(issuer: string, subject: string): string | undefined {
    return this.#links.get(linkKey(issuer, subject))
  }

  /** What a text begins with, if that is a prefix of another system's. No two meet, so there is one at most. */
  foreignPrefixOf(text: string): ForeignPrefix | undefined {
    for (const length of this.#foreignPrefixLengths) {
      const found = this.#foreignPrefixes.get(text.slice(0, length))
      if (found !== undefined) return found
    }
    return undefined
  }

  /** All of them, for whoever has to hide such texts. */
  foreignPrefixes(): readonly string[] {
    return [...this.#foreignPrefixes.keys()]
  }

  /** Drops lines through nothing but what ended before a moment. No answer changes by that. */
  forgetEndedLines(before: Date): void {
    for (const { subject, endsAt } of this.#lines.values()) {
      if (endsAt !== null && endsAt < before) this.#lines.delete(subject)
    }
  }

  /** Puts everything of one revision in. Older than what is here: ignored, since it was read before. */
  apply(update: DirectoryUpdate): void {
    if (update.revision < this.revision && !update.everything) return
    if (update.everything) this.#clear()
    for (const [name, resource] of update.resources) this.#replaceResource(name, resource)
    replaceAll(this.#groups, update.groups)
    replaceAll(this.#clients, update.clients)
    for (const [id, user] of update.users) this.#replaceUser(id, user)
    for (const [id, permission] of update.permissions) this.#replacePermission(id, permission)
    for (const line of update.lines) this.#lines.set(line.subject, line)
    if (update.signingKeys !== undefined) this.#signingKeys = update.signingKeys
    replaceAll(this.#foreignPrefixes, update.foreignPrefixes)
    this.#foreignPrefixLengths = [...new Set([...this.#foreignPrefixes.keys()].map(({ length }) => length))]
    if (update.everything || update.issuers.size > 0) {
      replaceAll(this.#issuers, update.issuers)
      this.#issuersBy = Map.groupBy(this.#issuers.values(), ({ issuer }) => issuer)
    }
    if (update.everything || update.trustRules.size > 0) {
      replaceAll(this.#rules, update.trustRules)
      this.#trustRules = compileTrustRules([...this.#rules.values()])
    }
    this.#position = { revision: update.revision, stamp: update.stamp }
    this.#edition++
  }

  #clear(): void {
    for (const map of [this.#resources, this.#hosts, this.#identifiers]) map.clear()
    for (const map of [this.#groups, this.#clients, this.#users]) map.clear()
    this.#permissions.clear()
    this.#held.clear()
    this.#lines.clear()
    this.#foreignPrefixes.clear()
    this.#issuers.clear()
    this.#rules.clear()
    this.#links.clear()
    this.#replaceResource(MANAGEMENT_RESOURCE, this.management)
  }

  #replaceResource(name: string, resource: Resource | undefined): void {
    for (const host of this.#resources.get(name)?.hosts ?? []) {
      if (this.#hosts.get(host)?.name === name) this.#hosts.delete(host)
    }
    const { identifier } = this.#resources.get(name) ?? {}
    if (identifier !== undefined && this.#identifiers.get(identifier)?.name === name)
      this.#identifiers.delete(identifier)
    if (resource === undefined) {
      this.#resources.delete(name)
      return
    }
    this.#resources.set(name, resource)
    this.#identifiers.set(resource.identifier, resource)
    for (const host of resource.hosts) this.#hosts.set(host, resource)
  }

  #replaceUser(id: string, user: User | undefined): void {
    for (const { issuer, subject } of this.#users.get(id)?.links ?? []) {
      const key = linkKey(issuer, subject)
      if (this.#links.get(key) === id) this.#links.delete(key)
    }
    if (user === undefined) {
      this.#users.delete(id)
      return
    }
    this.#users.set(id, user)
    for (const { issuer, subject } of user.links) this.#links.set(linkKey(issuer, subject), id)
  }

  #replacePermission(id: string, permission: HeldPermission | undefined): void {
    const before = this.#permissions.get(id)
    if (before !== undefined) {
      const there = this.#held.get(refText(before.holder))
      const kept = (there?.get(before.resource) ?? []).filter((other) => other.id !== id)
      if (kept.length > 0) there?.set(before.resource, kept)
      else there?.delete(before.resource)
      if (there?.size === 0) this.#held.delete(refText(before.holder))
      this.#permissions.delete(id)
    }
    if (permission === undefined) return
    this.#permissions.set(id, permission)
    const holder = refText(permission.holder)
    const there = this.#held.get(holder) ?? new Map<string, HeldPermission[]>()
    there.set(permission.resource, [...(there.get(permission.resource) ?? []), permission])
    this.#held.set(holder, there)
  }
}

/** The name of an issuer holds no space. */
function linkKey(issuer: string, subject: string): string {
  return `${issuer} ${subject}`
}

const NOTHING: ReadonlyMap<string, readonly HeldPermission[]> = new Map()

function replaceAll<T>(into: Map<string, T>, changed: ReadonlyMap<string, T | undefined>): void {
  for (const [id, value] of changed) {
    if (value === undefined) into.delete(id)
    else into.set(id, value)
  }
}
