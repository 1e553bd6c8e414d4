import type { CredentialState, IssuedKind, Permission, Revocation } from '@countersign/resource-server'
import { idTime } from './ids.ts'

/** Whoever owns a credential, or holds a permission. */
export type OwnerRef = { readonly kind: (typeof OWNER_KINDS)[number]; readonly id: string }
export type HolderRef = { readonly kind: (typeof HOLDER_KINDS)[number]; readonly id: string }

/** Whom a believed credential stands for: an owner that is registered here, or the subject of another issuer. */
export type SubjectRef = OwnerRef | { readonly kind: 'workload'; readonly id: string }

export const OWNER_KINDS = ['client', 'user'] as const
export const HOLDER_KINDS = [...OWNER_KINDS, 'group'] as const

/** `client:canister`: how a reference is written in keys, audit events and answers. */
export function refText(ref: HolderRef | SubjectRef): string {
  return `${ref.kind}:${ref.id}`
}

export function groupRefs(names: readonly string[]): HolderRef[] {
  return names.map((id) => ({ kind: 'group', id }))
}

/** Whoever may hold a permission that this owner has: itself, and these groups of it. A workload holds none by itself. */
export function holdersFor(owner: SubjectRef, groups: readonly string[]): HolderRef[] {
  return owner.kind === 'workload' ? groupRefs(groups) : [owner, ...groupRefs(groups)]
}

export type HeldPermission = Permission & {
  readonly holder: HolderRef
  /** What declares it: null for people through the API. */
  readonly managedBy: string | null
  readonly createdAt: Date
}

/** The order in which permissions were given, by whose first a token request that names no resource goes. */
export function oldestFirst(one: HeldPermission, other: HeldPermission): number {
  return one.createdAt.getTime() - other.createdAt.getTime() || (one.id < other.id ? -1 : 1)
}

export type NewPermission = Omit<HeldPermission, 'managedBy' | 'createdAt'>

/** The record behind a credential that we issued. Its secret is not in it: only the SHA-256 of the whole string. */
export type StoredCredential = CredentialState & {
  /**
   * `client_key`: a client's own key pair, registered, not stored as a credential. `jwt`: a token of another issuer.
   * `host`: none was shown, whoever runs the server calls.
   */
  readonly kind: IssuedKind | 'bootstrap' | 'client_key' | 'jwt' | 'host'
  readonly owner: OwnerRef
  readonly name: string
  readonly hint: string
  readonly networkTexts: readonly string[]
  /** Shared by a credential and everything it was rotated into. */
  readonly family: string
  /** What minted it, and what minted that, nearest first: revoking one of them revokes this. */
  readonly ancestors: readonly string[]
  readonly createdAt: Date
  readonly createdBy: string
  /** The revision at which it was made: bulk revocations are lines drawn at a revision. */
  readonly revision: number
  readonly revokedAt: Date | null
  readonly revokedBy: string | null
  readonly revokedReason: string | null
  readonly lastUsedAt: Date | null
  readonly lastUsedFrom: string | null
  /** What it begins with, when another system issued it. */
  readonly importedFrom: string | null
  /** The declared file that it stands in: null for one that was made by hand. */
  readonly managedBy: string | null
}

/** What a believed credential says of itself, whoever issued it. */
export type BelievedCredential = Omit<StoredCredential, 'owner'> & { readonly owner: SubjectRef }

/** One row that revokes many: everything of `subject` made up to `revision`, or before `before`, is dead. */
export type RevocationLine = {
  /** `client:<id>`, `user:<id>`, `workload:<id>`, `kind:<kind>`, `family:<id>` or `credential:<id>` (itself and its descendants). */
  readonly subject: string
  readonly revision: number
  readonly before: Date | null
  /** When all that it goes through has expired; null: never. */
  readonly endsAt: Date | null
  readonly at: Date
  readonly by: string
  readonly reason: string | null
}

/** Why this credential is revoked, from its own record or the first line that was drawn through it. */
export function revocationOf(
  credential: BelievedCredential,
  lineThrough: (subject: string) => RevocationLine | undefined,
): Revocation | undefined {
  if (credential.revokedAt !== null) {
    const { revokedAt, revokedBy, revokedReason } = credential
    return { at: revokedAt, by: revokedBy ?? 'unknown', reason: revokedReason, of: 'the credential' }
  }
  const drawn = (subject: string, of: string, isForEver = false): Revocation | undefined => {
    const line = lineThrough(subject)
    if (line === undefined) return undefined
    const isMadeSince = isMadeAfter(credential, line)
    if (!isForEver && isMadeSince && !(line.before !== null && credential.createdAt < line.before)) return undefined
    return { at: line.at, by: line.by, reason: line.reason, of }
  }
  // An access token that is a JWT has no record that could say so.
  // A key of a client that was revoked is in the hands of others: it stays dead, whenever it is registered. So does a token
  // of another issuer, whose id says which one it is: the clock of its issuer may date it after the line.
  const isForEver = credential.kind === 'client_key' || credential.kind === 'jwt'
  const byItself = drawn(`credential:${credential.id}`, 'the credential', isForEver)
  if (byItself !== undefined) return byItself
  const byOwner = drawn(refText(credential.owner), `all credentials of ${refText(credential.owner)}`)
  if (byOwner !== undefined) return byOwner
  const byKind = drawn(`kind:${credential.kind}`, `every ${credential.kind} of that age`)
  if (byKind !== undefined) return byKind
  const byFamily = drawn(`family:${credential.family}`, 'its family')
  if (byFamily !== undefined) return byFamily
  for (const ancestor of credential.ancestors) {
    const byAncestor = drawn(`credential:${ancestor}`, `${ancestor}, which minted it`)
    if (byAncestor !== undefined) return byAncestor
    // What mints for itself has the same owner as what it mints.
    for (const subject of [refText(credential.owner), `kind:${kindOf(ancestor)}`]) {
      const line = lineThrough(subject)
      if (line === undefined || !wasMetBy(line, ancestor, credential)) continue
      return { at: line.at, by: line.by, reason: line.reason, of: `${ancestor}, which minted it` }
    }
  }
  return undefined
}

/** What others issued has no revision (0): its own date says whether it is older than the line. */
function isMadeAfter({ kind, createdAt, revision }: BelievedCredential, line: RevocationLine): boolean {
  return kind === 'jwt' && revision === 0 ? createdAt > line.at : revision > line.revision
}

/** The kind of a credential, by its public id. */
export function kindOf(id: string): string {
  return id.slice(0, id.indexOf('_'))
}

/**
 * Whether a line met what minted a credential: when the credential is older than the line, so is what minted it. Of a line
 * that is drawn at an age: that was made when its id says, to the second as kept. The id of a client's own key says
 * nothing of that: what such a key had minted by then dies in any case, and later only one that was not met mints.
 */
function wasMetBy(line: RevocationLine, ancestor: string, { createdAt, revision }: BelievedCredential): boolean {
  const { before, at } = line
  if (revision <= line.revision) return true
  if (before === null) return false
  if (kindOf(ancestor) === 'jwk') return createdAt <= at
  const madeAt = idTime(ancestor)
  return madeAt !== undefined && Math.floor(madeAt.getTime() / 1000) * 1000 < before.getTime()
}

export type CredentialStatus = 'live' | 'revoked' | 'expired' | 'not_yet_valid' | 'owner_disabled'
