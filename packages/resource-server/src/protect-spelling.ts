/** The name of `known` that was most likely meant by `name`; undefined: none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const written = bare(name)
  const [nearest] = known
    .map((one) => ({ one, edits: editsBetween(written, bare(one)) }))
    .filter(({ one, edits }) => edits <= Math.min(2, one.length / 2) || isPartOfOther(written, bare(one)))
    .sort((a, b) => a.edits - b.edits)
  return nearest?.one
}

/** So that `allowed_clients` is as near to `allowedClients` as can be. */
function bare(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '')
}

function isPartOfOther(one: string, other: string): boolean {
  return Math.min(one.length, other.length) >= 3 && (one.includes(other) || other.includes(one))
}

/** How many characters have to be put in, taken out or changed (Levenshtein). */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (const [above, character] of [...one].entries()) {
    const next = [above + 1]
    for (let at = 0; at < other.length; at++) {
      const changed = (row[at] ?? 0) + (other[at] === character ? 0 : 1)
      next.push(Math.min(changed, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
