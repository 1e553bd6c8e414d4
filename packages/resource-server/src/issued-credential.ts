// The credentials that Countersign issues: `cs_<kind>_<43 base62 of 256 random bits><6 base62 of their CRC32>`.

export const ISSUED_KINDS = ['key', 'pat', 'at', 'secret'] as const

/** An API key, a personal access token, an opaque access token, a client secret. */
export type IssuedKind = (typeof ISSUED_KINDS)[number]

export type IssuedCredential = { readonly kind: IssuedKind }

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const RANDOM_BYTES = 32
const RANDOM_LENGTH = 43
const CHECKSUM_LENGTH = 6

const ISSUED = {
  key: Object.freeze({ kind: 'key' }),
  pat: Object.freeze({ kind: 'pat' }),
  at: Object.freeze({ kind: 'at' }),
  secret: Object.freeze({ kind: 'secret' }),
} as const satisfies { readonly [K in IssuedKind]: { readonly kind: K } }

/** The value of each base62 digit by its character code; 255 for all others. */
const DIGITS = new Uint8Array(128).fill(255)
for (let i = 0; i < ALPHABET.length; i++) DIGITS[ALPHABET.charCodeAt(i)] = i

const CRC_TABLE = new Int32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  CRC_TABLE[byte] = crc
}

/** Writes a new credential from 32 random bytes. Throws RangeError for any other number of them. */
export function formatCredential(kind: IssuedKind, random: Uint8Array): string {
  if (random.length !== RANDOM_BYTES) throw new RangeError(`A credential takes ${RANDOM_BYTES} random bytes.`)
  const secret = base62(random, RANDOM_LENGTH)
  return `cs_${kind}_${secret}${base62(bigEndian(crc32(secret)), CHECKSUM_LENGTH)}`
}

/**
 * Says which kind of ours a text is by its form: undefined when it does not begin with `cs_`; `mistyped` when it
 * does, and kind, length, alphabet or checksum is wrong.
 *
 * Security: the form proves nothing. It only turns typos and guesses away before a digest or a look-up is spent.
 */
export function parseIssuedCredential(text: string): IssuedCredential | 'mistyped' | undefined {
  if (!text.startsWith('cs_')) return undefined
  const issued = kindOf(text)
  return issued !== undefined && hasChecksum(text, text.length - RANDOM_LENGTH - CHECKSUM_LENGTH) ? issued : 'mistyped'
}

/**
 * What may be shown of a credential later: prefix and last four (`cs_key_…aB3x`). The four belong to the checksum.
 *
 * Throws for what we did not issue, so that no fragment of a foreign secret is ever stored.
 */
export function hintOf(text: string): string {
  const issued = parseIssuedCredential(text)
  if (issued === undefined || issued === 'mistyped') throw new TypeError('Only an issued credential has a hint.')
  return `cs_${issued.kind}_…${text.slice(-4)}`
}

/** The kind by prefix and exact length. */
function kindOf(text: string): IssuedCredential | undefined {
  switch (text.length) {
    case 'cs_at_'.length + RANDOM_LENGTH + CHECKSUM_LENGTH:
      return text.startsWith('at_', 3) ? ISSUED.at : undefined
    case 'cs_key_'.length + RANDOM_LENGTH + CHECKSUM_LENGTH:
      if (text.startsWith('key_', 3)) return ISSUED.key
      return text.startsWith('pat_', 3) ? ISSUED.pat : undefined
    case 'cs_secret_'.length + RANDOM_LENGTH + CHECKSUM_LENGTH:
      return text.startsWith('secret_', 3) ? ISSUED.secret : undefined
    default:
      return undefined
  }
}

function hasChecksum(text: string, start: number): boolean {
  let crc = -1
  const end = start + RANDOM_LENGTH
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if ((DIGITS[code] ?? 255) === 255) return false
    crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ code) & 255] ?? 0)
  }
  let checksum = 0
  for (let i = end; i < text.length; i++) {
    const digit = DIGITS[text.charCodeAt(i)] ?? 255
    if (digit === 255) return false
    checksum = checksum * 62 + digit
  }
  return checksum === ~crc >>> 0
}

function crc32(text: string): number {
  let crc = -1
  for (let i = 0; i < text.length; i++) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ text.charCodeAt(i)) & 255] ?? 0)
  return ~crc >>> 0
}

function bigEndian(word: number): Uint8Array {
  return Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word)
}

/** Writes a big-endian number in base 62, left-padded with zeros to `length` digits: long division by 62. */
function base62(number: Uint8Array, length: number): string {
  const rest = Uint8Array.from(number)
  let digits = ''
  while (digits.length < length) {
    let remainder = 0
    for (const [i, byte] of rest.entries()) {
      const dividend = remainder * 256 + byte
      rest[i] = Math.floor(dividend / 62)
      remainder = dividend % 62
    }
    digits = ALPHABET.charAt(remainder) + digits
  }
  return digits
}
