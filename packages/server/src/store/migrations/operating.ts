import { type Kysely, sql } from 'kysely'
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
    await addAuditLists(db)
    await db.schema.dropIndex('credential_imported').execute()
    await db.schema
      .createIndex('credential_imported')
      .on('credential')
      .columns(['imported_from', 'id'])
      .where(sql.ref('imported_from'), 'is not', null)
      .execute()
    await db.schema.alterTable('credential').addColumn('managed_by', 'text').execute()
    await db.schema
      .createIndex('credential_managed')
      .on('credential')
      .columns(['managed_by', 'id'])
      .where(sql.ref('managed_by'), 'is not', null)
      .execute()
    await db.schema.dropIndex('membership_group').execute()
    await db.schema
      .createIndex('membership_group_members')
      .on('membership')
      .columns(['group', 'member_kind', 'member'])
      .execute()
  },
}

/** By whom, by what and of whom an event is asked for; each list newest first. */
const AUDIT_LISTS = ['noun_id', 'about', 'actor', 'credential'] as const

async function addAuditLists(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('audit_event').addColumn('about', 'text').execute()
  await sql`update audit_event set about = noun || ':' || noun_id where noun in ('client', 'user', 'group')`.execute(db)
  await sql`update audit_event set about = noun_id
    where noun = 'revocation_line' and (noun_id like 'client:%' or noun_id like 'user:%')`.execute(db)
  await sql`update audit_event set about =
    (select owner_kind || ':' || owner from credential where credential.id = audit_event.noun_id)
    where noun = 'credential'`.execute(db)
  await sql`update audit_event set about =
    (select holder_kind || ':' || holder from permission where permission.id = audit_event.noun_id)
    where noun = 'permission'`.execute(db)
  const index = (name: string) => db.schema.createIndex(`audit_event_${name}`).on('audit_event')
  await index('at').columns(['at', 'revision', 'id']).execute()
  for (const column of AUDIT_LISTS) {
    await index(column).columns([column, 'at', 'revision', 'id']).where(sql.ref(column), 'is not', null).execute()
  }
}
