import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { clientAddress } from './forwarded-for.ts'
import { type Address, contains, formatAddress, type Network, parseNetwork } from './networks.ts'

const PROXIES = ['10.0.0.0/8', 'fd00::/8'].map(parseNetwork) as Network[]
const isTrusted = (address: Address) => contains(PROXIES, address)

describe('the client behind trusted proxies 10.0.0.0/8 and fd00::/8', () => {
  const rows: [value: string | null, client: string | undefined][] = [
    [null, undefined],
    ['', undefined],
    [' ', undefined],
    [',', undefined],
    ['203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, 10.0.0.1', '203.0.113.9'],
    ['203.0.113.9,10.0.0.1,10.0.0.2', '203.0.113.9'],
    ['203.0.113.9 \t,\t 10.0.0.1 ', '203.0.113.9'],
    ['198.51.100.7, 203.0.113.9', '203.0.113.9'], // what the client claims is left of it
    ['10.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, fd00::1', '203.0.113.9'],
    ['203.0.113.9, ::ffff:10.0.0.1', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['10.0.0.3, 10.0.0.2, 10.0.0.1', '10.0.0.3'],
    ['203.0.113.9:4711', '203.0.113.9'],
    ['203.0.113.9:59080', '203.0.113.9'],
    ['203.0.113.9, 10.0.0.1:4711', '203.0.113.9'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['203.0.113.9, [fd00::1]:4711', '203.0.113.9'],
    ['unknown, 203.0.113.9', '203.0.113.9'],
    [', 203.0.113.9', '203.0.113.9'],
    ['garbage " \u0000, 203.0.113.9, 10.0.0.1', '203.0.113.9'],
    ['unknown', undefined],
    ['unknown, 10.0.0.1', undefined],
    ['203.0.113.9, unknown', undefined],
    ['203.0.113.9, unknown, 10.0.0.1', undefined],
    ['203.0.113.9,', undefined],
    ['203.0.113.9,,10.0.0.1', undefined],
    [', 10.0.0.1', undefined],
    ['203.0.113.9 10.0.0.1', undefined],
    ['203.0.113.9;10.0.0.1', undefined],
    ['203.0.113.9:', undefined],
    ['203.0.113.9:x', undefined],
    ['203.0.113.9:471100', undefined],
    ['203.0.113.9:1:2', undefined],
    ['[203.0.113.9]:80', undefined],
    ['[2001:db8::1', undefined],
    ['[2001:db8::1]4711', undefined],
    ['[2001:db8::1]:', undefined],
    ['[]', undefined],
    ['fe80::1%eth0', undefined],
    ['"203.0.113.9"', undefined],
    ['for=203.0.113.9', undefined],
    ['203.0.113.9\u00a0', undefined],
  ]
  test.each(rows)('%j: %p', (value, client) => {
    const address = clientAddress(value, isTrusted)
    expect(address && formatAddress(address)).toBe(client)
  })
})

test('what a client puts in front never changes the answer', () => {
  fc.assert(
    fc.property(fc.string(), (claimed) => {
      const address = clientAddress(`${claimed},203.0.113.9, 10.0.0.1`, isTrusted)
      expect(address && formatAddress(address)).toBe('203.0.113.9')
    }),
  )
})

test('entries left of the answer are not looked at', () => {
  let asked = 0
  const client = clientAddress(`${'10.0.0.9, '.repeat(5000)}203.0.113.9, 10.0.0.1`, (address) => {
    asked++
    return isTrusted(address)
  })
  expect(client && formatAddress(client)).toBe('203.0.113.9')
  expect(asked).toBe(2)
})
