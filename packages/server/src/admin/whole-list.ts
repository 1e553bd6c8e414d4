import type { Page, PageQuery } from '@countersign/admin-api'
import { pageOf, sliceOf } from './cursor.ts'

/**
 * A page of a list that is read as a whole, since there are few. Its order is that of its keys: what comes and goes
 * between two pages moves no other item to another side of the cursor.
 */
export function pageOfAll<Item>(
  items: readonly Item[],
  query: PageQuery,
  keyOf: (item: Item) => string,
  order: 'ascending' | 'descending' = 'ascending',
): Page<Item> {
  const { after, limit } = sliceOf(query)
  const comesAfter = (one: string, other: string) => (order === 'ascending' ? one > other : one < other)
  const inOrder = items.toSorted((one, other) => (comesAfter(keyOf(one), keyOf(other)) ? 1 : -1))
  const left = after === undefined ? inOrder : inOrder.filter((item) => comesAfter(keyOf(item), after))
  return pageOf(left.slice(0, limit), query.limit, keyOf)
}
