import { sql } from 'kysely'
import type { Db } from './store.ts'

type Standby = { readonly name: string; readonly syncState: string | null }

/** It keeps the log, and never takes over. */
const ARCHIVER = 'pg_receivewal'

/**
 * The standbys of a PostgreSQL that has some, of which none has what was acknowledged: should one of them take over, a
 * revocation may be lost. Empty: there is one that has it, there is none at all, or this role may not see.
 */
export async function readLaggingStandbys(db: Db): Promise<readonly string[]> {
  const { rows } = await sql<Standby>`
    select application_name as name, sync_state as "syncState" from pg_stat_replication
    where state = 'streaming' and application_name <> ${ARCHIVER} order by application_name`.execute(db)
  const states = rows.map(({ syncState }) => syncState)
  if (states.some((state) => state === null || state === 'sync' || state === 'quorum')) return []
  return rows.map(({ name }) => name)
}
