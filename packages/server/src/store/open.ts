import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { RandomBytes } from '../domain/ids.ts'
import type { DecisionsDb } from './decisions.ts'
import { DECISIONS_IN_SQLITE } from './decisions-engines.ts'
import { migrate, migrateDecisions } from './migrations.ts'
import { openPostgres, openPostgresDecisions, type PoolFigures } from './postgres.ts'
import type { DecisionTables, Tables } from './schema.ts'
import { IN_MEMORY, openSqlite } from './sqlite.ts'
import type { OnStatementError } from './statement-errors.ts'
import type { Store } from './store.ts'

/** The name of the embedded database in its data directory. */
export const DATABASE = 'countersign.db'

export type OpenedStore = Store & {
  /** Names of the migrations that were applied. */
  readonly applied: readonly string[]
  /** How its connections are used, by pool; empty: there is nothing to pool. */
  connections(): readonly PoolFigures[]
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
  onError?: OnStatementError,
): Promise<OpenedStore> {
  const opened =
    databaseUrl === undefined
      ? await openEmbedded(dataDir, clock(), onError)
      : await openPostgres(databaseUrl, clock(), onError)
  return { ...opened, clock, random }
}

async function openEmbedded(dataDir: string, now: Date, onError: OnStatementError | undefined) {
  const path = dataDir === IN_MEMORY ? IN_MEMORY : join(dataDir, DATABASE)
  const writer = openSqlite<Tables>(path, { synchronous: 'FULL', onError })
  const applied = await migrate(writer, now)
  // In memory there is one connection: another would see another database.
  const reader =
    path === IN_MEMORY ? writer : openSqlite<Tables>(path, { synchronous: 'FULL', readonly: true, onError })
  return {
    ...{ reader, writer, applied },
    shared: undefined,
    connections: () => [],
    async close() {
      if (reader !== writer) await reader.destroy()
      await writer.destroy()
    },
  }
}

/**
 * Opens the store of decisions: beside everything else on PostgreSQL, where every node finds those of all; else a file of
 * its own. It may lose its newest rows in a power cut, and no more.
 */
export async function openDecisions(dataDir: string, databaseUrl?: string): Promise<DecisionsDb> {
  if (databaseUrl !== undefined) return openPostgresDecisions(databaseUrl)
  const path = dataDir === IN_MEMORY ? IN_MEMORY : join(dataDir, 'decisions.db')
  const db = openSqlite<DecisionTables>(path, { synchronous: 'NORMAL', incrementalVacuum: true })
  await migrateDecisions(db)
  return Object.assign(db, { own: DECISIONS_IN_SQLITE })
}
