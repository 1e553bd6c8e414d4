import { sql } from 'kysely'
import { databaseOf, openPlace } from './engines.ts'
import { random } from './suite.ts'

const AT_ONCE = 20_000

/** Fills a server's database with copies of a credential: of its owner and age, each with an id and a digest of its own. */
export async function copyCredential(dataDir: string, id: string, count: number): Promise<void> {
  const { databaseUrl, remove } = await databaseOf(dataDir)
  const store = await openPlace({ dataDir, databaseUrl, remove }, () => new Date(), random)
  const original = await store.reader
    .selectFrom('credential')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  const columns = Object.keys(original)
  const own: Readonly<Record<string, string>> = {
    id: `kind || '_020000000000000000' || cast(10000000 + n as text)`,
    digest: `'copy ' || cast(n as text)`,
  }
  for (let from = 0; from < count; from += AT_ONCE) {
    const end = sql.lit(Math.min(count, from + AT_ONCE))
    await sql`
      insert into credential (${sql.join(columns.map((name) => sql.ref(name)))})
      with recursive numbers(n) as
        (select ${sql.lit(from)} union all select n + 1 from numbers where n + 1 < ${end})
      select ${sql.join(columns.map((name) => (own[name] === undefined ? sql.ref(name) : sql.raw(own[name]))))}
      from numbers, credential where id = ${id}`.execute(store.writer)
  }
  await store.close()
}
