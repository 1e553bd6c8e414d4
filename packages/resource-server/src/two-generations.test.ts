import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { TwoGenerations } from './two-generations.ts'

test('never more than twice its size is kept, and the latest always', () => {
  const turns = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.boolean()), { maxLength: 400 })
  fc.assert(
    fc.property(turns, (all) => {
      const kept = new TwoGenerations<number>(5)
      for (const [key, isLookedAt] of all) {
        if (isLookedAt) {
          const value = kept.get(`${key}`)
          if (value !== undefined && value !== key) return false
        } else {
          kept.set(`${key}`, key)
          if (kept.get(`${key}`) !== key) return false
        }
      }
      return kept.size <= 10
    }),
  )
})

test('what is looked at stays while others come and go', () => {
  const kept = new TwoGenerations<string>(4)
  kept.set('good', 'yes')
  for (let at = 0; at < 100; at++) {
    kept.set(`flood-${at}`, 'no')
    expect(kept.get('good')).toBe('yes')
  }
  expect(kept.get('flood-0')).toBeUndefined()
})

test('what is deleted is gone from both', () => {
  const kept = new TwoGenerations<string>(1)
  kept.set('a', 'old')
  kept.set('b', 'young')
  kept.get('a')
  kept.delete('a')
  expect(kept.get('a')).toBeUndefined()
})
