import { FOREIGN_DIGESTS, type ForeignPrefix } from '../domain/foreign-prefix.ts'
import { type Change, type Db, parseWord, toDate, toSeconds } from './store.ts'

export async function listForeignPrefixes(db: Db, prefixes?: readonly string[]): Promise<ForeignPrefix[]> {
  let query = db.selectFrom('foreign_prefix').selectAll().orderBy('prefix')
  if (prefixes !== undefined) query = query.where('prefix', 'in', prefixes)
  return (await query.execute()).map((row) => ({
    prefix: row.prefix,
    digest: parseWord(row.digest, FOREIGN_DIGESTS, 'the digest of a foreign prefix'),
    keySealed: row.key_sealed,
    createdAt: toDate(row.created_at),
    revision: row.revision,
  }))
}

/** There is no way to change or to delete one: what it says of digests has to stay true while one of them is kept. */
export async function insertForeignPrefix(
  change: Change,
  { prefix, digest, keySealed }: Pick<ForeignPrefix, 'prefix' | 'digest' | 'keySealed'>,
): Promise<void> {
  await change.db
    .insertInto('foreign_prefix')
    .values({
      prefix,
      digest,
      key_sealed: keySealed,
      created_at: toSeconds(change.now),
      revision: change.revision,
    })
    .execute()
}

export type ImportedCount = {
  readonly imported: number
  /** Those that are neither revoked by themselves nor expired. */
  readonly unrevoked: number
}

/** How many credentials came in with each prefix. */
export async function countImported(db: Db, now: Date): Promise<Map<string, ImportedCount>> {
  const rows = await db
    .selectFrom('credential')
    .select(['imported_from', (select) => select.fn.countAll<number>().as('imported')])
    .select(({ fn, and, or, eb }) =>
      fn
        .countAll<number>()
        .filterWhere(
          and([
            eb('revoked_at', 'is', null),
            or([eb('expires_at', 'is', null), eb('expires_at', '>', toSeconds(now))]),
          ]),
        )
        .as('unrevoked'),
    )
    .where('imported_from', 'is not', null)
    .groupBy('imported_from')
    .execute()
  return new Map(
    rows.map(({ imported_from, imported, unrevoked }) => [
      imported_from ?? '',
      { imported: Number(imported), unrevoked: Number(unrevoked) },
    ]),
  )
}
