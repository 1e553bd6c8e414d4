import type { User } from '../domain/user.ts'
import { readRow } from './corrupt-row.ts'
import { managedByColumn } from './managed-by.ts'
import { deleteMemberships, listMemberships, replaceMemberships } from './memberships.ts'
import { type Change, type Db, type Slice, toDate, toSeconds } from './store.ts'
import { listUserLinks, replaceUserLinks } from './user-links.ts'

export type UserWrite = Pick<User, 'id' | 'name' | 'email' | 'groups' | 'links' | 'disabled'> & {
  /** argon2id, in PHC form; null: nobody can sign in with a password; undefined: as it is. */
  readonly passwordHash: string | null | undefined
}

export async function listUsers(db: Db, ids?: readonly string[]): Promise<User[]> {
  // Whether there is a password, never what is kept of it: that is for signing in alone.
  let query = db
    .selectFrom('user')
    .select(['id', 'name', 'email', 'disabled', 'managed_by', 'created_at', 'revision'])
    .select((column) => column('password_hash', 'is not', null).as('has_password'))
    .orderBy('id')
  if (ids !== undefined) query = query.where('id', 'in', ids)
  const memberships = await listMemberships(db, 'user', ids)
  const links = await listUserLinks(db, ids)
  return (await query.execute()).map((row) =>
    readRow('user', row.id, () => ({
      id: row.id,
      name: row.name,
      email: row.email,
      groups: memberships.get(row.id) ?? [],
      links: links.get(row.id) ?? [],
      // SQLite has no booleans.
      hasPassword: Number(row.has_password) === 1,
      disabled: row.disabled !== 0,
      managedBy: row.managed_by,
      createdAt: toDate(row.created_at),
      revision: row.revision,
    })),
  )
}

export async function listUserIds(db: Db, { after, limit }: Slice): Promise<string[]> {
  let query = db.selectFrom('user').select('id').orderBy('id').limit(limit)
  if (after !== undefined) query = query.where('id', '>', after)
  return (await query.execute()).map(({ id }) => id)
}

export async function findUser(db: Db, id: string): Promise<User | undefined> {
  return (await listUsers(db, [id]))[0]
}

export async function insertUser(change: Change, write: UserWrite, managedBy: string | null): Promise<void> {
  const { id, name, email, disabled, groups, links, passwordHash } = write
  await change.db
    .insertInto('user')
    .values({
      id,
      name,
      email,
      password_hash: passwordHash ?? null,
      disabled: Number(disabled),
      managed_by: managedBy,
      created_at: toSeconds(change.now),
      revision: change.revision,
    })
    .execute()
  await replaceMemberships(change, { kind: 'user', id }, groups)
  await replaceUserLinks(change, id, links)
}

/** `managedBy` undefined: as it is. */
export async function updateUser(change: Change, write: UserWrite, managedBy?: string | null): Promise<void> {
  const { id, name, email, disabled, groups, links, passwordHash } = write
  await change.db
    .updateTable('user')
    .set({
      name,
      email,
      disabled: Number(disabled),
      revision: change.revision,
      ...(passwordHash !== undefined && { password_hash: passwordHash }),
      ...managedByColumn(managedBy),
    })
    .where('id', '=', id)
    .execute()
  await replaceMemberships(change, { kind: 'user', id }, groups)
  await replaceUserLinks(change, id, links)
}

/** Deletes the user, their memberships and permissions. Their credentials stay, dead, so that `why` can name them. */
export async function deleteUser(change: Change, id: string): Promise<void> {
  await deleteMemberships(change, { kind: 'user', id })
  await replaceUserLinks(change, id, [])
  await change.db.deleteFrom('permission').where('holder_kind', '=', 'user').where('holder', '=', id).execute()
  await change.db.deleteFrom('user').where('id', '=', id).execute()
}
