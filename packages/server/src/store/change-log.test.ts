import { expect, test } from 'bun:test'
import {
  listChangesAfter,
  readLogEnd,
  readLoggedStamp,
  readPosition,
  readRevision,
  trimChangeLog,
} from './change-log.ts'
import { later } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('the change log', (at) => {
  test('tells what came after a revision, in order', async () => {
    for (const id of ['a', 'b', 'c']) await at.run((running) => running.record('group.create', 'group', id))
    expect((await listChangesAfter(at.reader, 1)).map(({ id }) => id)).toEqual(['b', 'c'])
    expect(await listChangesAfter(at.reader, 3)).toEqual([])
  })

  const kept = async () => (await listChangesAfter(at.reader, 0)).map(({ id }) => id)

  test('is kept for a day, and of what is older the newest row, from which one can go on', async () => {
    for (const id of ['older', 'old']) await at.run((running) => running.record('group.create', 'group', id))
    at.now = later(86_400)
    await at.run((running) => running.record('group.create', 'group', 'new'))
    await trimChangeLog(at.store)
    expect(await kept()).toEqual(['older', 'old', 'new'])
    at.now = later(86_401)
    await trimChangeLog(at.store)
    expect(await kept()).toEqual(['old', 'new'])
    at.now = later(200_000)
    await trimChangeLog(at.store)
    expect(await kept()).toEqual(['new'])
    expect(await readRevision(at.reader)).toBe(3)
    expect(await at.events()).toHaveLength(3)
  })

  test('and the counter have one stamp, which no other revision has', async () => {
    const stamps: string[] = []
    for (const id of ['a', 'b']) {
      await at.run((running) => running.record('group.create', 'group', id))
      const { revision, stamp } = await readPosition(at.reader)
      expect(await readLogEnd(at.reader)).toEqual({ revision, stamp })
      expect(await readLoggedStamp(at.reader, revision)).toBe(stamp)
      stamps.push(stamp)
    }
    expect(new Set(stamps).size).toBe(2)
    expect(stamps.every((stamp) => stamp.length === 12)).toBe(true)
    expect(await readLoggedStamp(at.reader, 3)).toBeUndefined()
  })
})
