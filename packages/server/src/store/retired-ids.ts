import type { Change, Noun } from './store.ts'

/** Says that this id was used and deleted: an id is never issued twice, so old rights cannot find a new holder. */
export async function isRetired(change: Change, noun: Noun, id: string): Promise<boolean> {
  const row = await change.db
    .selectFrom('retired_id')
    .selectAll()
    .where('noun', '=', noun)
    .where('noun_id', '=', id)
    .executeTakeFirst()
  return row !== undefined
}

export async function retireId(change: Change, noun: Noun, id: string): Promise<void> {
  await change.db.insertInto('retired_id').values({ noun, noun_id: id }).execute()
}
