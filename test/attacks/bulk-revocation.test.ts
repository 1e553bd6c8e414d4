// Very many credentials at once: it is one row, in force for all of them when it is answered, on record as one event.

import { afterAll, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { databaseOf, openPlace } from '../../packages/server/src/store/testing/engines.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'
import { workOf } from './work.ts'

const MANY = 100_000
const AT_ONCE = 20_000

const teardown = new Teardown()
afterAll(() => teardown.run(), PATIENCE_MS)

/** Fills the database with copies of a key: of its owner and age, each with an id and a digest of its own. */
async function addCopies(dataDir: string, id: string): Promise<void> {
  const { databaseUrl, remove } = await databaseOf(dataDir)
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
  const store = await openPlace({ dataDir, databaseUrl, remove }, () => new Date(), random)
  const key = await store.reader.selectFrom('credential').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  const columns = Object.keys(key)
  const own: Readonly<Record<string, string>> = {
    id: `'key_020000000000000000' || cast(10000000 + n as text)`,
    digest: `'copy ' || cast(n as text)`,
  }
  for (let from = 0; from < MANY; from += AT_ONCE) {
    await sql`
      insert into credential (${sql.join(columns.map((name) => sql.ref(name)))})
      with recursive numbers(n) as
        (select ${sql.lit(from)} union all select n + 1 from numbers where n + 1 < ${sql.lit(from + AT_ONCE)})
      select ${sql.join(columns.map((name) => (own[name] === undefined ? sql.ref(name) : sql.raw(own[name]))))}
      from numbers, credential where id = ${id}`.execute(store.writer)
  }
  await store.close()
}

const WAYS = [
  ['of a client', '/clients/canister/revoke-credentials', { reason: 'lost' }, 'client:canister'],
  [
    'of an age',
    '/credentials/revoke-older',
    { kind: 'key', created_before: '2040-01-01T00:00:00Z', reason: 'lost' },
    'kind:key',
  ],
] as const

for (const [whose, path, body, line] of WAYS) {
  test(
    `ADM-17 ${MANY} keys ${whose} are refused from the next request on: it says how many, and is one event`,
    async () => {
      const dataDir = await teardown.temporaryDirectory('bulk')
      const stage = await Stage.open({ COUNTERSIGN_DATA_DIR: dataDir })
      const keys = []
      for (let made = 0; made < 20; made++) keys.push(await stage.newKey())
      await addCopies(dataDir, String(keys[0]?.id))
      const asked = keys.map(({ key }) => ({ lines: [bearer(key)] }))
      // Half of them are known to this node already, the others it has to look up.
      for (const one of asked.slice(0, 10)) await stage.expect('OK', undefined, 'forward', one)

      const before = (await stage.call('GET', '/audit-events?limit=1')).items as { id: string }[]
      let revoked: unknown
      const { queries } = await workOf(async () => {
        revoked = (await stage.call('POST', path, body)).revoked
      })
      expect(Number(revoked)).toBeGreaterThanOrEqual(MANY + keys.length)
      expect(queries.length).toBeLessThan(60)
      for (const one of asked) await stage.expect('T401', 'credential_revoked', 'forward', one)

      const after = (await stage.call('GET', '/audit-events?limit=5')).items as { id: string; noun_id: string }[]
      const events = after.slice(
        0,
        after.findIndex(({ id }) => id === before[0]?.id),
      )
      expect(events).toEqual([expect.objectContaining({ action: 'revocation_line.draw', noun_id: line })])
      const { items } = await stage.call('GET', '/credentials?owner=client:canister&state=live')
      expect(items).toEqual([])
      await stage.close()
    },
    PATIENCE_MS,
  )
}
