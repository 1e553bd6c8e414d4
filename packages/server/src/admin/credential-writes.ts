import { type IssuedKind, MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { BOOTSTRAP_CLIENT, clientKeyId } from '../domain/client.ts'
import { type OwnerRef, refText, type StoredCredential } from '../domain/credential.ts'
import { newCredential } from '../domain/new-credential.ts'
import { findClient, listClientsWithKey } from '../store/clients.ts'
import { insertCredentials, listCredentials, shortenCredential } from '../store/credentials.ts'
import { revokeUnkept } from '../store/revocation.ts'
import { drawRevocationLine } from '../store/revocation-lines.ts'
import { type Change, toDate } from '../store/store.ts'
import { lineSubject, lineThrough, type PassedLine, type UnrevokedFilter } from '../store/unrevoked.ts'
import type { AdminDeps } from './deps.ts'
import type { Guard } from './guard.ts'
import { fieldBeyond, lineageOf, type Reach } from './minting.ts'
import { Rejected } from './problem.ts'
import { revokeWithDescendants } from './revocation.ts'
import type { Unkept } from './unkept.ts'

/** A credential to be made. Whose child it is, and who made it, is not for the route to say. */
export type CredentialDraft = Reach &
  Pick<StoredCredential, 'id' | 'kind' | 'owner' | 'name' | 'hint' | 'notBefore' | 'family'> &
  Pick<StoredCredential, 'importedFrom' | 'managedBy'>

export type DraftWithDigest = { readonly draft: CredentialDraft; readonly digest: string }

/** One of an import, with where it stands in the body. */
export type DraftToImport = DraftWithDigest & { readonly path: string }

/** Where a field of the draft of this index stands in the body. */
type PathOf = (field: string, index: number) => string

const MAX_ANCESTORS = 32
const MEMBERS_A_READ = 400

/** Writes of credentials: each judges whose rights it bears on, does it, records it. */
export class CredentialWrites {
  constructor(
    private readonly change: Change,
    private readonly guard: Guard,
    private readonly policy: Pick<AdminDeps, 'patCreation' | 'patByPat'>,
  ) {}

  /**
   * To be asked before what a caller wants is looked up. Who may not make one for itself, or none that reaches there,
   * is not told by mistakes in it which resources there are and which scopes they declare.
   */
  requireMayAsk({ kind, owner }: Pick<CredentialDraft, 'kind' | 'owner'>, resources: readonly string[] = []): void {
    if (!this.#isCallers(owner)) return
    this.#requireMayMintForItself({ kind })
    const bound = this.guard.authorized.caller.known.stored.narrowing.resources
    if (bound !== null && resources.some((name) => !bound.includes(name))) throw beyondPresented(['resources'])
  }

  /**
   * Makes a credential. For itself a caller makes none that reaches further than the one it showed, and what it makes
   * dies with that one. For another owner it needs to be an unconfined admin where that owner holds rights at the
   * management API, or where the new credential could use such rights once they are given.
   */
  async insert(draft: CredentialDraft, digest: string): Promise<void> {
    await this.#mayMint([draft], (field) => field)
    await this.#insert([{ draft, digest }], this.#ancestorsFor(draft), 'create')
  }

  /** Takes over what another system issued: by the same law, since whoever holds the credential gets the same rights. */
  async import(imports: readonly DraftToImport[]): Promise<void> {
    await this.#mayMint(
      imports.map(({ draft }) => draft),
      (field, index) => `${imports[index]?.path}.${field}`,
    )
    const own = imports.filter(({ draft }) => this.#isCallers(draft.owner))
    const others = imports.filter(({ draft }) => !this.#isCallers(draft.owner))
    for (const alike of [own, others]) {
      const [first] = alike
      if (first !== undefined) await this.#insert(alike, this.#ancestorsFor(first.draft), 'import')
    }
  }

  /** Makes the successor of `old`, and lets `old` live on until `endsAt` at most. */
  async rotate(old: StoredCredential, draft: CredentialDraft, digest: string, endsAt: Date): Promise<void> {
    const ancestors = new Set(old.ancestors)
    if (!this.#isCallersToken(old)) await this.#mayMintForAnother(draft)
    if (this.#isCallers(draft.owner)) {
      this.#requireMayMintForItself(draft)
      this.#requireWithinPresented([draft], (field) => field)
      for (const id of lineageOf(this.guard.authorized.caller.known.stored)) ancestors.add(id)
      // Whoever rotates the presented key gets a successor, whose predecessor's end is no reason to die. Whoever
      // rotates what minted the presented one gets a child of it; so does a personal access token that rotates itself,
      // which may be in the hands of a thief: having it revoked must be the end of that.
      const isPresented = this.guard.authorized.caller.known.stored.id === old.id
      if (isPresented && old.kind !== 'pat') ancestors.delete(old.id)
    }
    await this.#insert([{ draft, digest }], [...ancestors], 'rotate')
    await shortenCredential(this.change, old.id, endsAt)
    const detail = { owner: refText(old.owner), by: draft.id, expires_at: endsAt.toISOString() }
    await this.change.record('credential.replace', 'credential', old.id, detail)
  }

  /** Revokes one credential and everything that it minted. Says whether it was live before. */
  async revoke(credential: StoredCredential, reason: string | null): Promise<boolean> {
    if (!this.#isCallersToken(credential)) {
      await this.guard.mayAlter('Revoking a credential of this owner', [credential.owner])
    }
    return revokeWithDescendants(this.change, credential, reason, { reason })
  }

  /** Revokes by its id what no record is kept of. Says whether it was not revoked before. */
  async revokeUnkept(id: string, { owners }: Unkept, reason: string | null): Promise<boolean> {
    if (owners === null) await this.guard.mayAlterManagement('Revoking what may be of anybody')
    else await this.guard.mayAlter('Revoking a key of this client', owners)
    return revokeUnkept(this.change, id, reason)
  }

  /** Revokes a credential with all it was rotated from and into. Says how many were live before. */
  async revokeFamily(credential: StoredCredential, reason: string | null): Promise<number> {
    const { owner, family } = credential
    if (!this.#isCallersToken(credential)) await this.guard.mayAlter('Revoking credentials of this owner', [owner])
    let count = 0
    let after: string | undefined
    do {
      const members = await listCredentials(this.change.db, { family, after, limit: MEMBERS_A_READ })
      for (const member of members) if (await this.revoke(member, reason)) count++
      after = members.length === MEMBERS_A_READ ? members.at(-1)?.id : undefined
    } while (after !== undefined)
    await this.#drawLine(`family:${family}`, reason)
    return count
  }

  /**
   * Revokes, with one row, whatever the owner has, or what was made for it before a date; and each key that a client
   * registered, so that none of them counts again when it is registered anew: says how many of these were live.
   */
  async revokeAllOf(
    owner: OwnerRef,
    reason: string | null,
    before?: Date,
  ): Promise<{ line: PassedLine; keys: number }> {
    refuseBootstrap(owner)
    await this.guard.mayAlter('Revoking the credentials of this owner', [owner])
    const line = await this.#drawLineBefore({ owner }, reason, before)
    return { line, keys: owner.kind === 'client' ? await this.#revokeKeysOf(owner.id, reason, before) : 0 }
  }

  async #revokeKeysOf(id: string, reason: string | null, before: Date | undefined): Promise<number> {
    const keys = (await findClient(this.change.db, id))?.keys ?? null
    if (keys === null || !('jwks' in keys)) return 0
    const registeredAt = toDate(keys.registeredAt ?? 0)
    if (before !== undefined && registeredAt >= before) return 0
    let count = 0
    for (const thumbprint of keys.thumbprints ?? []) {
      const { registered } = await listClientsWithKey(this.change.db, thumbprint)
      const owners = registered.map((client) => ({ kind: 'client', id: client }) as const)
      if (await this.revokeUnkept(clientKeyId(thumbprint), { owners }, reason)) count++
    }
    return count
  }

  /** Revokes, with one row, all credentials of a kind that were made before a date. */
  async revokeOlder(kind: IssuedKind, reason: string | null, before: Date): Promise<PassedLine> {
    await this.guard.mayAlterManagement(`Revoking every ${kind} of that age`)
    return this.#drawLineBefore({ kind }, reason, before)
  }

  #isCallers(owner: OwnerRef): boolean {
    return refText(owner) === refText(this.guard.authorized.caller.known.stored.owner)
  }

  /** What a person does with tokens of their own is their own business. */
  #isCallersToken({ kind, owner }: Pick<StoredCredential, 'kind' | 'owner'>): boolean {
    return kind === 'pat' && this.#isCallers(owner)
  }

  /** A stolen token must not be able to outlive its revocation in others; and who makes tokens is for the operator to say. */
  #requireMayMintForItself({ kind }: Pick<CredentialDraft, 'kind'>): void {
    const { kind: presented } = this.guard.authorized.caller.known.stored
    if (presented === 'pat' && !this.policy.patByPat) {
      const detail =
        'A personal access token makes no credentials for its owner, unless COUNTERSIGN_PAT_BY_PAT is "allow".'
      throw new Rejected('minting_refused', detail)
    }
    if (kind === 'pat' && this.policy.patCreation === 'admin' && !this.guard.hasScope('credentials:write')) {
      const detail = 'Personal access tokens are made by administrators here: COUNTERSIGN_PAT_CREATION is "admin".'
      throw new Rejected('minting_refused', detail)
    }
  }

  #requireWithinPresented(drafts: readonly CredentialDraft[], pathOf: PathOf): void {
    const presented = this.guard.authorized.caller.known.stored
    const paths = drafts.flatMap((draft, index) => {
      const field = this.#isCallers(draft.owner) ? fieldBeyond(draft, presented) : undefined
      return field === undefined ? [] : [pathOf(field, index)]
    })
    if (paths.length > 0) throw beyondPresented(paths)
  }

  /** Judges all of them before any is made. What is judged alike is judged once: an import holds hundreds. */
  async #mayMint(drafts: readonly CredentialDraft[], pathOf: PathOf): Promise<void> {
    const judged = new Set<string>()
    for (const draft of drafts) {
      refuseBootstrap(draft.owner)
      if (this.#isCallers(draft.owner)) {
        this.#requireMayMintForItself(draft)
        continue
      }
      const alike = JSON.stringify([refText(draft.owner), draft.narrowing.resources])
      if (!judged.has(alike)) await this.#mayMintForAnother(draft)
      judged.add(alike)
    }
    this.#requireWithinPresented(drafts, pathOf)
  }

  /** What a caller makes for itself dies with the credential that it showed. */
  #ancestorsFor({ owner }: CredentialDraft): readonly string[] {
    return this.#isCallers(owner) ? lineageOf(this.guard.authorized.caller.known.stored) : []
  }

  async #mayMintForAnother({ owner, narrowing }: CredentialDraft): Promise<void> {
    if (narrowing.resources?.includes(MANAGEMENT_RESOURCE)) {
      await this.guard.mayAlterManagement(`Making a credential that reaches ${MANAGEMENT_RESOURCE}`)
    }
    await this.guard.mayAlter('Making a credential of this owner', [owner])
  }

  async #insert(
    made: readonly DraftWithDigest[],
    ancestors: readonly string[],
    action: 'create' | 'rotate' | 'import',
  ): Promise<void> {
    if (ancestors.length > MAX_ANCESTORS) {
      throw new Rejected('conflict', `At most ${MAX_ANCESTORS} credentials in a row may have minted one another.`)
    }
    await insertCredentials(
      this.change,
      made.map(({ draft, digest }) => ({ digest, credential: newCredential(this.change, { ...draft, ancestors }) })),
    )
    for (const { draft } of made) {
      const { importedFrom } = draft
      const origin = importedFrom === null ? { family: draft.family } : { imported_from: importedFrom }
      const declared = draft.managedBy === null ? {} : { managed_by: draft.managedBy }
      await this.change.record(`credential.${action}`, 'credential', draft.id, {
        owner: refText(draft.owner),
        name: draft.name,
        ...draft.narrowing,
        ...origin,
        ...declared,
      })
    }
  }

  async #drawLineBefore(filter: UnrevokedFilter, reason: string | null, before: Date | undefined) {
    const line = await lineThrough(this.change, filter, before)
    await this.#drawLine(lineSubject(filter), reason, before)
    return line
  }

  async #drawLine(subject: string, reason: string | null, before?: Date): Promise<void> {
    await drawRevocationLine(this.change, subject, reason, { before })
    await this.change.record('revocation_line.draw', 'revocation_line', subject, { reason })
  }
}

function beyondPresented(paths: readonly string[]): Rejected {
  const message = 'expected no more than the presented credential has'
  return new Rejected(
    'would_escalate',
    `${paths.join(', ')} would reach beyond the presented credential; for itself a caller mints within that.`,
    paths.map((path) => ({ path, message })),
  )
}

/** The bootstrap key is not stored: a key beside it, or a line through it, could never be undone by changing it. */
function refuseBootstrap(owner: OwnerRef): void {
  if (owner.kind !== 'client' || owner.id !== BOOTSTRAP_CLIENT) return
  throw new Rejected(
    'conflict',
    `The client ${BOOTSTRAP_CLIENT} has the key of the configuration alone: change that key, or disable the client.`,
  )
}
