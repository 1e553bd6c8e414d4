import { expect, test } from 'bun:test'
import { makeLog } from '../logging.ts'
import { ClockSkew } from './clock-skew.ts'

const START = Date.parse('2030-01-01T00:00:00Z')

/** A node whose clock, trips to the database and database the test sets. */
function setUp() {
  const lines: string[] = []
  const world = { hereMs: START, thereMs: START as number | undefined, tripMs: 0, monotonicMs: 0 }
  const skew = new ClockSkew(
    { clock: () => new Date(world.hereMs), monotonicMs: () => world.monotonicMs },
    makeLog('info', { write: (line) => lines.push(line) }),
    async () => {
      world.monotonicMs += world.tripMs
      return world.thereMs
    },
  )
  return { skew, world, lines }
}

test('a clock that is too far off is told once, and once more when it is right again', async () => {
  const { skew, world, lines } = setUp()
  await skew.measure()
  expect([skew.seconds, skew.isTooFar, lines.length]).toEqual([0, false, 0])
  world.hereMs = START + 31_000
  await skew.measure()
  await skew.measure()
  expect([skew.seconds, skew.isTooFar]).toEqual([31, true])
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', skew_seconds: 31 }])
  world.hereMs = START - 29_000
  await skew.measure()
  expect([skew.seconds, skew.isTooFar, lines.length]).toEqual([-29, false, 2])
  world.hereMs = START - 31_000
  await skew.measure()
  expect([skew.seconds, skew.isTooFar]).toEqual([-31, true])
})

test('the way to the database and back is taken off by half, and one that is too long says nothing', async () => {
  const { skew, world } = setUp()
  world.tripMs = 1000
  world.thereMs = START + 500
  await skew.measure()
  expect(skew.seconds).toBe(0)
  world.tripMs = 2001
  world.thereMs = START + 3_600_000
  await skew.measure()
  expect([skew.seconds, skew.isTooFar]).toEqual([0, false])
})

test('a database on this machine has no other clock', async () => {
  const { skew, world } = setUp()
  world.thereMs = undefined
  await skew.measure()
  expect([skew.seconds, skew.isTooFar]).toEqual([undefined, false])
})
