import { describe, expect, test } from 'bun:test'
import { UnknownDigests } from './unknown-digests.ts'

function setUp(max = 100) {
  const time = { nowMs: 10_000 }
  const unknown = new UnknownDigests(() => time.nowMs, max)
  return { time, unknown }
}

describe('a digest that was not found', () => {
  test('is believed unknown right after', () => {
    const { unknown } = setUp()
    expect(unknown.has('a')).toBe(false)
    unknown.add('a')
    expect(unknown.has('a')).toBe(true)
    expect(unknown.has('b')).toBe(false)
  })

  test('is still believed unknown half a second later', () => {
    const { time, unknown } = setUp()
    unknown.add('a')
    time.nowMs += 499
    expect(unknown.has('a')).toBe(true)
  })

  // Whatever is asked meanwhile, at whatever moments: the belief must not be renewed by being used.
  const askedAtMs: number[][] = [
    [],
    [500],
    [999],
    [499, 998],
    [500, 999],
    [250, 750],
    [100, 600, 999],
    Array.from({ length: 999 }, (_, at) => at),
  ]
  test.each(askedAtMs)('is asked for again after a second (asked at %p)', (...moments) => {
    const { time, unknown } = setUp()
    const addedAtMs = time.nowMs
    unknown.add('a')
    for (const moment of moments) {
      time.nowMs = addedAtMs + moment
      unknown.has('a')
    }
    const isBelieved = (ageMs: number) => {
      time.nowMs = addedAtMs + ageMs
      return unknown.has('a')
    }
    const believed = Array.from({ length: 1500 }, (_, late) => 1000 + late).filter(isBelieved)
    expect(believed.slice(0, 3)).toEqual([])
  })

  test('is asked for again after a second, whenever it was added', () => {
    const believedTooLong: number[] = []
    for (let addedAt = 0; addedAt < 1000; addedAt += 37) {
      const { time, unknown } = setUp()
      unknown.has('another')
      time.nowMs += addedAt
      unknown.add('a')
      time.nowMs += 999
      unknown.has('a')
      time.nowMs += 1
      if (unknown.has('a')) believedTooLong.push(addedAt)
    }
    expect(believedTooLong).toEqual([])
  })

  test('is forgotten with all others when a credential changes', () => {
    const { time, unknown } = setUp()
    unknown.add('old')
    time.nowMs += 600
    unknown.add('young')
    unknown.clear()
    expect([unknown.has('old'), unknown.has('young')]).toEqual([false, false])
  })
})

test('a flood of strangers takes the room that there is and no more; the newest are believed', () => {
  const { time, unknown } = setUp(10)
  const believed = () => Array.from({ length: 100 }, (_, n) => n).filter((n) => unknown.has(`d${n}`))
  for (let n = 0; n < 50; n++) unknown.add(`d${n}`)
  expect(believed()).toEqual([40, 41, 42, 43, 44, 45, 46, 47, 48, 49])
  time.nowMs += 500
  unknown.add('d45')
  for (let n = 50; n < 58; n++) unknown.add(`d${n}`)
  expect(believed()).toEqual([45, 49, 50, 51, 52, 53, 54, 55, 56, 57])
  time.nowMs += 500
  expect(believed()).toEqual([45, 50, 51, 52, 53, 54, 55, 56, 57])
})
