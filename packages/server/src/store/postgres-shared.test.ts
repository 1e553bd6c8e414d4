// What nodes on one PostgreSQL hear of one another.
import { expect, onTestFinished, test } from 'bun:test'
import { until } from '../../../../test/support/wait.ts'
import { change } from './store.ts'
import { runSql } from './testing/postgres-databases.ts'
import { OPS, onPostgres } from './testing/suite.ts'

onPostgres('announcements', (at) => {
  /** What somebody who listens was woken with. */
  const listening = async () => {
    const heard: (number | undefined)[] = []
    const listener = at.store.shared?.listen((revision) => heard.push(revision))
    onTestFinished(() => listener?.stop())
    await until('the announcement', () => heard.length === 1)
    return heard
  }

  test('are heard once the change is committed, with its revision, and not before', async () => {
    const heard = await listening()
    expect(heard).toEqual([undefined])
    const other = await at.openAgain()
    await change(other, OPS, async ({ db }) => {
      await at.store.shared?.announce(at.writer, 99)
      await until('the announcement', () => heard.length === 2)
      await other.shared?.announce(db, 100)
    })
    await until('the announcement', () => heard.length === 4)
    expect(heard).toEqual([undefined, 99, 100, 1])
  })

  test('of a change that failed are never heard', async () => {
    const heard = await listening()
    const failing = change(at.store, OPS, async ({ db, revision }) => {
      await at.store.shared?.announce(db, revision)
      throw new Error('refused')
    })
    await expect(failing).rejects.toThrow('refused')
    await at.run(async () => undefined)
    await until('the announcement', () => heard.length === 2)
    expect(heard).toEqual([undefined, 1])
  })

  test('are heard again after the connection was lost, beginning with the word that some may have been missed', async () => {
    const heard = await listening()
    await runSql(
      at.place.databaseUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen countersign' and datname = current_database()`,
    )
    await until('the announcement', () => heard.length === 2)
    await at.run(async () => undefined)
    await until('the announcement', () => heard.length === 3)
    expect(heard).toEqual([undefined, undefined, 1])
  })

  test('that are no revision wake all the same', async () => {
    const heard = await listening()
    for (const text of ['x', '-1', '1.5', '9007199254740993', '']) {
      await runSql(at.place.databaseUrl, `select pg_notify('countersign', '${text}')`)
    }
    await until('the announcement', () => heard.length === 6)
    expect(heard).toEqual([undefined, undefined, undefined, undefined, undefined, undefined])
  })
})
