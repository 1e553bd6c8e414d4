import { sql } from 'kysely'
import type { DecisionsEngine } from './decisions.ts'

// What the two engines say in different words of decisions; all else in `decisions.ts` is the same text for both.

// A decision that is there already was written by a write whose answer was lost, and is written again.

export const DECISIONS_IN_SQLITE: DecisionsEngine = {
  insertRecords: (rows) => sql`
    insert into decision (id, at, outcome, code, resource, credential, body)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    from json_each(${JSON.stringify(rows)}) where true on conflict (id) do nothing`,
  bytes: sql<{ bytes: number }>`
    select (page_count - freelist_count) * page_size as bytes
    from pragma_page_count(), pragma_freelist_count(), pragma_page_size()`,
  dropOldestCounts: sql`delete from allowed where rowid in
    (select rowid from allowed order by hour limit (select (count(*) + 9) / 10 from allowed))`,
  reclaim: sql`pragma incremental_vacuum`,
}

export const DECISIONS_IN_POSTGRES: DecisionsEngine = {
  insertRecords: (rows) => sql`
    insert into decision (id, at, outcome, code, resource, credential, body)
    select value ->> 0, (value ->> 1)::bigint, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    from json_array_elements(${JSON.stringify(rows)}::json)
    on conflict (id) do nothing`,
  // Room that rows leave is used again, and the files do not shrink: so it is the rows that are measured, by the newest.
  bytes: sql<{ bytes: number }>`
    select (
      coalesce((select max(seq) - min(seq) + 1 from decision) * (select avg(octet_length(body)) + 200
        from (select body from decision order by seq desc limit 1000) as newest), 0)
      + (select count(*) from allowed) * 150
    )::bigint as bytes`,
  dropOldestCounts: sql`delete from allowed where ctid in
    (select ctid from allowed order by hour limit (select (count(*) + 9) / 10 from allowed))`,
  reclaim: undefined,
}
