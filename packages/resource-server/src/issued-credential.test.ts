import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { formatCredential, hintOf, ISSUED_KINDS, parseIssuedCredential } from './issued-credential.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const KEY = formatCredential('key', new Uint8Array(32).fill(0xa5))
const kind = fc.constantFrom(...ISSUED_KINDS)
const random = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** The same number written another way: what the format says, slowly. */
function base62(number: bigint, length: number): string {
  let digits = ''
  for (let rest = number; digits.length < length; rest /= 62n) digits = ALPHABET.charAt(Number(rest % 62n)) + digits
  return digits
}

describe('known credentials', () => {
  const rows: [bytes: number, text: string][] = [
    [0x00, 'cs_key_0000000000000000000000000000000000000000000'],
    [0xff, `cs_key_${base62(2n ** 256n - 1n, 43)}`],
  ]
  test.each(rows)('32 bytes of %p begin with %p', (byte, text) => {
    expect(formatCredential('key', new Uint8Array(32).fill(byte))).toStartWith(text)
  })
})

test('a credential is the 256 bits and their CRC32, both in base 62', () => {
  fc.assert(
    fc.property(kind, random, (issued, bytes) => {
      const bits = bytes.reduce((number, byte) => number * 256n + BigInt(byte), 0n)
      const secret = base62(bits, 43)
      const checksum = base62(BigInt(Bun.hash.crc32(secret)), 6)
      const text = formatCredential(issued, bytes)
      expect(text).toBe(`cs_${issued}_${secret}${checksum}`)
      expect(parseIssuedCredential(text)).toEqual({ kind: issued })
    }),
  )
})

test.each([0, 31, 33])('%p random bytes make no credential', (count) => {
  expect(() => formatCredential('key', new Uint8Array(count))).toThrow(RangeError)
})

describe('not one of ours', () => {
  const rows = ['', 'cs', 'cs-', 'CS_key_', ` ${KEY}`, KEY.slice(1), 'ghp_x', 'eyJ.e30.x', 'csx_key_']
  test.each(rows)('%p', (text) => {
    expect(parseIssuedCredential(text)).toBeUndefined()
  })
})

describe('mistyped', () => {
  const rows: [what: string, text: string][] = [
    ['the prefix alone', 'cs_'],
    ['no secret', 'cs_key_'],
    ['an unknown kind', KEY.replace('key', 'kex')],
    ['a kind in upper case', KEY.replace('key', 'KEY')],
    ['a kind of an object', KEY.replace('key', 'constructor')],
    ['cut short', KEY.slice(0, -1)],
    ['one character more', `${KEY}0`],
    ['a space behind', `${KEY} `],
    ['a line end behind', `${KEY}\n`],
    ['twice', KEY + KEY],
    ['padded', `${KEY}=`],
    ['a wrong checksum', `${KEY.slice(0, -1)}${KEY.endsWith('0') ? '1' : '0'}`],
    ['a checksum above 32 bits', `${KEY.slice(0, -6)}zzzzzz`],
    ['outside the alphabet', `${KEY.slice(0, 10)}-${KEY.slice(11)}`],
    ['outside the alphabet, in the checksum', `${KEY.slice(0, -1)}_`],
    ['full-width', `${KEY.slice(0, 10)}Ａ${KEY.slice(11)}`],
    [
      'a character whose low byte is of the alphabet',
      `${KEY.slice(0, 10)}${String.fromCharCode(KEY.charCodeAt(10) + 256)}${KEY.slice(11)}`,
    ],
  ]
  test.each(rows)('%s', (_, text) => {
    expect(parseIssuedCredential(text)).toBe('mistyped')
  })
})

test('the checksum does not cover the kind: only the digest of the whole text tells that it was changed', () => {
  expect(parseIssuedCredential(KEY.replace('key', 'pat'))).toEqual({ kind: 'pat' })
})

test('one wrong character, or two neighbours exchanged, are always noticed', () => {
  const position = fc.nat({ max: 48 })
  fc.assert(
    fc.property(kind, random, position, fc.constantFrom(...ALPHABET), (issued, bytes, at, wrong) => {
      const text = formatCredential(issued, bytes)
      const i = text.length - 49 + at
      if (text[i] !== wrong) {
        expect(parseIssuedCredential(text.slice(0, i) + wrong + text.slice(i + 1))).toBe('mistyped')
      }
      const [first, second] = [text.charAt(i - 1), text.charAt(i)]
      if (at > 0 && first !== second) {
        expect(parseIssuedCredential(text.slice(0, i - 1) + second + first + text.slice(i + 1))).toBe('mistyped')
      }
    }),
    { numRuns: 1000 },
  )
})

test('parsing hands out shared values', () => {
  const other = formatCredential('key', new Uint8Array(32))
  expect(parseIssuedCredential(KEY)).toBe(parseIssuedCredential(other))
  expect(Object.isFrozen(parseIssuedCredential(KEY))).toBe(true)
})

test('a hint shows the prefix and the end of the checksum', () => {
  for (const issued of ISSUED_KINDS) {
    const text = formatCredential(issued, new Uint8Array(32).fill(7))
    expect(hintOf(text)).toBe(`cs_${issued}_…${text.slice(-4)}`)
  }
})

test.each(['', 'hunter2-hunter2', KEY.slice(0, -1), `${KEY.slice(0, -6)}zzzzzz`])('%p has no hint', (text) => {
  expect(() => hintOf(text)).toThrow(TypeError)
})
