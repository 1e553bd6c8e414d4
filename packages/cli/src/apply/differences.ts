import type { Fields } from './nouns.ts'
import type { Difference } from './step.ts'

/** The fields that are not as wanted. In a list of words only the words count: the server keeps them in its own order. */
export function findDifferences(present: Fields, wanted: Fields): Difference[] {
  return Object.entries(wanted).flatMap(([field, after]) => {
    const before = present[field]
    return after === undefined || areAlike(before, after) ? [] : [{ field, before, after }]
  })
}

function areAlike(before: unknown, after: unknown): boolean {
  if (isWords(before) && isWords(after)) {
    return before.every((word) => after.includes(word)) && after.every((word) => before.includes(word))
  }
  return Bun.deepEquals(before, after)
}

export function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((word) => typeof word === 'string')
}
