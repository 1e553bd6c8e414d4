import { expect, test } from 'bun:test'
import { readSetting, writeSetting } from './settings.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('a setting', (at) => {
  test('is replaced by the next one of its name', async () => {
    await writeSetting(at.writer, 'a', '1')
    await writeSetting(at.writer, 'a', '2')
    expect([await readSetting(at.reader, 'a'), await readSetting(at.reader, 'b')]).toEqual(['2', undefined])
  })
})
