/**
 * Reads a request method: upper-case letters, a hyphen inside (`VERSION-CONTROL`), at most 32. Methods are
 * case-sensitive, so `get` is not `GET` but nothing at all.
 *
 * TRACE is refused because it echoes credentials, CONNECT because it names no target of a resource.
 *
 * @see RFC 9110 §9.1
 */
export function parseMethod(value: string): string | undefined {
  if (value.length === 0 || value.length > 32) return undefined
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code >= 0x41 && code <= 0x5a) continue
    if (code !== 0x2d || i === 0 || i === value.length - 1) return undefined
  }
  return value === 'TRACE' || value === 'CONNECT' ? undefined : value
}
