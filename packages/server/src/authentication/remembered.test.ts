import { expect, test } from 'bun:test'
import { Remembered } from './remembered.ts'

test('each key has its own value, the one that was set last, however the keys take turns', () => {
  const remembered = new Remembered<object, string>()
  const keys = [{}, {}, {}] as const
  expect(remembered.get(keys[0])).toBeUndefined()
  for (const round of ['first', 'second']) {
    for (const [at, key] of keys.entries()) remembered.set(key, `${round} of ${at}`)
    expect(keys.map((key) => remembered.get(key))).toEqual([`${round} of 0`, `${round} of 1`, `${round} of 2`])
  }
  remembered.set(keys[2], 'third')
  remembered.set(keys[0], 'fourth')
  expect(keys.map((key) => remembered.get(key))).toEqual(['fourth', 'second of 1', 'third'])
  expect(remembered.get({})).toBeUndefined()
})
