import { expect, test } from 'bun:test'
import { BUCKETS_MS, Durations } from './durations.ts'
import { FewNames, NONE, OTHER } from './few-names.ts'
import { Tally } from './tally.ts'

test('the first names are kept as they are, and later ones share one', () => {
  const names = new FewNames(2)
  expect(['a', 'b', 'c', 'd', 'a', undefined].map((name) => names.of(name))).toEqual([
    'a',
    'b',
    OTHER,
    OTHER,
    'a',
    NONE,
  ])
})

test('a tally has a row for each combination that came, and for those that are expected', () => {
  const tally = new Tally()
  tally.expect('ok')
  tally.expect('failed')
  tally.add('ok')
  tally.add('ok')
  tally.expect('ok')
  expect([...tally.rows()]).toEqual([
    [['ok'], 2],
    [['failed'], 0],
  ])
})

test('a duration counts in its own bucket and in all longer ones, at the bound too', () => {
  const durations = new Durations()
  for (const ms of [0, 0.01, 0.02, 5000, 5001]) durations.add(ms)
  const counts = durations.cumulative()
  expect(counts).toHaveLength(BUCKETS_MS.length + 1)
  expect([counts[0], counts[1], counts.at(-2), counts.at(-1)]).toEqual([2, 3, 4, 5])
  expect(durations.sumMs).toBeCloseTo(10_001.03)
})
