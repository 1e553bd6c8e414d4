import { type Kysely, sql } from 'kysely'
import {
  DEFAULT_MIGRATION_TABLE,
  type Migration,
  type MigrationProvider,
  Migrator,
  type MigratorProps,
} from 'kysely/migration'

/**
 * Applies what has not been applied yet, in one transaction: a process that is killed in the middle leaves nothing, and
 * others wait for its end. Throws where the database is of a later version.
 */
export async function runMigrations(
  db: Kysely<unknown>,
  migrations: Record<string, Migration>,
  tables: Pick<MigratorProps, 'migrationTableName' | 'migrationLockTableName'> = {},
): Promise<string[]> {
  const provider: MigrationProvider = { getMigrations: async () => migrations }
  return db.transaction().execute(async (transaction) => {
    await requireNoneOfLater(transaction, migrations, tables.migrationTableName)
    const { error, results } = await new Migrator({ db: transaction, provider, ...tables }).migrateToLatest()
    if (error !== undefined) throw error
    return (results ?? []).map((result) => result.migrationName)
  })
}

/** What a later version wrote this one would misread. */
async function requireNoneOfLater(
  db: Kysely<unknown>,
  migrations: Record<string, Migration>,
  appliedTable = DEFAULT_MIGRATION_TABLE,
): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === appliedTable)) return
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(appliedTable)}`.execute(db)
  const later = rows.map(({ name }) => name).filter((name) => !Object.hasOwn(migrations, name))
  if (later.length === 0) return
  throw new Error(
    `the database was brought up to a later version of Countersign, by the migration ${later.sort().join(', ')}: ` +
      'run that version or a newer one, or restore a backup from before it ran',
  )
}
