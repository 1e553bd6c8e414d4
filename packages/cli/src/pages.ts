import type { Page } from '@countersign/admin-api'
import { type PageOptions, pageQuery } from './options.ts'
import { all } from './session.ts'

type Part = { limit?: number; cursor?: string }

/** The page of a list that was asked for, or with `--all` whatever there is from there on. */
export async function asked<Item>(
  options: PageOptions,
  list: (part: Part) => Promise<Page<Item>>,
): Promise<Page<Item>> {
  if (options.all) return { items: await all(list, options.cursor), next_cursor: null }
  let page = await list(pageQuery(options))
  // The API looks through so many at a time: with none that fits, there may still be some further on.
  while (page.items.length === 0 && page.next_cursor !== null) {
    page = await list(pageQuery({ ...options, cursor: page.next_cursor }))
  }
  return page
}
