// What a server has kept, on whichever engine: read past the server, as whoever steals its disks would.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { databaseOf, openPlace } from './engines.ts'
import { textOf } from './postgres-databases.ts'

/** All that is kept for this data directory, as text: its files, but for the one that holds the key, and its database. */
export async function everythingKept(dataDir: string): Promise<string> {
  const { databaseUrl } = await databaseOf(dataDir)
  const files = readdirSync(dataDir).filter((name) => name !== 'kek')
  const texts = files.map((name) => readFileSync(join(dataDir, name), 'latin1'))
  return [...texts, databaseUrl === undefined ? '' : await textOf(databaseUrl)].join('\n')
}

type AuditEvent = { actor: string; credential: string | null; action: string; detail: string }

/** In the order in which they were written. */
export async function auditEventsKept(dataDir: string): Promise<AuditEvent[]> {
  const { databaseUrl } = await databaseOf(dataDir)
  const place = { dataDir, databaseUrl, remove: async () => undefined }
  const store = await openPlace(
    place,
    () => new Date(),
    () => new Uint8Array(),
  )
  const written = sql.raw(databaseUrl === undefined ? 'rowid' : 'ctid')
  const { rows } = await sql<AuditEvent>`
    select actor, credential, action, detail from audit_event order by revision, ${written}`.execute(store.reader)
  await store.close()
  return rows
}
