import { type Store, toSeconds } from './store.ts'

export type UsedAssertion = { readonly client: string; readonly jti: string; readonly expiresAt: Date }

/**
 * Notes that an assertion was used. False: it was before, on this node or another. Durable when it returns, so that no
 * restart forgets it.
 *
 * @see RFC 7523 §3
 */
export async function useAssertion(store: Store, { client, jti, expiresAt }: UsedAssertion): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await store.writer
    .insertInto('used_assertion')
    .values({ client, jti, expires_at: toSeconds(expiresAt) })
    .onConflict((conflict) => conflict.columns(['client', 'jti']).doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

/** Forgets assertions that nobody would accept any more, at most `limit`. Says how many. */
export async function deleteEndedAssertions(store: Store, before: Date, limit: number): Promise<number> {
  const { numDeletedRows } = await store.writer
    .deleteFrom('used_assertion')
    .where((where) =>
      where(
        where.refTuple('client', 'jti'),
        'in',
        where
          .selectFrom('used_assertion')
          .select(['client', 'jti'])
          .where('expires_at', '<', toSeconds(before))
          .orderBy('expires_at')
          .limit(limit)
          .$asTuple('client', 'jti'),
      ),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
