import { Database } from 'bun:sqlite'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { runSql } from '../packages/server/src/store/testing/postgres-databases.ts'

/** How many refusals are on record, and how large the records are. */
export type Records = { readonly refusals: number; readonly mebibytes: number }

export async function recordsIn(dataDir: string, databaseUrl: string | undefined): Promise<Records> {
  const count = `select count(*) as count from decision where outcome = 'deny'`
  if (databaseUrl !== undefined) {
    const [row] = await runSql(databaseUrl, `${count}`)
    const [size] = await runSql(databaseUrl, `select pg_total_relation_size('decision') as bytes`)
    return { refusals: Number(row?.count), mebibytes: Number(size?.bytes) / 2 ** 20 }
  }
  const path = join(dataDir, 'decisions.db')
  const file = new Database(path, { readonly: true })
  const row = file.query<{ count: number }, []>(count).get()
  file.close()
  return { refusals: row?.count ?? 0, mebibytes: statSync(path).size / 2 ** 20 }
}
