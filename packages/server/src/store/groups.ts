import { sql } from 'kysely'
import type { Group } from '../domain/client.ts'
import { readRow } from './corrupt-row.ts'
import { managedByColumn } from './managed-by.ts'
import { type Change, type Db, type Slice, toDate, toSeconds } from './store.ts'

export async function listGroups(db: Db, names?: readonly string[]): Promise<Group[]> {
  let query = db.selectFrom('group').selectAll().orderBy('name')
  if (names !== undefined) query = query.where('name', 'in', names)
  return (await query.execute()).map(({ name, description, disabled, managed_by, created_at, revision }) =>
    readRow('group', name, () => ({
      ...{ name, description, disabled: disabled !== 0, managedBy: managed_by },
      ...{ createdAt: toDate(created_at), revision },
    })),
  )
}

export async function listGroupNames(db: Db, { after, limit }: Slice): Promise<string[]> {
  let query = db.selectFrom('group').select('name').orderBy('name').limit(limit)
  if (after !== undefined) query = query.where('name', '>', after)
  return (await query.execute()).map(({ name }) => name)
}

/** Of these groups, those that are there and not disabled. */
export async function listEnabledGroups(db: Db, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return []
  return (await listGroups(db, names)).flatMap(({ name, disabled }) => (disabled ? [] : [name]))
}

export async function findGroup(db: Db, name: string): Promise<Group | undefined> {
  return (await listGroups(db, [name]))[0]
}

export type GroupWrite = Pick<Group, 'name' | 'description' | 'disabled'>

export async function insertGroup(change: Change, write: GroupWrite, managedBy: string | null): Promise<void> {
  const { now, revision } = change
  const { name, description, disabled } = write
  await change.db
    .insertInto('group')
    .values({
      name,
      description,
      disabled: Number(disabled),
      managed_by: managedBy,
      created_at: toSeconds(now),
      revision,
    })
    .execute()
}

/** `managedBy` undefined: as it is. */
export async function updateGroup(change: Change, write: GroupWrite, managedBy?: string | null): Promise<void> {
  const { name, description, disabled } = write
  await change.db
    .updateTable('group')
    .set({ description, disabled: Number(disabled), revision: change.revision, ...managedByColumn(managedBy) })
    .where('name', '=', name)
    .execute()
}

/** Deletes the group, its memberships and what it may do. */
export async function deleteGroup(change: Change, name: string): Promise<void> {
  await change.db.deleteFrom('permission').where('holder_kind', '=', 'group').where('holder', '=', name).execute()
  await change.db.deleteFrom('group').where('name', '=', name).execute()
}

/** `client:canister` for each member, in order; without a slice all of them. */
export async function listMembers(db: Db, group: string, slice?: Slice): Promise<string[]> {
  const { after, limit } = slice ?? { after: undefined, limit: undefined }
  let query = db.selectFrom('membership').selectAll().where('group', '=', group)
  if (after !== undefined) {
    const colon = after.indexOf(':')
    const [kind, member] = [after.slice(0, colon), after.slice(colon + 1)]
    query = query.where(sql<boolean>`(member_kind, member) > (${kind}, ${member})`)
  }
  if (limit !== undefined) query = query.limit(limit)
  const rows = await query.orderBy('member_kind').orderBy('member').execute()
  return rows.map((row) => `${row.member_kind}:${row.member}`)
}
