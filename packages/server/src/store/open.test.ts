import { expect, test } from 'bun:test'
import { sql } from 'kysely'
import { readLogEnd, readRevision } from './change-log.ts'
import { findClient, insertClient, listClientIds } from './clients.ts'
import { openStore } from './open.ts'
import { runBeside } from './testing/beside.ts'
import { clientWrite, T0 } from './testing/rows.ts'
import { onEveryEngine, random } from './testing/suite.ts'

onEveryEngine(
  'a fresh store',
  (at) => {
    test('is at revision 0, with the two built-in clients and nothing in the log', async () => {
      expect(await readRevision(at.reader)).toBe(0)
      expect(await listClientIds(at.reader, { after: undefined, limit: 10 })).toEqual([
        'bootstrap',
        'countersign-admin',
      ])
      expect(await readLogEnd(at.reader)).toBeUndefined()
      expect(at.store.applied).not.toEqual([])
    })

    test('is migrated once: opened again it has nothing left to apply, and keeps what it has', async () => {
      await at.run((running) => insertClient(running, clientWrite('canister'), null))
      const again = await at.openAgain()
      expect(again.applied).toEqual([])
      expect((await findClient(again.reader, 'canister'))?.id).toBe('canister')
    })

    test('is migrated once by several processes that start at once', async () => {
      const place = await at.engine.makeEmptyPlace()
      const ended = await Promise.all([1, 2, 3, 4].map(() => runBeside(place, 'console.log(store.applied.length > 0)')))
      expect(ended.map(({ exitCode, err }) => ({ exitCode, err }))).toEqual(ended.map(() => ({ exitCode: 0, err: '' })))
      expect(ended.filter(({ out }) => out === 'true\n')).toHaveLength(1)
      await place.remove()
    })

    test('is migrated in one piece: what fails in the middle leaves nothing, and the next start works', async () => {
      const place = await at.engine.makeEmptyPlace()
      const open = () => openStore(place.dataDir, () => T0, random, place.databaseUrl)
      const started = await open()
      const tables = async () => {
        const all = await started.writer.introspection.getTables({ withInternalKyselyTables: true })
        return all.map(({ name }) => name).sort()
      }
      const all = await tables()
      const cascade = sql.raw(at.engine.name === 'SQLite' ? '' : 'cascade')
      for (const name of all) await sql`drop table ${sql.table(name)} ${cascade}`.execute(started.writer)
      await sql`create table setting (x text)`.execute(started.writer)
      await expect(open()).rejects.toThrow('setting')
      expect(await tables()).toEqual(['setting'])
      await sql`drop table setting`.execute(started.writer)
      const again = await open()
      expect(await tables()).toEqual(all)
      expect(await readRevision(again.reader)).toBe(0)
      await again.close()
      await started.close()
      await place.remove()
    })
  },
  'empty',
)
