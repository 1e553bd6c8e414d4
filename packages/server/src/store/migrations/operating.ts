import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../schema.ts'

/** Several nodes on one database, and lists for those who operate it. */
export const operating: Migration = {
  async up(db: Kysely<Tables>) {
    for (const table of ['revision', 'change']) {
      await db.schema
        .alterTable(table)
        .addColumn('stamp', 'text', (column) => column.notNull().defaultTo(''))
        .execute()
    }
    await db.schema
      .createTable('node')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('started_at', 'bigint', (column) => column.notNull())
      .addColumn('seen_at', 'bigint', (column) => column.notNull())
      .addColumn('revision', 'bigint', (column) => column.notNull())
      .addColumn('lease_ms', 'bigint', (column) => column.notNull())
      .execute()
  },
}
