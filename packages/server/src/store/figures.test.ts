// What whoever is on call is told of a database.
import { expect, test } from 'bun:test'
import { sql } from 'kysely'
import { readDatabaseClock } from './database-clock.ts'
import { openStore } from './open.ts'
import { onEveryEngine, random } from './testing/suite.ts'

onEveryEngine('a database', (at) => {
  const isShared = at.engine.name !== 'SQLite'

  test('has a clock of its own when several servers share it', async () => {
    const before = Date.now()
    const there = await readDatabaseClock(at.store)
    if (!isShared) return expect(there).toBeUndefined()
    // On this machine it is the same one; rounded by PostgreSQL.
    expect(there).toBeGreaterThanOrEqual(before - 1)
    expect(there).toBeLessThanOrEqual(Date.now() + 1)
  })

  test('says how its connections are used, where it has several', async () => {
    if (!isShared) return expect(at.store.connections()).toEqual([])
    expect(at.store.connections().map(({ pool }) => pool)).toEqual(['reader', 'writer', 'revision'])
    const reader = () => at.store.connections().find(({ pool }) => pool === 'reader')
    await at.reader.connection().execute(async (db) => {
      await sql`select 1`.execute(db)
      expect(reader()).toMatchObject({ used: 1, waiting: 0 })
    })
    expect(reader()).toMatchObject({ used: 0, waiting: 0 })
  })

  test('tells of each statement that fails, and of none that does not', async () => {
    const told: unknown[] = []
    const { dataDir, databaseUrl } = at.place
    const store = await openStore(
      dataDir,
      () => at.now,
      random,
      databaseUrl,
      (error) => told.push(error),
    )
    await store.reader.selectFrom('setting').selectAll().execute()
    expect(told).toEqual([])
    await expect(sql`select * from no_such_table`.execute(store.reader)).rejects.toThrow()
    await expect(sql`insert into setting (key) values (null)`.execute(store.writer)).rejects.toThrow()
    expect(told).toHaveLength(2)
    await store.close()
  })
})
