import { ISSUED_KINDS, type IssuedKind } from '@countersign/resource-server'
import { type InferResult, NoResultError, sql } from 'kysely'
import { OWNER_KINDS, type OwnerRef, type StoredCredential } from '../domain/credential.ts'
import type { Position } from './change-log.ts'
import { storedNetworks } from './clients.ts'
import { readRow } from './corrupt-row.ts'
import type { Tables } from './schema.ts'
import {
  type Change,
  type Db,
  parseRevision,
  parseTextsOrNull,
  parseWord,
  type Store,
  toDate,
  toDateOrNull,
  toSeconds,
} from './store.ts'

/** What was found under a digest, and of which state of the database that is. */
export type Lookup = { readonly credential: StoredCredential | undefined; readonly position: Position }

const ANY_DIGEST = 'any digest'

/**
 * Finds credentials by their digest, whatever their state, together with the revision that the answer is of. The query
 * is built once for all of them: it costs more to build than to answer.
 *
 * Neither revocation, expiry nor the owner's state is judged here: they belong to `decide`, from live data, so
 * that the operator can be told "revoked" where the caller is told "invalid".
 */
export function credentialFinder(db: Db): (digest: string) => Promise<Lookup> {
  const query = db
    .selectFrom('revision')
    .leftJoin('credential', (join) => join.on('credential.digest', '=', ANY_DIGEST))
    .selectAll('credential')
    .select(['revision.value as read_at', 'revision.stamp as read_stamp'])
    .where('revision.id', '=', 1)
  const compiled = query.compile()
  return async (digest) => {
    const parameters = compiled.parameters.map((parameter) => (parameter === ANY_DIGEST ? digest : parameter))
    const { rows } = await db.executeQuery<InferResult<typeof query>[number]>({ ...compiled, parameters })
    const [row] = rows
    if (row === undefined) throw new NoResultError(query.toOperationNode())
    const { read_at, read_stamp, ...found } = row
    const position = { revision: parseRevision(read_at), stamp: read_stamp }
    return { credential: found.id === null ? undefined : toStoredCredential(found as Tables['credential']), position }
  }
}

export async function findCredential(db: Db, id: string): Promise<StoredCredential | undefined> {
  const row = await db.selectFrom('credential').selectAll().where('id', '=', id).executeTakeFirst()
  return row && toStoredCredential(row)
}

export type CredentialFilter = {
  readonly owner?: OwnerRef | undefined
  readonly kind?: string | undefined
  readonly exceptKind?: IssuedKind | undefined
  readonly family?: string | undefined
  /** Only those that end between these two moments. */
  readonly endsBetween?: readonly [Date, Date] | undefined
  /** Only those that another system issued, or only ours. */
  readonly imported?: boolean | undefined
  /** Ids after this one, in the order of their making. */
  readonly after?: string | undefined
  readonly limit: number
}

export async function listCredentials(db: Db, filter: CredentialFilter): Promise<StoredCredential[]> {
  // Ids first: the rows of all that match would be read to be sorted, when most of them are for later pages.
  let query = db.selectFrom('credential').select('id').orderBy('id').limit(filter.limit)
  if (filter.owner !== undefined) {
    query = query.where('owner_kind', '=', filter.owner.kind).where('owner', '=', filter.owner.id)
  }
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
  if (filter.exceptKind !== undefined) query = query.where('kind', '!=', filter.exceptKind)
  if (filter.family !== undefined) query = query.where('family', '=', filter.family)
  if (filter.endsBetween !== undefined) {
    const [from, to] = filter.endsBetween
    query = query.where('expires_at', '>', toSeconds(from)).where('expires_at', '<', toSeconds(to))
  }
  if (filter.imported !== undefined) query = query.where('imported_from', filter.imported ? 'is not' : 'is', null)
  if (filter.after !== undefined) query = query.where('id', '>', filter.after)
  const rows = await db.selectFrom('credential').selectAll().where('id', 'in', query).orderBy('id').execute()
  return rows.map(toStoredCredential)
}

