import { expect, test } from 'bun:test'
import { TokenBuckets } from './token-buckets.ts'

const BURST = 200
const REFILL_MS = 1000
const takenAtOnce = (buckets: TokenBuckets) => {
  let taken = 0
  for (; buckets.waitMs('one') === 0 && taken <= BURST; taken++) buckets.take('one')
  return taken
}

test('a burst is let through whole, and no more, at whatever fraction of a millisecond the clock stands', () => {
  for (let nowMs = 0.1; nowMs < 1_000_000; nowMs = nowMs * 1.1 + 0.37) {
    const buckets = new TokenBuckets(() => nowMs, { burst: BURST, refillMs: REFILL_MS, max: 2 })
    expect([nowMs, takenAtOnce(buckets), buckets.waitMs('one')]).toEqual([nowMs, BURST, REFILL_MS])
  }
})

test('an empty bucket refills one at a time, up to a burst, and others are not touched', () => {
  let nowMs = 81_234.567
  const buckets = new TokenBuckets(() => nowMs, { burst: BURST, refillMs: REFILL_MS, max: 2 })
  expect(takenAtOnce(buckets)).toBe(BURST)
  expect(buckets.waitMs('another')).toBe(0)
  nowMs += 3 * REFILL_MS
  expect(takenAtOnce(buckets)).toBe(3)
  nowMs += 10 * BURST * REFILL_MS
  expect(takenAtOnce(buckets)).toBe(BURST)
})
