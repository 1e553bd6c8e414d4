// Host names as the directory looks them up: one canonical spelling each, compared byte for byte.

import { formatAddress, parseAddress } from './networks.ts'

const MAX_LENGTH = 255

/**
 * Reads a Host field or the authority of a URI into its canonical form: lower case, without one trailing dot and
 * without the scheme's default port (`A.Test.:8443` is `a.test:8443`).
 *
 * A value that is already canonical comes back as it is. Whether anything is protected there is not judged here.
 *
 * Security: one value only. What another reader could take for two hosts, for userinfo or for a path is refused.
 *
 * @see RFC 9110 §7.2, RFC 3986 §3.2.2
 */
export function parseHost(value: string, scheme: 'http' | 'https'): string | undefined {
  if (value.length === 0 || value.length > MAX_LENGTH) return undefined
  if (value.charCodeAt(0) === 0x5b) return parseBracketed(value, scheme)

  let colon = value.length
  let labelStart = 0
  let hasUpperCase = false
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x5f) continue
    if (code === 0x2e) {
      if (i === labelStart) return undefined
      labelStart = i + 1
    } else if (code >= 0x41 && code <= 0x5a) {
      hasUpperCase = true
    } else if (code === 0x3a) {
      colon = i
      break
    } else {
      return undefined
    }
  }
  const end = labelStart === colon ? colon - 1 : colon
  if (end <= 0) return undefined
  if (endsInNumber(value, end) && parseAddress(value.slice(0, end)) === undefined) return undefined

  const port = readPort(value, colon, scheme)
  if (port === undefined) return undefined
  if (!hasUpperCase && end + port.length === value.length) return value
  return value.slice(0, end).toLowerCase() + port
}

/** The wildcard that would hold this canonical host: `a.example.com` is under `*.example.com`. Addresses have none. */
export function wildcardOf(host: string): string | undefined {
  const dot = host.indexOf('.')
  if (dot === -1 || host.charCodeAt(0) === 0x5b) return undefined
  const colon = host.indexOf(':')
  if (endsInNumber(host, colon === -1 ? host.length : colon)) return undefined
  return `*${host.slice(dot)}`
}

/**
 * Reads the host of a resource as an operator writes it: as `parseHost`, with one leading `*.` allowed before at
 * least two labels. It is compared with hosts of both schemes, so either default port is dropped.
 */
export function parseHostPattern(value: string): string | undefined {
  const isWildcard = value.startsWith('*.')
  const overHttps = parseHost(isWildcard ? value.slice(2) : value, 'https')
  const host = overHttps === undefined ? undefined : parseHost(overHttps, 'http')
  if (host === undefined || !isWildcard) return host
  return wildcardOf(host) === undefined ? undefined : `*.${host}`
}

function parseBracketed(value: string, scheme: 'http' | 'https'): string | undefined {
  const close = value.indexOf(']')
  const written = value.slice(1, close)
  const address = close === -1 || !written.includes(':') ? undefined : parseAddress(written)
  if (address === undefined) return undefined

  const port = readPort(value, close + 1, scheme)
  if (port === undefined) return undefined
  // An IPv4 address in brackets would not be read as the IPv6 one that it was written as.
  const canonical = formatAddress(address)
  return `[${address.family === 4 ? `::ffff:${canonical}` : canonical}]${port}`
}

/** The port from `colon` on as it is kept (`:8443`), '' for none or the default one, undefined for a bad one. */
function readPort(value: string, colon: number, scheme: 'http' | 'https'): string | undefined {
  const count = value.length - colon
  if (count === 0) return ''
  if (count < 2 || count > 6 || value.charCodeAt(colon) !== 0x3a || value.charCodeAt(colon + 1) === 0x30)
    return undefined
  let port = 0
  for (let i = colon + 1; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code < 0x30 || code > 0x39) return undefined
    port = port * 10 + code - 0x30
  }
  if (port > 65_535) return undefined
  return port === (scheme === 'https' ? 443 : 80) ? '' : value.slice(colon)
}

/** Says whether the last label is all digits: then the host is an IPv4 address, or nothing. */
function endsInNumber(host: string, end: number): boolean {
  let i = end - 1
  for (; i >= 0; i--) {
    const code = host.charCodeAt(i)
    if (code < 0x30 || code > 0x39) return code === 0x2e && i < end - 1
  }
  return true
}
