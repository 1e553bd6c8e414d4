import {
  type CredentialImport,
  type CredentialImported,
  type FieldProblem,
  type ForeignPrefixes,
  type ImportedCredential,
  isOwnPrefix,
  type PageQuery,
  type ForeignPrefix as WireForeignPrefix,
} from '@countersign/admin-api'
import { kindOf, type OwnerRef, refText } from '../domain/credential.ts'
import { foreignDigest } from '../domain/foreign-prefix.ts'
import { importedId } from '../domain/ids.ts'
import { findKeptDigests, type KeptDigest } from '../store/credentials.ts'
import { countImported, listForeignPrefixes } from '../store/foreign-prefixes.ts'
import { findOwner } from '../store/owners.ts'
import { findRevokedBefore } from '../store/revocation-lines.ts'
import type { DraftToImport } from './credential-writes.ts'
import { ownerOf, requireCredential } from './credentials.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { latestExpiry } from './expiry.ts'
import { type MadeKind, reachAsked } from './issuing.ts'
import type { Reach } from './minting.ts'
import { mistakesIn, Rejected, rejectedField, rejectedFields } from './problem.ts'
import { pageOfAll } from './whole-list.ts'
import { type Writes, write } from './write.ts'

type Wanted = CredentialImport['credentials'][number]

/**
 * Lets credentials that another system issued go on working here, by their digests. All of them or, if one cannot
 * stand, none. What came in before stays as it is, whatever is said of it now: so the same file can be sent again.
 */
export async function importCredentials(
  deps: AdminDeps,
  by: Authorized,
  body: CredentialImport,
): Promise<CredentialImported> {
  return write(deps, by, async (writes) => {
    const { prefix, digest, hmac_key } = body
    const isOwn = isOwnPrefix(prefix)
    const key = hmac_key === undefined ? undefined : Buffer.from(hmac_key, 'base64')
    if (!isOwn) await writes.foreignPrefixes.use({ prefix, digest, key })

    const wanted = body.credentials.map((one) => ({
      ...one,
      digest: isOwn ? one.digest : foreignDigest(body, one.digest),
    }))
    const present = await findKeptDigests(
      writes.db,
      wanted.map((one) => one.digest),
    )
    const { drafts, ids } = await draftsOf(wanted, present, prefix, new Reaches(deps, by, writes), deps, writes.now)
    await writes.credentials.import(drafts)
    const made = drafts.map(({ draft }) => draft.id)
    for (const id of await findRevokedBefore(writes.db, made)) {
      await writes.credentials.revoke(
        await requireCredential(writes.db, id),
        'revoked before the database was restored',
      )
    }
    return { imported: drafts.length, present: ids.length - drafts.length, ids }
  })
}

/** What is to be made, and the ids of everything that was asked for. Every mistake of the body is told at once. */
async function draftsOf(
  wanted: readonly Wanted[],
  present: Map<string, KeptDigest>,
  prefix: string,
  reaches: Reaches,
  { seal }: AdminDeps,
  now: Date,
): Promise<{ drafts: DraftToImport[]; ids: string[] }> {
  const drafts: DraftToImport[] = []
  const ids: string[] = []
  const [mistakes, conflicts]: [FieldProblem[], FieldProblem[]] = [[], []]
  const saidOf = new Map<string, { readonly path: string; readonly said: string }>()
  for (const [index, one] of wanted.entries()) {
    const path = `credentials[${index}]`
    const owner = ownerOf(one.owner)
    const said = JSON.stringify(one)
    const earlier = saidOf.get(one.digest)
    if (earlier !== undefined && earlier.said !== said) {
      mistakes.push({ path, message: `says otherwise than ${earlier.path}, which has the same digest` })
      continue
    }
    saidOf.set(one.digest, { path, said })
    const kept = present.get(one.digest)
    const kind = kindFor(prefix, owner)
    if (kept !== undefined) {
      const isSame = refText(kept.owner) === refText(owner)
      if (!isSame) conflicts.push({ path: `${path}.owner`, message: 'is not whose it is already' })
      else if (kindOf(kept.id) !== kind) conflicts.push({ path: `${path}.digest`, message: `is not that of a ${kind}` })
      ids.push(kept.id)
      continue
    }
    const reach = await reaches.of(kind, owner, one)
    if (!('narrowing' in reach)) {
      mistakes.push(...reach.map((mistake) => ({ ...mistake, path: `${path}.${mistake.path}` })))
      continue
    }
    const id = importedId(kind, now, seal.mark(one.digest, 'imported'))
    const named = {
      id,
      kind,
      owner,
      name: one.name ?? '',
      hint: one.hint ?? `${prefix}…`,
      family: id,
      ...(isOwnPrefix(prefix)
        ? { importedFrom: null, managedBy: one.managed_by ?? null }
        : { importedFrom: prefix, managedBy: null }),
    } as const
    drafts.push({ draft: { ...reach, ...named, notBefore: null }, digest: one.digest, path })
    present.set(one.digest, { id, owner })
    ids.push(id)
  }
  if (mistakes.length > 0) throw rejectedFields(mistakes)
  if (conflicts.length > 0) {
    throw new Rejected('conflict', 'Some of these credentials were imported for another owner.', conflicts)
  }
  return { drafts, ids }
}

