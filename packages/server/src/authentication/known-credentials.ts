import {
  type AccessRule,
  BUILT_IN_GROUP,
  type Caller,
  type Denied,
  type Principal,
  type Rights,
} from '@countersign/resource-server'
import type { Directory, Owner } from '../directory/directory.ts'
import { type BelievedCredential, holdersFor, revocationOf, type SubjectRef } from '../domain/credential.ts'
import { grantAt } from '../domain/grant.ts'
import type { Resource } from '../domain/resource.ts'
import { Remembered } from './remembered.ts'

/** A caller at one resource and one revision. */
export type KnownCaller = Caller & {
  readonly known: KnownCredential
  readonly resource: Resource
  /** Names of the caller's groups that hold a permission at this resource. */
  readonly holdingGroups: readonly string[]
  /** What was written for these rights, kept by `verify/identity.ts` while this caller lives. */
  readonly identities: Remembered<Rights, unknown>
  /** What introspection says of these rights, kept by `oauth/introspection.ts` while this caller lives. */
  readonly introspections: Remembered<Rights, string>
}

/** Its groups as they are named to others: those that hold a permission at the resource, or all if it says so. */
export function groupsOf({ resource, groups, holdingGroups, known }: KnownCaller): string[] {
  if (resource.groups === 'all') return [...groups].sort()
  return [...holdingGroups, BUILT_IN_GROUP[known.stored.owner.kind]]
}

/** How often a credential was allowed by one rule in one hour (hours since 1970). */
export type AllowedCounter = {
  readonly rule: AccessRule
  readonly resource: string
  readonly hour: number
  count: number
}

/**
 * Verified facts of one credential: *who*. What it may do is computed from the directory, once per resource and
 * revision, and never outlives the revision.
 */
export class KnownCredential {
  #edition = -1
  /** By the very resource, not by its name: whoever waited for a look-up may come with an older one. */
  #callers: Remembered<Resource, KnownCaller> | undefined
  /** When it was last used, waiting to be written; undefined: nothing waits. */
  unwrittenUse: { readonly at: Date; readonly from: string | null } | undefined
  /** The moment of the use that was written last. */
  writtenUseMs = Number.NEGATIVE_INFINITY
  /** Kept by `verify/decision-log.ts`: where its last allowed answer was counted. */
  counter: AllowedCounter | undefined

  constructor(readonly stored: BelievedCredential) {}

  /** What to make of it when it is shown again: itself, unless what vouched for it may be asked anew. */
  shownAgain(_text: string): KnownCredential | Denied | Promise<KnownCredential | Denied> {
    return this
  }

  /** Whom it stands for, as things are now. Undefined: nobody any more. */
  protected ownerIn(directory: Directory): Owner | undefined {
    const { owner } = this.stored
    return owner.kind === 'workload' ? workloadAsOwner(owner.id) : directory.owner(owner)
  }

  callerAt(resource: Resource, directory: Directory): KnownCaller {
    if (this.#callers === undefined || this.#edition !== directory.edition) {
      this.#callers = new Remembered()
      this.#edition = directory.edition
    }
    const remembered = this.#callers.get(resource)
    if (remembered !== undefined) return remembered
    const caller = this.#computeCaller(resource, directory)
    this.#callers.set(resource, caller)
    return caller
  }

  #computeCaller(resource: Resource, directory: Directory): KnownCaller {
    const { stored } = this
    const owner = this.ownerIn(directory)
    const holders = holdersFor(stored.owner, owner?.groups ?? [])
    const held = holders.flatMap((holder) => directory.permissionsOf(holder, resource.name))
    return {
      known: this,
      resource,
      principal: owner?.principal ?? missing(stored.owner),
      credential: stored,
      revocation: revocationOf(stored, directory.lineThrough),
      owner,
      groups: new Set([...(owner?.groups ?? []), BUILT_IN_GROUP[stored.owner.kind]]),
      grant: grantAt(resource, held, stored.narrowing),
      holdingGroups: [...new Set(held.flatMap(({ holder }) => (holder.kind === 'group' ? [holder.id] : [])))].sort(),
      identities: new Remembered(),
      introspections: new Remembered(),
    }
  }
}

/** The name of somebody who was deleted: for the record of the refusal. */
function missing({ kind, id }: SubjectRef): Principal {
  if (kind === 'workload') return workloadPrincipal(id)
  return kind === 'user' ? { kind, id, name: id, email: undefined } : { kind, id, name: id }
}

/** Of a workload nothing is kept: it is believed as long as its issuer and its rule are. */
function workloadAsOwner(id: string): Owner {
  return { principal: workloadPrincipal(id), disabled: false, networks: [], listener: undefined, groups: [] }
}

/** Of `<issuer name>:<sub>`. */
function workloadPrincipal(id: string): Extract<Principal, { kind: 'workload' }> {
  const colon = id.indexOf(':')
  return { kind: 'workload', id, issuer: id.slice(0, colon), subject: id.slice(colon + 1) }
}

/**
 * The credentials that this node knows, by the SHA-256 of the whole string. Two generations bound it: what was not
 * used while the young one filled up is dropped. A hit costs one look-up and no allocation.
 */
export class KnownCredentials {
  #young = new Map<string, KnownCredential>()
  #old = new Map<string, KnownCredential>()
  /** Credential id → digest, for eviction; follows the two generations. */
  readonly #digests = new Map<string, string>()

  hitCount = 0
  missCount = 0
  /** Those that made room for others. */
  evictedCount = 0

  constructor(private readonly maxPerGeneration: number) {}

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(digest: string): KnownCredential | undefined {
    const young = this.#young.get(digest)
    if (young !== undefined) {
      this.hitCount++
      return young
    }
    const old = this.#old.get(digest)
    if (old === undefined) {
      this.missCount++
      return undefined
    }
    this.hitCount++
    this.#old.delete(digest)
    this.set(digest, old)
    return old
  }

  set(digest: string, known: KnownCredential): void {
    if (this.#young.size >= this.maxPerGeneration) {
      this.evictedCount += this.#old.size
      for (const dropped of this.#old.values()) this.#digests.delete(dropped.stored.id)
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#old.delete(digest)
    this.#young.set(digest, known)
    this.#digests.set(known.stored.id, digest)
  }

  /** Drops the facts of whatever a signature of ours may have vouched for: by the text, since several may say one id. */
  forgetTokens(): void {
    for (const generation of [this.#young, this.#old]) {
      for (const [digest, { stored }] of generation) {
        if (stored.kind !== 'at') continue
        generation.delete(digest)
        this.#digests.delete(stored.id)
      }
    }
  }

  /** Drops the facts of these credentials; of all, when undefined. */
  forget(ids: readonly string[] | undefined): void {
    if (ids === undefined) {
      this.#young.clear()
      this.#old.clear()
      this.#digests.clear()
      return
    }
    for (const id of ids) {
      const digest = this.#digests.get(id)
      if (digest === undefined) continue
      this.#young.delete(digest)
      this.#old.delete(digest)
      this.#digests.delete(id)
    }
  }
}
