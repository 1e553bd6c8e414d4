// A parser of our own on purpose: `new URL` resolves dot segments, turns '\' into '/', takes the host from '//host'
// and keeps bad escapes, so that what is decided would not be what the upstream serves.

import { parseHost } from './host.ts'

/** The target of a request, as sent and as matched. */
export type RequestTarget = {
  /** The path as sent, without the query. */
  readonly path: string
  /** Decoded once, compared byte for byte. A trailing slash is ignored; `/` has none. */
  readonly segments: readonly string[]
  /** Holds `;`, an encoded slash or an empty segment: readers differ on what that means, so path rules cannot hold. */
  readonly ambiguous: boolean
}

const MAX_LENGTH = 8192

/**
 * Reads `/path?query` as a proxy hands it over. Undefined is a refusal: dot segments in any encoding, backslashes, a
 * fragment, control bytes, spaces, bytes outside ASCII, bad escapes and escapes that are not UTF-8.
 *
 * An ambiguous target is read, not refused: whether it matters depends on the rules of the resource.
 *
 * Security: decoded exactly once, never normalised. What is accepted means the same before and after.
 *
 * @see RFC 3986 §3.3, §6.2.2.3
 */
export function parseRequestTarget(target: string): RequestTarget | undefined {
  if (target.length > MAX_LENGTH || target.charCodeAt(0) !== 0x2f) return undefined
  const question = target.indexOf('?')
  const end = question === -1 ? target.length : question
  if (!isPlain(target, end)) return undefined

  const segments: string[] = []
  let ambiguous = false
  let escaped = false
  let start = 1
  for (let i = 1; i <= end; i++) {
    const code = i === end ? 0x2f : target.charCodeAt(i)
    if (code === 0x2f) {
      if (i === start && i === end) break // the root, or a trailing slash
      const segment = readSegment(target.slice(start, i), escaped)
      if (segment === undefined) return undefined
      if (i === start) ambiguous = true
      segments.push(segment)
      start = i + 1
      escaped = false
    } else if (code === 0x25) {
      const byte = escapedByte(target, i)
      if (byte < 0x20 || byte === 0x7f || byte === 0x5c) return undefined
      if (byte === 0x2f || byte === 0x3b) ambiguous = true
      escaped = true
      i += 2
    } else if (code === 0x3b) {
      ambiguous = true
    } else if (code <= 0x20 || code >= 0x7f || code === 0x5c || code === 0x23) {
      return undefined
    }
  }
  return { path: question === -1 ? target : target.slice(0, end), segments, ambiguous }
}

/**
 * Splits an absolute URI (`X-Original-URL`, `Destination`) into its canonical host and its target, which
 * `parseRequestTarget` has still to judge. WebSocket schemes count as the HTTP schemes that carry them.
 *
 * Security: userinfo is refused, so that `https://good.test@evil.test/` is nobody's.
 */
export function parseAbsoluteTarget(
  uri: string,
): { scheme: 'http' | 'https'; host: string; target: string } | undefined {
  const colon = uri.indexOf('://')
  const scheme = colon === -1 ? undefined : readScheme(uri.slice(0, colon))
  if (scheme === undefined) return undefined

  const start = colon + 3
  let end = start
  while (end < uri.length && uri.charCodeAt(end) !== 0x2f && uri.charCodeAt(end) !== 0x3f) end++
  const host = parseHost(uri.slice(start, end), scheme)
  if (host === undefined) return undefined

  const rest = uri.slice(end)
  return { scheme, host, target: rest.startsWith('/') ? rest : `/${rest}` }
}

function readScheme(text: string): 'http' | 'https' | undefined {
  switch (text === 'https' || text === 'http' ? text : text.toLowerCase()) {
    case 'https':
    case 'wss':
      return 'https'
    case 'http':
    case 'ws':
      return 'http'
    default:
      return undefined
  }
}

/** The query is never matched; it only must not smuggle anything into the header that carries it. */
function isPlain(target: string, start: number): boolean {
  for (let i = start; i < target.length; i++) {
    const code = target.charCodeAt(i)
    if (code <= 0x20 || code >= 0x7f || code === 0x23) return false
  }
  return true
}

function readSegment(raw: string, escaped: boolean): string | undefined {
  if (!escaped) return raw.charCodeAt(0) === 0x2e && isDotSegment(raw) ? undefined : raw

  const segment = decodeOnce(raw)
  if (segment === undefined || segment.split('/').some(isDotSegment)) return undefined
  return segment
}

/** `.` and `..`, also before a path parameter: some servers strip `;x` first and resolve the dots then. */
function isDotSegment(segment: string): boolean {
  const semicolon = segment.indexOf(';')
  const name = semicolon === -1 ? segment : segment.slice(0, semicolon)
  return name === '.' || name === '..'
}

function decodeOnce(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw)
  } catch {
    return undefined // not UTF-8: overlong, a surrogate, cut short, beyond U+10FFFF
  }
}

/** The byte that the escape at `at` stands for; -1 when it is no escape. */
function escapedByte(target: string, at: number): number {
  const high = hexDigit(target.charCodeAt(at + 1))
  const low = hexDigit(target.charCodeAt(at + 2))
  return high === -1 || low === -1 ? -1 : high * 16 + low
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
