import { z } from 'zod'
import { body } from './body.ts'

/** The fields of every list's query: how many, and from where. */
export const pageQueryFields = {
  cursor: z
    .string()
    .min(1, 'expected the next_cursor of an earlier page')
    .max(512)
    .optional()
    .meta({ description: 'Where to go on: the `next_cursor` of the page before.', example: 'eyJpZCI6ImNhbmlzdGVyIn0' }),
  limit: z.coerce
    .number('expected a number from 1 to 200')
    .int('expected a whole number from 1 to 200')
    .min(1, 'expected a number from 1 to 200')
    .max(200, 'expected a number from 1 to 200')
    .default(50)
    .meta({ description: 'How many at most.', example: 50 }),
}

/** The query of a list that cannot be filtered. */
export const PageQuery = body(pageQueryFields)
export type PageQuery = z.output<typeof PageQuery>

/** One page of a list. `next_cursor` is null on the last one. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item).meta({ description: 'This page, in a stable order.' }),
    next_cursor: z.string().nullable().meta({
      description: 'Give it as `cursor` to get the next page; null when this is the last.',
      example: null,
    }),
  })
}

export type Page<Item> = { items: Item[]; next_cursor: string | null }
