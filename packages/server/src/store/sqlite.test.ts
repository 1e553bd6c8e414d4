// What SQLite alone has. What both engines have is tested by noun, beside this.
import { Database as SqliteFile } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readRevision } from './change-log.ts'
import { credentialFinder } from './credentials.ts'
import { openStore } from './open.ts'
import { change, type Db, HOST_ACTOR } from './store.ts'
import { acceptedOf, T0 } from './testing/rows.ts'
import { random } from './testing/suite.ts'

describe('SQLite', () => {
  const scratch = () => mkdtempSync(join(tmpdir(), 'countersign-store-'))

  test('has every pragma that a promise rests on, on both connections', async () => {
    const directory = scratch()
    const store = await openStore(directory, () => T0, random)
    const { sql } = await import('kysely')
    for (const db of [store.reader, store.writer]) {
      const pragma = async (name: string) =>
        Object.values((await sql.raw<object>(`pragma ${name}`).execute(db)).rows[0] ?? {})[0]
      expect(await pragma('journal_mode')).toBe('wal')
      expect(await pragma('synchronous')).toBe(2)
      expect(await pragma('foreign_keys')).toBe(1)
      expect(await pragma('busy_timeout')).toBe(0)
    }
    const writing = sql`insert into setting values ('a', 'b')`.execute(store.reader)
    await expect(writing).rejects.toThrow('readonly')
    await store.close()
    rmSync(directory, { recursive: true })
  })

  test('that another process writes to is waited for, and everything else goes on meanwhile', async () => {
    const directory = scratch()
    const store = await openStore(directory, () => T0, random)
    const other = new SqliteFile(join(directory, 'countersign.db'))
    other.run('begin immediate')
    const write = (db: Db = store.writer) =>
      db.insertInto('setting').values({ name: crypto.randomUUID(), value: 'waited' }).execute()
    const written = () => store.reader.selectFrom('setting').where('value', '=', 'waited').selectAll().execute()
    const before = await readRevision(store.reader)
    let turns = 0
    const turning = setInterval(() => turns++, 1)
    const patient = [write(), change(store, HOST_ACTOR, ({ db }) => write(db)), write()]
    while (turns < 50) await Bun.sleep(1)
    expect(await written()).toHaveLength(0)
    other.run('rollback')
    await Promise.all(patient)
    // What was given again was done once.
    expect([(await written()).length, await readRevision(store.reader)]).toEqual([3, before + 1])
    other.run('begin immediate')
    const waiting = [write(), store.writer.transaction().execute((db) => db.deleteFrom('setting').execute())]
    const refused = await Promise.all(waiting.map((one) => one.catch(({ code }) => code)))
    expect(refused).toEqual(['SQLITE_BUSY', 'SQLITE_BUSY'])
    expect(turns).toBeGreaterThan(100)
    expect(await written()).toHaveLength(3)
    other.run('rollback')
    await write()
    expect(await written()).toHaveLength(4)
    clearInterval(turning)
    other.close()
    await store.close()
    rmSync(directory, { recursive: true })
  })

  test('with a counter that holds no whole number is an error for whoever reads it', async () => {
    const store = await openStore(':memory:', () => T0, random)
    const accepted = await acceptedOf(['x', '1.5', '', '-1'], async (value) => {
      await store.writer
        .updateTable('revision')
        .set({ value: value as unknown as number })
        .execute()
      return [() => readRevision(store.reader), () => credentialFinder(store.reader)('digest of key_1')]
    })
    expect(accepted).toEqual([])
    await store.close()
  })
})
