import { Rejected } from './problem.ts'

const SHOWN = 10

/** Refuses to delete what others still name: each of these would point at nothing. `instead` is what can be done as well. */
export function requireNamedByNone(named: readonly string[], instead: string): void {
  if (named.length === 0) return
  const listed = named.slice(0, SHOWN).join(', ') + (named.length > SHOWN ? ` and ${named.length - SHOWN} more` : '')
  throw new Rejected('conflict', `It is named by ${listed}. Delete or change these first; or ${instead}.`)
}
