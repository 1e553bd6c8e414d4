import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { ADMIN_CLIENT, BOOTSTRAP_CLIENT } from '../domain/client.ts'
import { decisionsHouse } from './migrations/decisions.ts'
import { operating } from './migrations/operating.ts'
import { runMigrations } from './migrations/run.ts'
import type { DecisionTables, Tables } from './schema.ts'
import { toSeconds } from './store.ts'

// Migrations are never edited once released; a new one is added at the end. Columns have the few types that
// SQLite and PostgreSQL share: text and bigint.

function firstHouse(now: Date): Migration {
  return {
    async up(db: Kysely<Tables>) {
      await db.schema
        .createTable('revision')
        .addColumn('id', 'bigint', (column) => column.primaryKey())
        .addColumn('value', 'bigint', (column) => column.notNull())
        .execute()
      await db.insertInto('revision').values({ id: 1, value: 0 }).execute()

      await db.schema
        .createTable('change')
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('noun', 'text', (column) => column.notNull())
        .addColumn('noun_id', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema.createIndex('change_revision').on('change').column('revision').execute()

      await db.schema
        .createTable('audit_event')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('actor', 'text', (column) => column.notNull())
        .addColumn('credential', 'text')
        .addColumn('action', 'text', (column) => column.notNull())
        .addColumn('noun', 'text', (column) => column.notNull())
        .addColumn('noun_id', 'text', (column) => column.notNull())
        .addColumn('detail', 'text', (column) => column.notNull())
        .execute()

      await db.schema
        .createTable('retired_id')
        .addColumn('noun', 'text', (column) => column.notNull())
        .addColumn('noun_id', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('retired_id_key', ['noun', 'noun_id'])
        .execute()

      await db.schema
        .createTable('resource')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('identifier', 'text', (column) => column.notNull().unique())
        .addColumn('disabled', 'bigint', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('resource_host')
        .addColumn('host', 'text', (column) => column.primaryKey())
        .addColumn('resource', 'text', (column) => column.notNull().references('resource.name').onDelete('cascade'))
        .execute()

      await db.schema
        .createTable('group')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('description', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .execute()

      await db.schema
        .createTable('client')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('disabled', 'bigint', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addColumn('managed_by', 'text')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .execute()

      await db.schema
        .createTable('membership')
        .addColumn('group', 'text', (column) => column.notNull().references('group.name').onDelete('cascade'))
        .addColumn('member_kind', 'text', (column) => column.notNull())
        .addColumn('member', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('membership_key', ['member_kind', 'member', 'group'])
        .execute()
      await db.schema.createIndex('membership_group').on('membership').column('group').execute()

      await db.schema
        .createTable('permission')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('holder_kind', 'text', (column) => column.notNull())
        .addColumn('holder', 'text', (column) => column.notNull())
        .addColumn('resource', 'text', (column) => column.notNull())
        .addColumn('scopes', 'text', (column) => column.notNull())
        .addColumn('roles', 'text', (column) => column.notNull())
        .addColumn('projects', 'text')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema.createIndex('permission_holder').on('permission').columns(['holder_kind', 'holder']).execute()
      await db.schema.createIndex('permission_resource').on('permission').column('resource').execute()

      await db.schema
        .createTable('credential')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('owner_kind', 'text', (column) => column.notNull())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('digest', 'text', (column) => column.notNull().unique())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('hint', 'text', (column) => column.notNull())
        .addColumn('resources', 'text')
        .addColumn('scopes', 'text')
        .addColumn('projects', 'text')
        .addColumn('networks', 'text')
        .addColumn('not_before', 'bigint')
        .addColumn('expires_at', 'bigint')
        .addColumn('family', 'text', (column) => column.notNull())
        .addColumn('ancestors', 'text')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('created_by', 'text', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('revoked_at', 'bigint')
        .addColumn('revoked_by', 'text')
        .addColumn('revoked_reason', 'text')
        .addColumn('last_used_at', 'bigint')
        .addColumn('last_used_from', 'text')
        .execute()
      await db.schema.createIndex('credential_owner').on('credential').columns(['owner_kind', 'owner', 'id']).execute()
      await db.schema.createIndex('credential_family').on('credential').column('family').execute()

      await db.schema
        .createTable('revocation_line')
        .addColumn('subject', 'text', (column) => column.primaryKey())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('by', 'text', (column) => column.notNull())
        .addColumn('reason', 'text')
        .execute()

      await db.schema
        .createTable('signing_key')
        .addColumn('kid', 'text', (column) => column.primaryKey())
        .addColumn('public_jwk', 'text', (column) => column.notNull())
        .addColumn('private_sealed', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('retired_at', 'bigint')
        .execute()

      await db.schema
        .createTable('setting')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .execute()

      await insertBuiltInClients(db, now)
    },
  }
}

/** Users, groups that can be disabled, what was declared by a file, and credentials that another system issued. */
const people: Migration = {
  async up(db: Kysely<Tables>) {
    await db.schema
      .createTable('user')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('email', 'text')
      .addColumn('password_hash', 'text')
      .addColumn('disabled', 'bigint', (column) => column.notNull())
      .addColumn('managed_by', 'text')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('revision', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema
      .alterTable('group')
      .addColumn('disabled', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute()
    for (const table of ['group', 'resource', 'permission']) {
      await db.schema.alterTable(table).addColumn('managed_by', 'text').execute()
    }
    await db.schema.alterTable('credential').addColumn('imported_from', 'text').execute()
    await db.schema.createIndex('credential_imported').on('credential').column('imported_from').execute()
    await db.schema.createIndex('credential_expires').on('credential').columns(['expires_at', 'id']).execute()
    await db.schema
      .createTable('foreign_prefix')
      .addColumn('prefix', 'text', (column) => column.primaryKey())
      .addColumn('digest', 'text', (column) => column.notNull())
      .addColumn('key_sealed', 'text')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('revision', 'bigint', (column) => column.notNull())
      .execute()
  },
}

/** Access tokens, revocation by date, key rotation, and assertions that count once. */
const tokens: Migration = {
  async up(db: Kysely<Tables>) {
    await db.schema.alterTable('credential').addColumn('audience', 'text').execute()
    await db.schema
      .createIndex('credential_token_expires')
      .on('credential')
      .column('expires_at')
      .where(sql.ref('kind'), '=', 'at')
      .execute()
    for (const column of ['before', 'ends_at']) {
      await db.schema.alterTable('revocation_line').addColumn(column, 'bigint').execute()
    }
    await db.schema
      .createIndex('revocation_line_ends')
      .on('revocation_line')
      .column('ends_at')
      .where(sql.ref('ends_at'), 'is not', null)
      .execute()
    await db.schema
      .alterTable('signing_key')
      .addColumn('active_from', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute()
    await db.schema
      .createTable('used_assertion')
      .addColumn('client', 'text', (column) => column.notNull())
      .addColumn('jti', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('used_assertion_key', ['client', 'jti'])
      .execute()
    await db.schema.createIndex('used_assertion_expires').on('used_assertion').column('expires_at').execute()
  },
}

/** Other issuers, whom their subjects stand for, and which of these a user is. */
const otherIssuers: Migration = {
  async up(db: Kysely<Tables>) {
    await db.schema
      .createTable('issuer')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('issuer', 'text', (column) => column.notNull())
      .addColumn('disabled', 'bigint', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('managed_by', 'text')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('revision', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('issuer_issuer').on('issuer').column('issuer').execute()
    await db.schema
      .createTable('trust_rule')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('issuer', 'text', (column) => column.notNull())
      .addColumn('mode', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'bigint')
      .addColumn('resources', 'text')
      .addColumn('scopes', 'text')
      .addColumn('projects', 'text')
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('managed_by', 'text')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('revision', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('trust_rule_issuer').on('trust_rule').column('issuer').execute()
    await db.schema
      .createTable('user_link')
      .addColumn('issuer', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('user', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('user_link_key', ['issuer', 'subject'])
      .execute()
    await db.schema.createIndex('user_link_user').on('user_link').column('user').execute()
  },
}

/** The two clients that the server itself keeps, each with role admin at the management API and nowhere else. */
async function insertBuiltInClients(db: Kysely<Tables>, now: Date): Promise<void> {
  const created_at = toSeconds(now)
  const names = { [BOOTSTRAP_CLIENT]: 'Bootstrap key', [ADMIN_CLIENT]: 'Administration' }
  for (const [id, name] of Object.entries(names)) {
    const body = JSON.stringify({ grants: [] })
    await db
      .insertInto('client')
      .values({ id, name, disabled: 0, body, managed_by: 'countersign', created_at, revision: 0 })
      .execute()
    await db
      .insertInto('permission')
      .values({
        id: `perm_${id}`,
        holder_kind: 'client',
        holder: id,
        resource: 'countersign',
        scopes: '[]',
        roles: '["admin"]',
        projects: null,
        created_at,
      })
      .execute()
  }
}

/** Brings the schema up to this version; returns the names of what was applied. Two at once wait for each other. */
export async function migrate(db: Kysely<Tables>, now: Date): Promise<string[]> {
  return runMigrations(db as Kysely<unknown>, migrations(now))
}

/** What this version brings a database to: the names of its migrations, in order. */
export function knownMigrations(): string[] {
  return Object.keys(migrations(new Date(0)))
}

function migrations(now: Date): Record<string, Migration> {
  return {
    '0001_first_house': firstHouse(now),
    '0002_people': people,
    '0003_tokens': tokens,
    '0004_other_issuers': otherIssuers,
    '0005_operating': operating,
  }
}

/** Of the file of decisions; beside everything else on PostgreSQL, with tables of its own for what was applied. */
export async function migrateDecisions(db: Kysely<DecisionTables>, isOnPostgres = false): Promise<string[]> {
  const tables = { migrationTableName: 'decision_migration', migrationLockTableName: 'decision_migration_lock' }
  return runMigrations(
    db as Kysely<unknown>,
    { '0001_decisions': decisionsHouse(isOnPostgres) },
    isOnPostgres ? tables : {},
  )
}
