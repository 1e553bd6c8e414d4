// How often somebody may fail: counted by a clock that the test moves.
import { describe, expect, test } from 'bun:test'
import { parseAddress } from '@countersign/resource-server'
import { attemptOf, BURST, FailureThrottle, REFILL_MS } from './throttle.ts'

const clock = { ms: 1_000_000.5 }
const make = (max?: number) => new FailureThrottle(() => clock.ms, max)
const from = (address: string, client = 'canister') => attemptOf(parseAddress(address), client)
const fail = (throttle: FailureThrottle, attempt: ReturnType<typeof from>, times: number) => {
  for (let at = 0; at < times; at++) throttle.noteFailure(attempt)
}

describe('a source', () => {
  test('may fail as often as the burst says, and then once in a while', () => {
    const throttle = make()
    fail(throttle, from('192.0.2.1'), BURST - 1)
    expect(throttle.waitMs(from('192.0.2.1'))).toBe(0)
    fail(throttle, from('192.0.2.1'), 1)
    expect(throttle.waitMs(from('192.0.2.1'))).toBe(REFILL_MS)
    clock.ms += REFILL_MS - 1
    expect(throttle.waitMs(from('192.0.2.1'))).toBe(1)
    clock.ms += 1
    expect(throttle.waitMs(from('192.0.2.1'))).toBe(0)
    fail(throttle, from('192.0.2.1'), 1)
    expect(throttle.waitMs(from('192.0.2.1'))).toBe(REFILL_MS)
  })

  test('that has failed more often, all at once, waits for what it said, and for no longer than two bursts', () => {
    const throttle = make()
    fail(throttle, from('192.0.2.1'), 100 * BURST)
    const waitMs = throttle.waitMs(from('192.0.2.1'))
    expect(waitMs).toBe((BURST + 1) * REFILL_MS)
    clock.ms += waitMs
    expect(throttle.waitMs(from('192.0.2.1'))).toBe(0)
  })

  test('is one IPv4 address, however it is written', () => {
    const throttle = make()
    fail(throttle, from('192.0.2.1'), BURST)
    expect(throttle.waitMs(from('::ffff:192.0.2.1'))).toBe(REFILL_MS)
    expect(throttle.waitMs(from('192.0.2.2'))).toBe(0)
  })

  test('is the /64 of an IPv6 address, and not its neighbour', () => {
    const throttle = make()
    for (let at = 0; at < BURST; at++) throttle.noteFailure(from(`2001:db8:0:1::${at.toString(16)}`))
    expect(throttle.waitMs(from('2001:db8:0:1:ffff:ffff:ffff:ffff'))).toBe(REFILL_MS)
    expect(throttle.waitMs(from('2001:db8:0:2::1'))).toBe(0)
    expect(throttle.waitMs(from('2001:db8:1:1::1'))).toBe(0)
  })

  test('that is not known is one source with all others that are not', () => {
    const throttle = make()
    fail(throttle, attemptOf(undefined, 'canister'), BURST)
    expect(throttle.waitMs(attemptOf(undefined, 'other'))).toBe(REFILL_MS)
    expect(throttle.waitMs(from('192.0.2.1'))).toBe(0)
  })
})

describe('a client', () => {
  test('that many sources name is told of, once it has been named as often as the burst says', () => {
    const throttle = make()
    const told = Array.from({ length: BURST + 2 }, (_, at) => throttle.noteFailure(from(`192.0.2.${at}`)))
    expect(told).toEqual([...new Array<number>(BURST).fill(0), REFILL_MS, REFILL_MS])
    expect(throttle.noteFailure(from('192.0.2.100', 'other'))).toBe(0)
    clock.ms += REFILL_MS
    expect(throttle.noteFailure(from('192.0.2.101'))).toBe(0)
  })

  test('that can be none is counted with all others that can be none', () => {
    const throttle = make()
    const odd = (at: number) => attemptOf(parseAddress(`192.0.2.${at}`), at % 2 === 0 ? `NOBODY ${at}` : undefined)
    for (let at = 0; at < BURST; at++) expect(throttle.noteFailure(odd(at))).toBe(0)
    expect(throttle.noteFailure(odd(BURST))).toBe(REFILL_MS)
    expect(throttle.size).toBe(BURST + 2)
  })
})

test('memory is bounded: who failed longest ago is forgotten, and who goes on failing is not', () => {
  const throttle = make(100)
  fail(throttle, from('192.0.2.1'), BURST)
  for (let at = 0; at < 10_000; at++) {
    const stranger = attemptOf({ family: 4, words: [0, 0, 0, at] }, `nobody-${at}`)
    throttle.noteFailure(stranger)
    throttle.noteProven(stranger)
    if (at % 50 === 0) fail(throttle, from('192.0.2.1'), 1)
  }
  expect(throttle.size).toBe(300)
  expect(throttle.waitMs(from('192.0.2.1'))).toBeGreaterThan(0)
})

test('whom a source has shown a key of is remembered for that source and that client alone', () => {
  const throttle = make()
  throttle.noteProven(from('192.0.2.1'))
  expect(throttle.wasProven(from('192.0.2.1'))).toBe(true)
  expect(throttle.wasProven(from('192.0.2.2'))).toBe(false)
  expect(throttle.wasProven(from('192.0.2.1', 'other'))).toBe(false)
})
