// JSON as a signed text must be: with one meaning (RFC 8259 §4 leaves duplicate names open; RFC 7515 §4 forbids them).

const MAX_DEPTH = 32
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads bytes as one JSON object. Undefined: not UTF-8, not JSON, no object, a name twice in one object, or deeper than
 * 32 levels.
 *
 * Security: `JSON.parse` lets the last of two equal names win, where another reader takes the first; what two readers
 * understand differently must not be believed by either. Names such as `__proto__` come out as own members; whoever
 * reads a member must ask for own members alone.
 *
 * @see RFC 7515 §4, RFC 7519 §4
 */
export function parseJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = utf8.decode(bytes)
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return hasOneMeaning(text) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Walks text that is valid JSON: only strings, brackets and colons are looked at. */
function hasOneMeaning(text: string): boolean {
  /** For each open bracket: the names that were seen in it; undefined for arrays. */
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (open.length === MAX_DEPTH) return false
      open.push(code === OPEN_OBJECT ? new Set() : undefined)
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      open.pop()
    } else if (code === QUOTE) {
      const end = endOfString(text, at)
      const names = open.at(-1)
      if (names !== undefined && isName(text, end)) {
        const name = nameAt(text, at, end)
        if (names.has(name)) return false
        names.add(name)
      }
      at = end
    }
  }
  return true
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Where the string that begins at `start` has its closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  return at
}

/** In valid JSON a colon stands after names alone. */
function isName(text: string, end: number): boolean {
  let at = end + 1
  while (text.charCodeAt(at) <= 0x20) at++
  return text.charCodeAt(at) === COLON
}

/** The name as it is meant: `"\u0061ud"` is `aud`. */
function nameAt(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end)
  return raw.includes('\\') ? (JSON.parse(text.slice(start, end + 1)) as string) : raw
}
