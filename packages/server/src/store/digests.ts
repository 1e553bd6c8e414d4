import type { IssuedKind } from '@countersign/resource-server'
import type { Db } from './store.ts'

export type KeptUnder = { readonly id: string; readonly digest: string }

/** Under which digests credentials of one kind are kept, in the order of their ids, after this one. */
export async function listDigests(db: Db, kind: IssuedKind, after: string, limit: number): Promise<KeptUnder[]> {
  return (
    db
      .selectFrom('credential')
      .select(['id', 'digest'])
      .where('id', '>', after)
      // Behind all digits of an id.
      .where('id', '<', `${kind}_~`)
      .orderBy('id')
      .limit(limit)
      .execute()
  )
}
