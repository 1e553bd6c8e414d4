import { expect, test } from 'bun:test'
import { parseBefore, parseDuration, parseExpiry } from './duration.ts'
import { distance, duration, moment } from './moment.ts'
import { NOW } from './testing/test-terminal.ts'

test.each([
  ['90s', 90],
  ['15m', 900],
  ['1h30m', 5400],
  ['30d', 2_592_000],
  ['2w', 1_209_600],
  ['0s', 0],
  ['36500d', 3_153_600_000],
  ['36501d', undefined],
  ['999999999w', undefined],
  ['30', undefined],
  ['d', undefined],
  ['-1d', undefined],
  ['1.5h', undefined],
  ['1 h', undefined],
  ['1y', undefined],
  ['', undefined],
])('%j is %p seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds as number)
})

test('an expiry is a duration or a time with zone, never a bare number or nothing at all', () => {
  expect(parseExpiry('30d')).toEqual({ expires_in_seconds: 2_592_000 })
  expect(parseExpiry('2030-01-31T12:00:00Z')).toEqual({ expires_at: '2030-01-31T12:00:00Z' })
  for (const text of ['30', '0d', '2030-01-31', '2030-01-31T12:00:00', 'never']) {
    expect(() => parseExpiry(text)).toThrow('--expires: expected')
  }
})

test('an age is taken from now, and one beyond what a date can hold is no age', () => {
  expect(parseBefore('--created-before', '1d', NOW)).toBe(new Date(NOW.getTime() - 86_400_000).toISOString())
  expect(() => parseBefore('--created-before', '999999999w', NOW)).toThrow('--created-before: expected an age')
})

test.each([
  [1, '1 second'],
  [119, '119 seconds'],
  [120, '2 minutes'],
  [7200, '2 hours'],
  [172_800, '2 days'],
  [31_536_000, '365 days'],
  [94_608_000, '3 years'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text)
})

test('a moment is told in UTC, and how far away it is', () => {
  expect(moment('2030-01-30T12:00:00.000Z', NOW)).toBe('2030-01-30T12:00:00Z (in 29 days)')
  expect(moment('2030-01-01T11:57:00.000Z', NOW)).toBe('2030-01-01T11:57:00Z (3 minutes ago)')
  expect(distance(NOW, NOW)).toBe('now')
})
