// JSON as a signed text must be: with one meaning (RFC 8259 §4 leaves duplicate names open; RFC 7515 §4 forbids them).

const MAX_DEPTH = 32
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a text, or bytes, as one JSON object. Undefined: bytes that are not UTF-8, not JSON, no object, a name twice in
 * one object, or deeper than 32 levels.
 *
 * Security: `JSON.parse` lets the last of two equal names win, where another reader takes the first; what two readers
 * understand differently must not be believed by either. Names such as `__proto__` come out as own members; whoever
 * reads a member must ask for own members alone.
 *
 * @see RFC 7515 §4, RFC 7519 §4
 */
export function parseJsonObject(json: Uint8Array | string): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = typeof json === 'string' ? json : utf8.decode(json)
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return hasOneMeaning(text, value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/**
 * Of two equal names in one object `JSON.parse` keeps one, whichever way they are spelled (`"\u0061ud"` is `aud`): there are
 * then fewer members than names were written.
 */
function hasOneMeaning(text: string, value: object): boolean {
  const names = namesWrittenIn(text)
  return names !== undefined && names === membersOf(value)
}

const QUOTE = 0x22
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** In valid JSON a colon outside of a string stands after a name alone. Undefined: it is too deep. */
function namesWrittenIn(text: string): number | undefined {
  let names = 0
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    else if (code === COLON) names++
    else if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth++
    else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--
    if (depth > MAX_DEPTH) return undefined
  }
  return names
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end
}

/** Backslashes in pairs stand for themselves. */
function isEscaped(text: string, at: number): boolean {
  let start = at
  while (text.charCodeAt(start - 1) === BACKSLASH) start--
  return (at - start) % 2 === 1
}

/** Of all objects in it, however deep: of what the text allowed. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const held: unknown[] = Object.values(value)
  return held.reduce((members: number, one) => members + membersOf(one), Array.isArray(value) ? 0 : held.length)
}
