import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { DecisionTables } from '../schema.ts'

/** `isOnPostgres`: numbers that count up by themselves are written in another way there. */
export const decisionsHouse = (isOnPostgres: boolean): Migration => ({
  async up(db: Kysely<DecisionTables>) {
    const table = db.schema.createTable('decision')
    const numbered = isOnPostgres
      ? table.addColumn('seq', 'bigserial', (column) => column.primaryKey())
      : table.addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
    await numbered
      .addColumn('id', 'text', (column) => column.notNull().unique())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('outcome', 'text', (column) => column.notNull())
      .addColumn('code', 'text')
      .addColumn('resource', 'text')
      .addColumn('credential', 'text')
      .addColumn('body', 'text', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('decision_at').on('decision').column('at').execute()
    await db.schema
      .createTable('allowed')
      .addColumn('credential', 'text', (column) => column.notNull())
      .addColumn('resource', 'text', (column) => column.notNull())
      .addColumn('rule', 'bigint', (column) => column.notNull())
      .addColumn('hour', 'bigint', (column) => column.notNull())
      .addColumn('count', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('allowed_key', ['credential', 'resource', 'rule', 'hour'])
      .execute()
  },
})
