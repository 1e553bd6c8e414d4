import { Database } from 'bun:sqlite'

export type Copies = {
  readonly table: string
  /** Which row is copied, as an SQL condition: the first one for which it holds. */
  readonly like: string
  readonly count: number
  /** Column → SQL expression of n (0, 1, 2, …), for what no two rows share. */
  readonly own: Readonly<Record<string, string>>
}

/** Fills tables with copies of rows that the store wrote: whatever columns there are, they hold what it puts there. */
export function copyRows(path: string, all: readonly Copies[]): void {
  const file = new Database(path)
  // What is lost with the power is made anew: nothing is written twice here, and nothing is waited for.
  file.run('pragma journal_mode = OFF')
  file.run('pragma synchronous = OFF')
  file.run('pragma cache_size = -1000000')
  for (const copies of all) if (copies.count > 0) file.transaction(() => insertCopies(file, copies))()
  file.run('pragma journal_mode = WAL')
  file.close()
}

function insertCopies(file: Database, { table, like, count, own }: Copies): void {
  const template = file.query<{ row: number }, []>(`select rowid as row from "${table}" where ${like} limit 1`).get()
  if (template === null) throw new Error(`there is no ${table} to copy from`)
  const names = file.query<{ name: string }, [string]>('select name from pragma_table_info(?)').all(table)
  const columns = names.map(({ name }) => ({ name: `"${name}"`, value: own[name] ?? `"${name}"` }))
  // Built at the end an index costs a sort; kept up to date it costs a walk a row.
  const indexes = file
    .query<{ name: string; sql: string }, [string]>(
      `select name, sql from sqlite_master where type = 'index' and tbl_name = ? and sql is not null`,
    )
    .all(table)
  for (const { name } of indexes) file.run(`drop index "${name}"`)
  file
    .query(
      `with recursive numbers(n) as (select 0 union all select n + 1 from numbers where n + 1 < $count)
       insert into "${table}" (${columns.map(({ name }) => name)})
       select ${columns.map(({ value }) => value)} from numbers, "${table}" where "${table}".rowid = $row`,
    )
    .run({ $count: count, $row: template.row })
  for (const { sql } of indexes) file.run(sql)
}
