import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Address, contains, formatAddress, type Network, parseAddress, parseNetwork } from './networks.ts'

function address(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new Error(`not an address: ${text}`)
  return parsed
}

function network(text: string): Network {
  const parsed = parseNetwork(text)
  if (parsed === undefined) throw new Error(`not a network: ${text}`)
  return parsed
}

describe('an address has one canonical text', () => {
  const rows: [written: string, canonical: string][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8::00ff', '2001:db8::ff'],
    ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // one zero group is not compressed
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'], // of equal runs the first
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:0a00:0001', '10.0.0.1'],
    ['0:0:0:0:0:ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8::ffff:10.0.0.1', '2001:db8::ffff:a00:1'],
    ['0:0:1::ffff:10.0.0.1', '::1:0:0:ffff:a00:1'],
    ['::10.0.0.1', '::a00:1'], // "compatible", not mapped: another address
  ]
  test.each(rows)('%p is %p', (written, canonical) => {
    expect(formatAddress(address(written))).toBe(canonical)
    expect(parseAddress(canonical)).toEqual(address(written))
  })
})

describe('not an address', () => {
  const rows = [
    '',
    ' ',
    'localhost',
    '10.0.0',
    '10.0.0.1.2',
    '10.0.0.',
    '.10.0.0',
    '10..0.1',
    '10.0.0.256',
    '10.0.0.01',
    '10.0.0.00',
    '10.0.0.1000',
    '010.0.0.1',
    '0x0a.0.0.1',
    '10.1',
    '167772161',
    '10.0.0.1:80',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.0.0.1/32',
    '-1.0.0.0',
    '١٠.0.0.1',
    ':',
    ':::',
    ':1',
    '1:',
    '1::2::3',
    '1:::2',
    '::1:',
    ':1::',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8::',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1.2.3',
    '::1.2.3.4:5',
    '::1.2.3.04',
    '::1.2.3.:',
    '::ffff:a.0.0.1',
    '[::1]',
    'fe80::1%eth0',
    'fe80::1%25eth0',
  ]
  test.each(rows)('%p', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })
})

describe('not a network', () => {
  const rows = [
    '',
    '/',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/+8',
    '10.0.0.0/8 ',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.1/8',
    '10.0.0.1/31',
    '128.0.0.0/0',
    '2001:db8::1/64',
    '2001:db8::/129',
    '8000::/0',
    '::ffff:10.0.0.0/95',
    '::ffff:10.0.0.0/8',
    '*',
  ]
  test.each(rows)('%p', (text) => {
    expect(parseNetwork(text)).toBeUndefined()
  })
})

describe('what a network holds', () => {
  const rows: [networks: string[], address: string, holds: boolean][] = [
    [[], '10.0.0.1', false],
    [['10.0.0.0/8'], '10.255.255.255', true],
    [['10.0.0.0/8'], '11.0.0.0', false],
    [['10.0.0.0/8', '11.0.0.0/8'], '11.0.0.0', true],
    [['192.168.4.0/22'], '192.168.7.255', true],
    [['192.168.4.0/22'], '192.168.8.0', false],
    [['10.0.0.1'], '10.0.0.1', true],
    [['10.0.0.1'], '10.0.0.2', false],
    [['128.0.0.0/1'], '255.0.0.1', true],
    [['128.0.0.0/1'], '127.0.0.1', false],
    [['0.0.0.0/0'], '203.0.113.9', true],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
    [['::ffff:10.0.0.0/104'], '10.1.2.3', true],
    [['::ffff:10.0.0.0/104'], '11.1.2.3', false],
    [['::ffff:0:0/96'], '11.1.2.3', true],
    [['2001:db8::/32'], '2001:db8:ffff::1', true],
    [['2001:db8::/32'], '2001:db9::', false],
    [['2001:db8:0:4::/62'], '2001:db8:0:7:ffff::', true],
    [['2001:db8:0:4::/62'], '2001:db8:0:8::', false],
    [['2001:db8:0:0:8000::/65'], '2001:db8:0:0:ffff::1', true],
    [['2001:db8:0:0:8000::/65'], '2001:db8::1', false],
    [['fe80::/10'], 'febf::1', true],
    [['::1'], '::1', true],
    [['::1'], '::2', false],
    [['::1'], '0.0.0.1', false],
    [['::/0'], '2001:db8::1', true],
    [['::/0'], '203.0.113.9', false],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['0.0.0.0/0'], '::', false],
  ]
  test.each(rows)('%p, %p: %p', (networks, member, holds) => {
    expect(contains(networks.map(network), address(member))).toBe(holds)
  })
})

const words = fc.tuple(...[0, 1, 2, 3].map(() => fc.oneof(fc.constant(0), fc.nat(0xffffffff)))) as fc.Arbitrary<
  [number, number, number, number]
>

test('an address survives being written and read', () => {
  fc.assert(
    fc.property(words, (written) => {
      const [, , , last] = written
      fc.pre(!(written[0] === 0 && written[1] === 0 && written[2] === 0xffff))
      const v6: Address = { family: 6, words: written }
      const v4: Address = { family: 4, words: [0, 0, 0, last] }
      expect(parseAddress(formatAddress(v6))).toEqual(v6)
      expect(parseAddress(formatAddress(v4))).toEqual(v4)
    }),
  )
})

test('a network holds its addresses, and loses one whose last prefix bit is flipped', () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.integer({ min: 1, max: 32 }), (bits, prefixLength) => {
      const base = prefixLength === 32 ? bits : Math.floor(bits / 2 ** (32 - prefixLength)) * 2 ** (32 - prefixLength)
      const within = network(`${formatAddress({ family: 4, words: [0, 0, 0, base] })}/${prefixLength}`)
      expect(contains([within], { family: 4, words: [0, 0, 0, bits] })).toBe(true)
      const outside = (bits ^ (1 << (32 - prefixLength))) >>> 0
      expect(contains([within], { family: 4, words: [0, 0, 0, outside] })).toBe(false)
    }),
  )
})

test('no text makes the parser throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcdef.:/%[]') }), (text) => {
      const parsed = parseAddress(text)
      if (parsed !== undefined) expect(parseAddress(formatAddress(parsed))).toEqual(parsed)
      parseNetwork(text)
    }),
  )
})
