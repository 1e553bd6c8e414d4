// What SQLite alone has. What both engines have is tested by noun, beside this.
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readRevision } from './change-log.ts'
import { credentialFinder } from './credentials.ts'
import { openStore } from './open.ts'
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
      expect(await pragma('busy_timeout')).toBeGreaterThanOrEqual(1000)
    }
    const writing = sql`insert into setting values ('a', 'b')`.execute(store.reader)
    await expect(writing).rejects.toThrow('readonly')
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