export type KeptCredential = { readonly credential: StoredCredential; readonly digest: string }

export async function insertCredential(change: Change, credential: StoredCredential, digest: string): Promise<void> {
  await insertCredentials(change, [{ credential, digest }])
}

export async function insertCredentials(change: Change, kept: readonly KeptCredential[]): Promise<void> {
  for (let at = 0; at < kept.length; at += ROWS_A_STATEMENT) {
    const rows = kept.slice(at, at + ROWS_A_STATEMENT).map((one) => toNewRow(one, change.revision))
    await change.db.insertInto('credential').values(rows).execute()
  }
}

/** Keeps an opaque access token. It takes no revision: nobody could know it before, and the next line goes through it. */
export async function insertAccessToken(store: Store, kept: KeptCredential): Promise<void> {
  await store.writer.insertInto('credential').values(toNewRow(kept, kept.credential.revision)).execute()
}

/** Deletes access tokens that ended before a moment, at most `limit`. Says how many. */
export async function deleteEndedTokens(store: Store, before: Date, limit: number): Promise<number> {
  const { numDeletedRows } = await store.writer
    .deleteFrom('credential')
    .where('id', 'in', (select) =>
      select
        .selectFrom('credential')
        .select('id')
        .where('kind', '=', 'at')
        .where('expires_at', '<', toSeconds(before))
        .orderBy('expires_at')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** Which of these digests are kept already, and whose they are. */
export async function findKeptDigests(db: Db, digests: readonly string[]): Promise<Map<string, KeptDigest>> {
  const found = new Map<string, KeptDigest>()
  for (let at = 0; at < digests.length; at += ROWS_A_STATEMENT) {
    const rows = await db
      .selectFrom('credential')
      .select(['digest', 'id', 'owner_kind', 'owner'])
      .where('digest', 'in', digests.slice(at, at + ROWS_A_STATEMENT))
      .execute()
    for (const { digest, id, owner_kind, owner } of rows) {
      const kind = parseWord(owner_kind, OWNER_KINDS, 'the owner of a credential')
      found.set(digest, { id, owner: { kind, id: owner } })
    }
  }
  return found
}

export type KeptDigest = { readonly id: string; readonly owner: OwnerRef }

/** Each row of a credential has two dozen parameters, and a statement some ten thousand at most. */
const ROWS_A_STATEMENT = 100

function toNewRow({ credential, digest }: KeptCredential, revision: number): Tables['credential'] {
  const { narrowing } = credential
  return {
    id: credential.id,
    kind: credential.kind,
    owner_kind: credential.owner.kind,
    owner: credential.owner.id,
    digest,
    name: credential.name,
    hint: credential.hint,
    resources: jsonOrNull(narrowing.resources),
    scopes: jsonOrNull(narrowing.scopes),
    projects: jsonOrNull(narrowing.projects),
    audience: credential.audience,
    networks: credential.networkTexts.length === 0 ? null : JSON.stringify(credential.networkTexts),
    not_before: credential.notBefore && toSeconds(credential.notBefore),
    expires_at: credential.expiresAt && toSeconds(credential.expiresAt),
    family: credential.family,
    ancestors: credential.ancestors.length === 0 ? null : JSON.stringify(credential.ancestors),
    created_at: toSeconds(credential.createdAt),
    created_by: credential.createdBy,
    revision,
    revoked_at: null,
    revoked_by: null,
    revoked_reason: null,
    last_used_at: null,
    last_used_from: null,
    imported_from: credential.importedFrom,
    managed_by: credential.managedBy,
  }
}

/** Marks one credential revoked. A second revocation leaves the first one's time and reason. */
export async function revokeCredential(change: Change, id: string, reason: string | null): Promise<boolean> {
  const { numUpdatedRows } = await change.db
    .updateTable('credential')
    .set({ revoked_at: toSeconds(change.now), revoked_by: change.actor.by, revoked_reason: reason })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0
}

/** Moves the end of a credential's life nearer; never further away. */
export async function shortenCredential(change: Change, id: string, expiresAt: Date): Promise<void> {
  const seconds = toSeconds(expiresAt)
  await change.db
    .updateTable('credential')
    .set({ expires_at: seconds })
    .where('id', '=', id)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', seconds)]))
    .execute()
}

export type LastUse = { readonly id: string; readonly at: Date; readonly from: string | null }

/** Writes when credentials were last used: batched, no revision, since it can alter no answer. */
export async function writeLastUses(store: Store, uses: readonly LastUse[]): Promise<void> {
  const inOrder = uses.toSorted(byCredential)
  if (store.shared !== undefined) return writeAtOnce(store.writer, inOrder)
  await store.writer.transaction().execute(async (db) => {
    for (const { id, at, from } of inOrder) {
      await db
        .updateTable('credential')
        .set({ last_used_at: toSeconds(at), last_used_from: from })
        .where('id', '=', id)
        .execute()
    }
  })
}

/**
 * In one statement, which waits for nobody: a node whose link fails in the middle of several would hold the rows locked
 * for seconds, and meanwhile no other could revoke what is in them. What somebody else holds now is written another time.
 */
async function writeAtOnce(writer: Db, uses: readonly LastUse[]): Promise<void> {
  const latest = new Map(uses.map(({ id, at, from }) => [id, { id, at: toSeconds(at), address: from }]))
  await sql`with used as (
      select * from json_to_recordset(${JSON.stringify([...latest.values()])}) as given (id text, at bigint, address text)),
    free as (
      select id from credential where id in (select id from used) order by id for no key update skip locked)
    update credential set last_used_at = used.at, last_used_from = used.address
    from used join free on free.id = used.id where credential.id = used.id`.execute(writer)
}

/** One order for all nodes, since two that lock rows in different orders can wait for each other; then the latest last. */
function byCredential(a: LastUse, b: LastUse): number {
  if (a.id === b.id) return a.at.getTime() - b.at.getTime()
  return a.id < b.id ? -1 : 1
}

function jsonOrNull(list: readonly string[] | null): string | null {
  return list === null ? null : JSON.stringify(list)
}

const NARROWING = 'what it is narrowed to'

/** What every access token has: without it, a row would be one for any audience, or for ever. */
function requireWhole({ kind, audience, expires_at }: Tables['credential']): void {
  if (kind === 'at' && (audience === null || expires_at === null)) {
    throw new Error('an access token is corrupt in the database')
  }
}

export function toStoredCredential(row: Tables['credential']): StoredCredential {
  return readRow('credential', row.id, () => readCredential(row))
}

function readCredential(row: Tables['credential']): StoredCredential {
  requireWhole(row)
  const networkTexts = parseTextsOrNull(row.networks, NARROWING) ?? []
  return {
    id: row.id,
    kind: parseWord(row.kind, ISSUED_KINDS, 'the kind of a credential'),
    owner: { kind: parseWord(row.owner_kind, OWNER_KINDS, 'the owner of a credential'), id: row.owner },
    name: row.name,
    hint: row.hint,
    narrowing: {
      resources: parseTextsOrNull(row.resources, NARROWING),
      scopes: parseTextsOrNull(row.scopes, NARROWING),
      projects: parseTextsOrNull(row.projects, NARROWING),
    },
    audience: row.audience,
    networks: storedNetworks(networkTexts),
    networkTexts,
    notBefore: toDateOrNull(row.not_before),
    expiresAt: toDateOrNull(row.expires_at),
    family: row.family,
    ancestors: parseTextsOrNull(row.ancestors, NARROWING) ?? [],
    createdAt: toDate(row.created_at),
    createdBy: row.created_by,
    revision: parseRevision(row.revision),
    revokedAt: toDateOrNull(row.revoked_at),
    revokedBy: row.revoked_by,
    revokedReason: row.revoked_reason,
    lastUsedAt: toDateOrNull(row.last_used_at),
    lastUsedFrom: row.last_used_from,
    importedFrom: row.imported_from,
    managedBy: row.managed_by,
  }
}
