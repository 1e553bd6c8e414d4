// Every vector against the functions of the library, without a server.
import { describe, expect, test } from 'bun:test'
import { formatCredential } from '@countersign/resource-server'
import { askLibrary, untrimmedHeaders, webHeaders } from './library.ts'
import { VECTORS } from './vectors/all.ts'
import type { Wallet } from './vectors/vector.ts'

const minted = (seed: number) => formatCredential('key', new Uint8Array(32).fill(seed))
const WALLET: Wallet = {
  key: minted(1),
  other: minted(2),
  reader: minted(3),
  confined: minted(4),
  forgeOnly: minted(5),
}

describe('the library', () => {
  for (const { name, lines, ...vector } of VECTORS) {
    test(name, () => {
      const sent = lines?.(WALLET) ?? []
      const expected = vector.expected === 'OK' ? 'OK' : vector.expected[1]
      expect(askLibrary({ name, ...vector }, webHeaders(sent), WALLET)).toBe(expected)
      expect(askLibrary({ name, ...vector }, untrimmedHeaders(sent), WALLET)).toBe(expected)
    })
  }
})
