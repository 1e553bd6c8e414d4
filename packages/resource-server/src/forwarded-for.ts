import { type Address, parseAddress } from './networks.ts'

/**
 * The address of the client that an `X-Forwarded-For` field speaks of: read from the right, where our own proxies
 * write, past those that are trusted, to the first that is not. When all are trusted, the leftmost.
 *
 * Undefined means unknown: no field, or an entry on the way that is no address.
 *
 * Security: what stands left of the answer was written by the client, and is not even looked at.
 */
export function clientAddress(value: string | null, isTrusted: (address: Address) => boolean): Address | undefined {
  if (value === null) return undefined
  let end = value.length
  for (;;) {
    const comma = end === 0 ? -1 : value.lastIndexOf(',', end - 1)
    const address = parseEntry(trimOws(value.slice(comma + 1, end)))
    if (address === undefined || comma === -1 || !isTrusted(address)) return address
    end = comma
  }
}

/** Reads `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`. */
function parseEntry(entry: string): Address | undefined {
  if (entry.startsWith('[')) {
    const close = entry.indexOf(']')
    const address = entry.slice(1, close)
    const isWhole = close === entry.length - 1 || isPort(entry, close + 1)
    return isWhole && address.includes(':') ? parseAddress(address) : undefined
  }
  const colon = entry.indexOf(':')
  if (colon === -1 || entry.includes(':', colon + 1)) return parseAddress(entry)
  return isPort(entry, colon) ? parseAddress(entry.slice(0, colon)) : undefined
}

function isPort(entry: string, colon: number): boolean {
  return /^:[0-9]{1,5}$/.test(entry.slice(colon))
}

function trimOws(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isOws(text.charCodeAt(start))) start++
  while (end > start && isOws(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09
}
