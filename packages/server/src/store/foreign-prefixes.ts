import { FOREIGN_DIGESTS, type ForeignPrefix } from '../domain/foreign-prefix.ts'
import { readRow } from './corrupt-row.ts'
import { type Change, type Db, parseWord, toDate, toSeconds } from './store.ts'

export async function listForeignPrefixes(db: Db, prefixes?: readonly string[]): Promise<ForeignPrefix[]> {
  let query = db.selectFrom('foreign_prefix').selectAll().orderBy('prefix')
  if (prefixes !== undefined) query = query.where('prefix', 'in', prefixes)
  return (await query.execute()).map((row) =>
    readRow('foreign_prefix', row.prefix, () => ({
      prefix: row.prefix,
      digest: parseWord(row.digest, FOREIGN_DIGESTS, 'the digest of a foreign prefix'),
      keySealed: row.key_sealed,
      createdAt: toDate(row.created_at),
      revision: row.revision,
    })),
  )
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

/** SQLite answers before anything else is done: so many rows it counts without a request noticing. */
const ROWS_A_READ = 2000

/** How many credentials came in with a prefix, counted part by part; `pause` lets requests pass between two parts. */
export async function countImported(
  db: Db,
  prefix: string,
  now: Date,
  pause: () => Promise<void>,
): Promise<ImportedCount> {
  const count = { imported: 0, unrevoked: 0 }
  for (let after = ''; ; await pause()) {
    const part = db
      .selectFrom('credential')
      .select(['id', 'revoked_at', 'expires_at'])
      .where('imported_from', '=', prefix)
      .where('id', '>', after)
      .orderBy('id')
      .limit(ROWS_A_READ)
      .as('part')
    const { seen, unrevoked, last } = await db
      .selectFrom(part)
      .select(({ fn, and, or, eb }) => [
        fn.countAll<number>().as('seen'),
        fn.max<string | null>('id').as('last'),
        fn
          .countAll<number>()
          .filterWhere(
            and([
              eb('revoked_at', 'is', null),
              or([eb('expires_at', 'is', null), eb('expires_at', '>', toSeconds(now))]),
            ]),
          )
          .as('unrevoked'),
      ])
      .executeTakeFirstOrThrow()
    count.imported += Number(seen)
    count.unrevoked += Number(unrevoked)
    if (last === null || Number(seen) < ROWS_A_READ) return count
    after = last
  }
}
