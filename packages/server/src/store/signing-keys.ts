import { readRow } from './corrupt-row.ts'
import type { Tables } from './schema.ts'
import { type Change, type Db, toDate, toDateOrNull, toSeconds } from './store.ts'

/** Also one that is retired: without its private part, which nobody needs any more. */
export type KnownSigningKey = Omit<StoredSigningKey, 'privateSealed'> & { readonly retiredAt: Date | null }

export type StoredSigningKey = {
  readonly kid: string
  readonly publicJwk: string
  /** PKCS #8, sealed by the key-encryption key. */
  readonly privateSealed: string
  readonly createdAt: Date
  /** From when on it signs; before, it is only published. */
  readonly activeFrom: Date
}

/** The keys that are published, the one that signs last first. Those that are retired are not among them. */
export async function listSigningKeys(db: Db): Promise<StoredSigningKey[]> {
  const rows = await db
    .selectFrom('signing_key')
    .selectAll()
    .where('retired_at', 'is', null)
    .orderBy('active_from', 'desc')
    .orderBy('created_at', 'desc')
    .orderBy('kid', 'desc')
    .execute()
  return rows.map(toStoredSigningKey)
}

function toStoredSigningKey(row: Tables['signing_key']): StoredSigningKey {
  return readRow('signing_key', row.kid, () => ({
    kid: row.kid,
    publicJwk: row.public_jwk,
    privateSealed: row.private_sealed,
    createdAt: toDate(row.created_at),
    // Those that were made before keys could wait have signed since they were made.
    activeFrom: toDate(row.active_from === 0 ? row.created_at : row.active_from),
  }))
}

export async function findSigningKey(db: Db, kid: string): Promise<KnownSigningKey | undefined> {
  const row = await db.selectFrom('signing_key').selectAll().where('kid', '=', kid).executeTakeFirst()
  if (row === undefined) return undefined
  const { privateSealed: _, ...key } = toStoredSigningKey(row)
  return { ...key, retiredAt: toDateOrNull(row.retired_at) }
}

export async function insertSigningKey(change: Change, key: Omit<StoredSigningKey, 'createdAt'>): Promise<void> {
  await change.db
    .insertInto('signing_key')
    .values({
      kid: key.kid,
      public_jwk: key.publicJwk,
      private_sealed: key.privateSealed,
      created_at: toSeconds(change.now),
      active_from: toSeconds(key.activeFrom),
      retired_at: null,
    })
    .execute()
}

/** Takes a key out of use: it is no longer published, and nothing that it signed is believed. */
export async function retireSigningKey(change: Change, kid: string): Promise<void> {
  await change.db
    .updateTable('signing_key')
    .set({ retired_at: toSeconds(change.now) })
    .where('kid', '=', kid)
    .execute()
}
