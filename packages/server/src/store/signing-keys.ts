import { type Change, type Db, toDate, toSeconds } from './store.ts'

export type StoredSigningKey = {
  readonly kid: string
  readonly publicJwk: string
  /** PKCS #8, sealed by the key-encryption key. */
  readonly privateSealed: string
  readonly createdAt: Date
}

/** The keys that may still be used or asked for, newest first. */
export async function listSigningKeys(db: Db): Promise<StoredSigningKey[]> {
  const rows = await db
    .selectFrom('signing_key')
    .selectAll()
    .where('retired_at', 'is', null)
    .orderBy('created_at', 'desc')
    .orderBy('kid')
    .execute()
  return rows.map((row) => ({
    kid: row.kid,
    publicJwk: row.public_jwk,
    privateSealed: row.private_sealed,
    createdAt: toDate(row.created_at),
  }))
}

export async function insertSigningKey(change: Change, key: Omit<StoredSigningKey, 'createdAt'>): Promise<void> {
  await change.db
    .insertInto('signing_key')
    .values({
      kid: key.kid,
      public_jwk: key.publicJwk,
      private_sealed: key.privateSealed,
      created_at: toSeconds(change.now),
      retired_at: null,
    })
    .execute()
}
