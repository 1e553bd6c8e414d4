import type { Mistake } from './declared-file.ts'

/** What an entry of each list is called by. */
const NAMED = {
  ...{ groups: 'name', issuers: 'name', resources: 'name', clients: 'id', users: 'username' },
  trust_rules: 'name',
} as const

/** What is declared twice: which of the two should count is for nobody to guess. Looks at what may not be a declaration. */
export function findRepeated(value: unknown): Mistake[] {
  return Object.entries(NAMED).flatMap(([list, field]) => {
    const entries = fieldOf(value, list)
    if (!Array.isArray(entries)) return []
    const first = new Map<unknown, number>()
    return entries.flatMap((entry, index): Mistake[] => {
      const name = fieldOf(entry, field)
      if (typeof name !== 'string') return []
      const earlier = first.get(name)
      if (earlier === undefined) first.set(name, index)
      return earlier === undefined
        ? []
        : [{ way: [list, index, field], message: `is that of ${list}[${earlier}] again` }]
    })
  })
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined
}
