import type {
  AgeRevocation,
  BulkRevocation,
  BulkRevoked,
  Credential,
  CredentialQuery,
  Page,
  Revocation,
  Revoked,
} from '@countersign/admin-api'
import type { OwnerRef, StoredCredential } from '../domain/credential.ts'
import { type CredentialListFilter, sliceOfCredentials } from '../store/credential-list.ts'
import { findCredential } from '../store/credentials.ts'
import type { Db } from '../store/store.ts'
import { countUnrevoked, type PassedLine } from '../store/unrevoked.ts'
import { requireClient } from './clients.ts'
import { pageOf, sliceOf, writeCursor } from './cursor.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { keptText } from './kept-text.ts'
import { noCredential } from './problem.ts'
import { findUnkept } from './unkept.ts'
import { requireUser } from './users.ts'
import { toCredential } from './wire.ts'
import { write } from './write.ts'

/** A state is computed, not stored: past so many rows that are in another one, a page ends early. */
const MAX_JUDGED = 2000
const JUDGED_AT_ONCE = 200

export async function pageOfCredentials(deps: AdminDeps, query: CredentialQuery): Promise<Page<Credential>> {
  const { state, limit } = query
  const filter = filterOf(query, deps)
  const found: Credential[] = []
  let after = sliceOf(query).after
  for (let judged = 0; judged < MAX_JUDGED; ) {
    const wanted = state === undefined ? limit + 1 : Math.max(limit + 1, JUDGED_AT_ONCE)
    const { credentials, next } = await sliceOfCredentials(deps.store.reader, filter, after, wanted)
    for (const stored of credentials) {
      const credential = toCredential(stored, deps)
      if (state === undefined || credential.state === state) found.push(credential)
      if (found.length > limit) return pageOf(found, limit, ({ id }) => id)
    }
    after = next
    judged += credentials.length
    // One window of what no index has is enough for a page.
    if (after === undefined || credentials.length < wanted) break
  }
  return { items: found, next_cursor: after === undefined ? null : writeCursor(after) }
}

function filterOf(query: CredentialQuery, { store }: AdminDeps): CredentialListFilter {
  const { owner, kind, name, imported, imported_from, expires_before, unused_since, never_used } = query
  const { managed_by, digest } = query
  return {
    ...{ managedBy: managed_by, digest },
    owner: owner === undefined ? undefined : ownerOf(owner),
    kind,
    name,
    imported: imported === undefined ? undefined : imported === 'true',
    importedFrom: imported_from,
    endsBetween: expires_before === undefined ? undefined : [store.clock(), new Date(expires_before)],
    unusedSince: unused_since === undefined ? undefined : new Date(unused_since),
    neverUsed: never_used === 'true',
  }
}

/** Revokes one credential, or all of its family, with everything they minted; also one that no record is kept of. */
export async function revoke(deps: AdminDeps, by: Authorized, id: string, body: Revocation): Promise<Revoked> {
  const reason = reasonOf(deps, body)
  const { revoked, credential } = await write(deps, by, async ({ db, now, credentials }) => {
    const credential = await findCredential(db, id)
    if (credential === undefined) {
      const unkept = await findUnkept(db, id, now)
      if (unkept === undefined) throw noCredential(id)
      return { revoked: Number(await credentials.revokeUnkept(id, unkept, reason)), credential }
    }
    const revoked = body.family
      ? await credentials.revokeFamily(credential, reason)
      : Number(await credentials.revoke(credential, reason))
    return { revoked, credential: await requireCredential(db, id) }
  })
  return { revoked, credential: credential === undefined ? null : toCredential(credential, deps) }
}

/** Revokes every credential of a kind that was made before a date. */
export async function revokeOlder(deps: AdminDeps, by: Authorized, body: AgeRevocation): Promise<BulkRevoked> {
  const { kind, created_before } = body
  const reason = reasonOf(deps, body)
  const before = new Date(created_before)
  const line = await write(deps, by, ({ credentials }) => credentials.revokeOlder(kind, reason, before))
  return { revoked: await countRevoked(deps, line) }
}

/** Revokes whatever an owner has, or what was made for it before a date. */
export async function revokeAllOf(
  deps: AdminDeps,
  by: Authorized,
  owner: OwnerRef,
  body: BulkRevocation,
): Promise<BulkRevoked> {
  const { created_before } = body
  const reason = reasonOf(deps, body)
  const before = created_before === undefined ? undefined : new Date(created_before)
  const { line, keys } = await write(deps, by, async ({ db, credentials }) => {
    await requireOwner(db, owner)
    return credentials.revokeAllOf(owner, reason, before)
  })
  return { revoked: keys + (await countRevoked(deps, line)) }
}

function reasonOf(deps: AdminDeps, { reason }: { readonly reason?: string | undefined }): string | null {
  return reason === undefined ? null : keptText(deps, reason)
}

/** Once it is in force: it must not wait until millions are counted. */
function countRevoked({ store }: AdminDeps, line: PassedLine): Promise<number> {
  return countUnrevoked(store.reader, line, () => new Promise(setImmediate))
}

const REQUIRE_OWNER: Record<OwnerRef['kind'], (db: Db, id: string) => Promise<unknown>> = {
  client: requireClient,
  user: requireUser,
}

export async function requireOwner(db: Db, { kind, id }: OwnerRef): Promise<void> {
  await REQUIRE_OWNER[kind](db, id)
}

export async function requireCredential(db: Db, id: string): Promise<StoredCredential> {
  const credential = await findCredential(db, id)
  if (credential !== undefined) return credential
  throw noCredential(id)
}

/** The wire lets only `client:<id>` and `user:<id>` pass. */
export function ownerOf(text: string): OwnerRef {
  const colon = text.indexOf(':')
  return { kind: text.slice(0, colon) as OwnerRef['kind'], id: text.slice(colon + 1) }
}
