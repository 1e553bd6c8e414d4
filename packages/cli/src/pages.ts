import type { Page } from '@countersign/admin-api'
import { eachCursorOnce } from './cursors.ts'
import { type PageOptions, pageQuery } from './options.ts'
import { withProgress } from './progress.ts'
import { all, type Session } from './session.ts'

type Part = { limit?: number; cursor?: string }

/** The page of a list that was asked for, or with `--all` whatever there is from there on. */
export async function asked<Item>(
  session: Session,
  options: PageOptions,
  list: (part: Part) => Promise<Page<Item>>,
): Promise<Page<Item>> {
  if (options.all) return { items: await everything(session, list, options.cursor), next_cursor: null }
  return list(pageQuery(options))
}

/** Every item of a list that may be long. */
export function everything<Item>(
  { terminal }: Session,
  list: (part: Part) => Promise<Page<Item>>,
  from?: string,
): Promise<Item[]> {
  return withProgress(terminal, (show) => all(list, from, (count) => show(`${count} read`)))
}

const USUAL = 50

/**
 * The same for a list that may end a page early: the API looks through so many at a time, and where few fit there may be
 * more further on. Goes on until the page is full.
 */
export async function filled<Item>(
  session: Session,
  options: PageOptions,
  list: (part: Part) => Promise<Page<Item>>,
): Promise<Page<Item>> {
  const page = await asked(session, options, list)
  const once = eachCursorOnce()
  let cursor = once(page.next_cursor)
  const items = [...page.items]
  const size = options.limit ?? USUAL
  while (cursor !== null && items.length < size) {
    const more = await list({ limit: size - items.length, cursor })
    items.push(...more.items)
    cursor = once(more.next_cursor)
  }
  return { items, next_cursor: cursor }
}
