import { expect, test } from 'bun:test'
import { listChangesAfter, readLogStart, readRevision, trimChangeLog } from './change-log.ts'
import { later } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('the change log', (at) => {
  test('tells what came after a revision, in order', async () => {
    for (const id of ['a', 'b', 'c']) await at.run((running) => running.record('group.create', 'group', id))
    expect((await listChangesAfter(at.reader, 1)).map(({ id }) => id)).toEqual(['b', 'c'])
    expect(await listChangesAfter(at.reader, 3)).toEqual([])
  })

  test('is kept for a day', async () => {
    await at.run((running) => running.record('group.create', 'group', 'old'))
    at.now = later(86_400)
    await at.run((running) => running.record('group.create', 'group', 'new'))
    await trimChangeLog(at.store)
    expect(await readLogStart(at.reader)).toBe(1)
    at.now = later(86_401)
    await trimChangeLog(at.store)
    expect(await readLogStart(at.reader)).toBe(2)
  })

  test('can be trimmed to nothing; the counter and the audit events stay', async () => {
    await at.run((running) => running.record('group.create', 'group', 'old'))
    at.now = later(90_000)
    await trimChangeLog(at.store)
    expect(await readLogStart(at.reader)).toBeUndefined()
    expect(await readRevision(at.reader)).toBe(1)
    expect(await at.events()).toHaveLength(1)
  })
})
