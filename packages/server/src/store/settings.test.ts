import { expect, test } from 'bun:test'
import { keepFirstSetting, readSetting } from './settings.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('a setting', (at) => {
  test('is what the first one wrote, also of several at once', async () => {
    expect(await readSetting(at.reader, 'a')).toBeUndefined()
    const other = at.engine.name === 'SQLite' ? at.store : await at.openAgain()
    const kept = await Promise.all([
      keepFirstSetting(at.writer, 'a', '1'),
      keepFirstSetting(other.writer, 'a', '2'),
      keepFirstSetting(at.writer, 'a', '3'),
    ])
    const first = await readSetting(at.reader, 'a')
    expect([...new Set<string | undefined>(kept)]).toEqual([first])
    expect<string | undefined>(await keepFirstSetting(at.writer, 'a', '4')).toBe(first)
    expect(await readSetting(at.reader, 'b')).toBeUndefined()
  })
})
