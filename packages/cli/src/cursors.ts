/** Lets each cursor of one list by, once: a server that goes round in a circle would be asked for ever. */
export function eachCursorOnce(): (cursor: string | null) => string | null {
  const followed = new Set<string>()
  return (cursor) => {
    if (cursor === null) return null
    if (followed.has(cursor)) throw new Error('The server goes round in a circle: one cursor came twice.')
    followed.add(cursor)
    return cursor
  }
}
