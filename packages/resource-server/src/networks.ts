// IP addresses and CIDR networks. An address has one value however it is spelled: '::FFFF:10.0.0.1' is 10.0.0.1.

/** An IP address: four unsigned 32-bit words, most significant first. IPv4 stands in the last one. */
export type Address = {
  readonly family: 4 | 6
  readonly words: readonly [number, number, number, number]
}

/** A CIDR network. Its address has no bit set beyond the prefix. */
export type Network = {
  readonly address: Address
  /** Within the family: at most 32 for IPv4, 128 for IPv6. */
  readonly prefixLength: number
}

const MAX_LENGTH = 45 // '0000:0000:0000:0000:0000:ffff:255.255.255.255'

/**
 * Reads one address. No port, no brackets, no zone id, no leading zeros in IPv4: each has a reader that takes it
 * for something else.
 *
 * @see RFC 4291 §2.2
 */
export function parseAddress(text: string): Address | undefined {
  if (text.length > MAX_LENGTH) return undefined
  if (text.includes(':')) return parseIPv6(text)
  const bits = parseIPv4(text, 0)
  return bits === -1 ? undefined : ipv4(bits)
}

/** Reads `10.0.0.0/8` or a bare address. Bits beyond the prefix are refused: the author meant something else. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/')
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash))
  if (address === undefined) return undefined

  const width = address.family === 4 ? 32 : 128
  if (slash === -1) return { address, prefixLength: width }

  const written = parsePrefixLength(text, slash + 1)
  // '::ffff:10.0.0.0/104' is 10.0.0.0/8
  const prefixLength = address.family === 4 && text.includes(':') ? written - 96 : written
  if (prefixLength < 0 || prefixLength > width) return undefined

  const network = { address, prefixLength }
  return hasHostBits(network) ? undefined : network
}

/** Says whether one of the networks holds the address. An IPv6 network never holds an IPv4 address, not even `::/0`. */
export function contains(networks: readonly Network[], address: Address): boolean {
  for (const network of networks) if (holds(network, address)) return true
  return false
}

/** What both hold, as networks: of two, one is within the other or they have nothing in common. */
export function heldByBoth(some: readonly Network[], others: readonly Network[]): Network[] {
  return some.flatMap((one) =>
    others.flatMap((other) => {
      const [narrow, wide] = one.prefixLength < other.prefixLength ? [other, one] : [one, other]
      return contains([wide], narrow.address) ? [narrow] : []
    }),
  )
}

/** Writes `10.0.0.0/8`, with the one canonical text of its address. */
export function formatNetwork({ address, prefixLength }: Network): string {
  return `${formatAddress(address)}/${prefixLength}`
}

/** Writes the one canonical text of an address. @see RFC 5952 §4 */
export function formatAddress(address: Address): string {
  const last = address.words[3]
  if (address.family === 4) return `${last >>> 24}.${(last >>> 16) & 255}.${(last >>> 8) & 255}.${last & 255}`

  const groups = address.words.flatMap((word) => [word >>> 16, word & 0xffff])
  const gap = longestZeroRun(groups)
  if (gap.length < 2) return formatGroups(groups)
  return `${formatGroups(groups.slice(0, gap.start))}::${formatGroups(groups.slice(gap.start + gap.length))}`
}

function ipv4(bits: number): Address {
  return { family: 4, words: [0, 0, 0, bits] }
}

/** Reads dotted decimal from `start` to the end of the text; -1 when it is not. */
function parseIPv4(text: string, start: number): number {
  let bits = 0
  let octets = 0
  let octet = 0
  let digits = 0
  for (let i = start; i <= text.length; i++) {
    const code = i === text.length ? 0x2e : text.charCodeAt(i)
    if (code === 0x2e) {
      if (digits === 0 || octet > 255 || octets === 4) return -1
      bits = bits * 256 + octet
      octets++
      octet = 0
      digits = 0
    } else if (code >= 0x30 && code <= 0x39) {
      if (digits === 3 || (digits > 0 && octet === 0)) return -1
      octet = octet * 10 + code - 0x30
      digits++
    } else {
      return -1
    }
  }
  return octets === 4 ? bits : -1
}

function parseIPv6(text: string): Address | undefined {
  const groups: number[] = []
  let gap = -1 // how many groups stand before '::'
  let i = 0
  if (text.startsWith('::')) {
    gap = 0
    i = 2
  }
  while (i < text.length) {
    if (groups.length === 8) return undefined
    const start = i
    let group = 0
    for (let digit = hexDigit(text, i); digit !== -1; digit = hexDigit(text, ++i)) group = group * 16 + digit

    if (text.charCodeAt(i) === 0x2e) {
      const bits = parseIPv4(text, start)
      if (bits === -1 || groups.length > 6) return undefined
      groups.push(Math.floor(bits / 0x10000), bits % 0x10000)
      break
    }
    if (i === start || i - start > 4) return undefined
    groups.push(group)
    if (i === text.length) break

    if (text.charCodeAt(i) !== 0x3a) return undefined
    i++
    if (text.charCodeAt(i) === 0x3a) {
      if (gap !== -1) return undefined
      gap = groups.length
      i++
    } else if (i === text.length) {
      return undefined
    }
  }
  if (gap === -1 ? groups.length !== 8 : groups.length > 7) return undefined
  if (gap !== -1) groups.splice(gap, 0, ...new Array<number>(8 - groups.length).fill(0))
  return fromGroups(groups)
}

function fromGroups(groups: readonly number[]): Address {
  const word = (at: number) => (groups[at] ?? 0) * 0x10000 + (groups[at + 1] ?? 0)
  const words = [word(0), word(2), word(4), word(6)] as const
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff
  return isMapped ? ipv4(words[3]) : { family: 6, words }
}

/** The value of the hexadecimal digit at `at`; -1 when there is none. */
function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

function parsePrefixLength(text: string, start: number): number {
  const digits = text.slice(start)
  return /^(?:0|[1-9][0-9]{0,2})$/.test(digits) ? Number(digits) : -1
}

/** The bits of word `at` (0 to 3) that the prefix covers. */
function mask(network: Network, at: number): number {
  const skipped = network.address.family === 4 ? 96 : 0
  const covered = network.prefixLength + skipped - at * 32
  if (covered >= 32) return -1
  return covered <= 0 ? 0 : -1 << (32 - covered)
}

function hasHostBits(network: Network): boolean {
  return network.address.words.some((word, at) => (word & ~mask(network, at)) !== 0)
}

function holds(network: Network, address: Address): boolean {
  if (network.address.family !== address.family) return false
  const ours = network.address.words
  const theirs = address.words
  return (
    ((ours[3] ^ theirs[3]) & mask(network, 3)) === 0 &&
    ((ours[2] ^ theirs[2]) & mask(network, 2)) === 0 &&
    ((ours[1] ^ theirs[1]) & mask(network, 1)) === 0 &&
    ((ours[0] ^ theirs[0]) & mask(network, 0)) === 0
  )
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 }
  let start = 0
  for (const [at, group] of groups.entries()) {
    if (group !== 0) start = at + 1
    else if (at + 1 - start > longest.length) longest = { start, length: at + 1 - start }
  }
  return longest
}

function formatGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':')
}
