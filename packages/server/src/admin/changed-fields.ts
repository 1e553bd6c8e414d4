// What an audit event says of how a thing was and is: as the API shows it, which shows nothing secret.

/** Longer ones are left out: an event is kept for ever. */
const MAX_VALUE_LENGTH = 2000
/** They change by themselves. */
const OF_THE_ROW: readonly string[] = ['revision', 'created_at']

type Shown = object

/** Each field that differs, with what it was and what it is. */
export function changedFields(before: Shown, after: Shown): Record<string, { from: unknown; to: unknown }> {
  const was = new Map<string, unknown>(Object.entries(before))
  const changed = Object.entries(after).flatMap(([field, value]) => {
    const [from, to] = [was.get(field), value]
    if (OF_THE_ROW.includes(field) || JSON.stringify(from) === JSON.stringify(to)) return []
    return [[field, { from: shortened(from), to: shortened(to) }]]
  })
  return Object.fromEntries(changed)
}

/** All fields of what is there no more. */
export function lastFields(before: Shown): Record<string, unknown> {
  const fields = Object.entries(before).filter(([field]) => !OF_THE_ROW.includes(field))
  return Object.fromEntries(fields.map(([field, value]) => [field, shortened(value)]))
}

function shortened(value: unknown): unknown {
  const { length } = JSON.stringify(value ?? null)
  return length > MAX_VALUE_LENGTH ? `(${length} characters)` : (value ?? null)
}
