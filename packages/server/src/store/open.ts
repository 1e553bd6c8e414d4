import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { RandomBytes } from '../domain/ids.ts'
import { migrate, migrateDecisions } from './migrations.ts'
import { openPostgres } from './postgres.ts'
import type { DecisionTables, Tables } from './schema.ts'
import { IN_MEMORY, openSqlite } from './sqlite.ts'
import type { Store } from './store.ts'

const DATABASE = 'countersign.db'

export type OpenedStore = Store & {
  /** Names of the migrations that were applied. */
  readonly applied: readonly string[]
  close(): Promise<void>
}

export function hasDatabase(dataDir: string): boolean {
  return existsSync(join(dataDir, DATABASE))
}

/**
 * Opens the store, brought up to this version's schema: the PostgreSQL database behind `databaseUrl`, or, where that
 * is undefined, the embedded database of the data directory.
 */
export async function openStore(
  dataDir: string,
  clock: () => Date,
  random: RandomBytes,
  databaseUrl?: string,
): Promise<OpenedStore> {
  const opened =
    databaseUrl === undefined ? await openEmbedded(dataDir, clock()) : await openPostgres(databaseUrl, clock())
  return { ...opened, clock, random }
}

async function openEmbedded(dataDir: string, now: Date) {
  const path = dataDir === IN_MEMORY ? IN_MEMORY : join(dataDir, DATABASE)
  const writer = openSqlite<Tables>(path, { synchronous: 'FULL' })
  const applied = await migrate(writer, now)
  // In memory there is one connection: another would see another database.
  const reader = path === IN_MEMORY ? writer : openSqlite<Tables>(path, { synchronous: 'FULL', readonly: true })
  return {
    ...{ reader, writer, applied },
    shared: undefined,
    async close() {
      if (reader !== writer) await reader.destroy()
      await writer.destroy()
    },
  }
}

/** Opens the store of decisions: a file of its own, which may lose its newest rows in a power cut, and no more. */
export async function openDecisions(dataDir: string) {
  const path = dataDir === IN_MEMORY ? IN_MEMORY : join(dataDir, 'decisions.db')
  const db = openSqlite<DecisionTables>(path, { synchronous: 'NORMAL', incrementalVacuum: true })
  await migrateDecisions(db)
  return db
}
