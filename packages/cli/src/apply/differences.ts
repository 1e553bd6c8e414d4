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
  const [was, is] = [toWords(before), toWords(after)]
  if (was === undefined || is === undefined) return Bun.deepEquals(before, after)
  return was.every((word) => is.includes(word)) && is.every((word) => was.includes(word))
}

export function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((word) => typeof word === 'string')
}

/**
 * A list whose order says nothing, as words: names, and what somebody is called at other issuers, `corp=248289761001`.
 * Undefined: it is another value.
 */
export function toWords(value: unknown): readonly string[] | undefined {
  if (isWords(value)) return value
  if (!Array.isArray(value)) return undefined
  const words = value.map(wordOf)
  return words.every((word) => word !== undefined) ? words : undefined
}

/** No name of an issuer has a `=` in it. */
function wordOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('issuer' in value)) return undefined
  if ('subject' in value) return `${value.issuer}=${value.subject}`
  return 'audience' in value ? `${value.issuer}=${value.audience}` : undefined
}
