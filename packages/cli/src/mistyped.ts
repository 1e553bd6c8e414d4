/** What people look for, and where it is here. */
const ELSEWHERE: Record<string, string> = {
  tokens: 'countersign pat',
  'pat revoke': 'countersign revoke <token-id>',
  'pat delete': 'countersign revoke <token-id>',
  'key revoke': 'countersign revoke <key-id>',
  'key delete': 'countersign revoke <key-id>',
  'keys create': 'countersign key create <client>',
  'keys revoke': 'countersign revoke <key-id>',
  'secret delete': 'countersign secret revoke <secret-id>',
  'client secret': 'countersign secret create <client>',
  'client token': 'countersign token --client <id>',
  'client revoke': 'countersign revoke --client <id>',
  'user revoke': 'countersign revoke --user <username>',
}

/** The command that was meant by an unknown one, `pat creat` or `pat revoke`, if that can be guessed. */
export function meantCommand(parents: readonly string[], word: string, known: readonly string[]): string | undefined {
  const elsewhere = ELSEWHERE[[...parents, word].join(' ')]
  if (elsewhere !== undefined) return elsewhere
  const near = known.map((name) => ({ name, distance: editDistance(word, name) }))
  const nearest = near.toSorted((one, other) => one.distance - other.distance)[0]
  if (nearest === undefined || nearest.distance > Math.min(2, nearest.name.length / 2)) return undefined
  return ['countersign', ...parents, nearest.name].join(' ')
}

/** How many letters have to be put in, taken out or changed. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1]
    for (let at = 0; at < other.length; at++) {
      const [left, above, diagonal] = [next[at] ?? 0, row[at + 1] ?? 0, row[at] ?? 0]
      next.push(Math.min(left + 1, above + 1, diagonal + (letter === other[at] ? 0 : 1)))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
