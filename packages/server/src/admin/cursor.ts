import type { Page, PageQuery } from '@countersign/admin-api'
import type { Slice } from '../store/store.ts'
import { Rejected } from './problem.ts'

// A cursor is the key of the last item of a page, in a form that invites nobody to make one by hand.

/** What to read for a page: one item more than is asked for, which says whether another page follows. */
export function sliceOf(query: PageQuery): Slice {
  return { after: query.cursor === undefined ? undefined : readCursor(query.cursor), limit: query.limit + 1 }
}

/** The page, from what was read for it. */
export function pageOf<Item>(found: readonly Item[], limit: number, keyOf: (item: Item) => string): Page<Item> {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return { items, next_cursor: found.length > limit && last !== undefined ? writeCursor(keyOf(last)) : null }
}

export function writeCursor(key: string): string {
  return Buffer.from(JSON.stringify([key])).toString('base64url')
}

export function readCursor(cursor: string): string {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    const [key] = Array.isArray(parsed) ? parsed : []
    // No key holds a control character, and PostgreSQL takes no text with a NUL.
    if (typeof key === 'string' && !/\p{Cc}/u.test(key)) return key
  } catch {
    // Answered below: whatever it is, it is not a cursor of ours.
  }
  throw notACursor()
}

export function notACursor(): Rejected {
  const problem = { path: 'cursor', message: 'expected the next_cursor of an earlier page' }
  return new Rejected('invalid_query', 'Give the cursor as it was answered, or leave it out.', [problem])
}
