import { describe, expect, test } from 'bun:test'
import { type Seal, sealWith } from './seal.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const kek = new Uint8Array(32).fill(7)
const plain = new TextEncoder().encode('a private key')
const purpose = 'signing-key:one'

describe('what was sealed', () => {
  const seal = sealWith(kek, random)
  const sealed = seal.seal(plain, purpose)
  const bytes = Buffer.from(sealed.slice('v1.'.length), 'base64url')
  const altered = (at: number) => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 1
    return `v1.${copy.toString('base64url')}`
  }

  test('opens under the same key for the same purpose', () => {
    expect(seal.open(sealed, purpose)).toEqual(Buffer.from(plain))
    expect(sealWith(kek, random).open(sealed, purpose)).toEqual(Buffer.from(plain))
  })

  test('does not show what is in it', () => {
    expect(bytes.includes(Buffer.from(plain))).toBe(false)
  })

  test('is another text each time', () => {
    expect(seal.seal(plain, purpose)).not.toBe(sealed)
  })

  const refused: [claim: string, seal: Seal, sealed: string, purpose: string][] = [
    ['under another key', sealWith(new Uint8Array(32).fill(8), random), sealed, purpose],
    ['for another purpose', seal, sealed, 'signing-key:two'],
    ['for no purpose', seal, sealed, ''],
    ['with another nonce', seal, altered(0), purpose],
    ['with another first byte', seal, altered(12), purpose],
    ['with another tag', seal, altered(bytes.length - 1), purpose],
    ['cut at the end', seal, `v1.${bytes.subarray(0, -1).toString('base64url')}`, purpose],
    ['cut at the start', seal, `v1.${bytes.subarray(1).toString('base64url')}`, purpose],
    ['lengthened', seal, `v1.${Buffer.concat([bytes, Buffer.of(0)]).toString('base64url')}`, purpose],
    ['without its version', seal, sealed.slice('v1.'.length), purpose],
    ['of another version', seal, sealed.replace('v1.', 'v2.'), purpose],
    ['too short to hold anything', seal, `v1.${bytes.subarray(0, 27).toString('base64url')}`, purpose],
    ['empty', seal, '', purpose],
  ]
  test.each(refused)('%s does not open', (_, opener, text, askedFor) => {
    expect(opener.open(text, askedFor)).toBeUndefined()
  })

  test('every single byte counts', () => {
    const opened = [...bytes.keys()].filter((at) => seal.open(altered(at), purpose) !== undefined)
    expect(opened).toEqual([])
  })

  test('nothing at all can be sealed and opened', () => {
    expect(seal.open(seal.seal(new Uint8Array(0), purpose), purpose)).toEqual(Buffer.alloc(0))
  })
})

test.each([0, 16, 31, 33])('a key of %d bytes is refused', (length) => {
  expect(() => sealWith(new Uint8Array(length), random)).toThrow('32 bytes')
})