/** Ours say by their prefix what they are; of others' a client's become keys, a user's personal access tokens. */
function kindFor(prefix: string, owner: OwnerRef): MadeKind {
  if (prefix === 'cs_secret_') return 'secret'
  return owner.kind === 'user' ? 'pat' : 'key'
}

/** How far each shall reach. Those of whom the same is said are judged once. */
class Reaches {
  readonly #judged = new Map<string, Reach | readonly FieldProblem[]>()

  constructor(
    private readonly deps: AdminDeps,
    private readonly by: Authorized,
    private readonly writes: Pick<Writes, 'db' | 'now'>,
  ) {}

  async of(kind: MadeKind, owner: OwnerRef, wanted: Wanted): Promise<Reach | readonly FieldProblem[]> {
    const { digest: _, name: __, hint: ___, managed_by: ____, ...said } = wanted
    const key = JSON.stringify(said)
    const reach = this.#judged.get(key) ?? (await this.#judge(kind, owner, said).catch(mistakesIn))
    this.#judged.set(key, reach)
    return reach
  }

  async #judge(
    kind: MadeKind,
    owner: OwnerRef,
    said: Omit<ImportedCredential, 'digest' | 'name' | 'hint' | 'managed_by'>,
  ): Promise<Reach> {
    const { db, now } = this.writes
    if ((await findOwner(db, owner)) === undefined) {
      throw rejectedField('owner', `there is no ${owner.kind} ${owner.id}; make it with POST /api/v1/${owner.kind}s`)
    }
    const { expires_at, ...narrowing } = said
    const body = { ...narrowing, ...(expires_at != null && { expires_at }) }
    const reach = await reachAsked(this.deps, this.by, { kind, owner, body }, db, now)
    if (expires_at === null) this.#requireMayLiveForEver(kind, reach)
    return reach
  }

  #requireMayLiveForEver(kind: MadeKind, { expiresAt }: Reach): void {
    const latest = kind === 'pat' ? latestExpiry(this.writes.now, kind, this.deps) : expiresAt
    if (latest !== null) throw rejectedField('expires_at', `expected an end, at the latest ${latest.toISOString()}`)
  }
}

/** By prefix: where imported credentials come from, and how many there are. */
export async function foreignPrefixes({ store }: AdminDeps, query: PageQuery): Promise<ForeignPrefixes> {
  const prefixes = await listForeignPrefixes(store.reader)
  const page = pageOfAll(prefixes, query, ({ prefix }) => prefix)
  const items: WireForeignPrefix[] = []
  for (const { prefix, digest, createdAt } of page.items) {
    const counts = await countImported(store.reader, prefix, store.clock(), () => new Promise(setImmediate))
    items.push({ prefix, digest, created_at: createdAt.toISOString(), ...counts })
  }
  return { ...page, items }
}
