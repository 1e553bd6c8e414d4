import type { UserLink } from '../domain/user.ts'
import { type Change, type Db, parseTexts } from './store.ts'

/** By user: the subjects of other issuers that they are, in order. */
export async function listUserLinks(db: Db, users?: readonly string[]): Promise<Map<string, UserLink[]>> {
  let query = db.selectFrom('user_link').selectAll().orderBy('issuer').orderBy('subject')
  if (users !== undefined) query = query.where('user', 'in', users)
  const links = new Map<string, UserLink[]>()
  for (const { user, issuer, subject } of await query.execute()) {
    links.set(user, [...(links.get(user) ?? []), { issuer, subject }])
  }
  return links
}

/** Whose this subject of another issuer is; undefined: nobody's. */
export async function findLinkedUser(db: Db, { issuer, subject }: UserLink): Promise<string | undefined> {
  const row = await db
    .selectFrom('user_link')
    .select('user')
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .executeTakeFirst()
  return row?.user
}

/** Whether any user is linked to a subject of this issuer. */
export async function isAnybodyLinkedTo(db: Db, issuer: string): Promise<boolean> {
  const link = await db.selectFrom('user_link').select('user').where('issuer', '=', issuer).limit(1).executeTakeFirst()
  return link !== undefined
}

/** Whether any user who is linked to a subject of this issuer is in one of these groups. */
export async function isAnyLinkedMemberOf(db: Db, issuer: string, groups: readonly string[]): Promise<boolean> {
  if (groups.length === 0) return false
  const link = await db
    .selectFrom('user_link')
    .innerJoin('membership', 'membership.member', 'user_link.user')
    .select('user_link.user')
    .where('user_link.issuer', '=', issuer)
    .where('membership.member_kind', '=', 'user')
    .where('membership.group', 'in', groups)
    .limit(1)
    .executeTakeFirst()
  return link !== undefined
}

/** What users who are linked to a subject of this issuer hold by themselves at a resource: each kind of holding once. */
export async function listHeldByLinked(db: Db, issuer: string, resource: string) {
  const rows = await db
    .selectFrom('user_link')
    .innerJoin('permission', 'permission.holder', 'user_link.user')
    .select(['permission.scopes', 'permission.roles'])
    .distinct()
    .where('user_link.issuer', '=', issuer)
    .where('permission.holder_kind', '=', 'user')
    .where('permission.resource', '=', resource)
    .execute()
  return rows.map(({ scopes, roles }) => ({
    scopes: parseTexts(scopes, 'the scopes of a permission'),
    roles: parseTexts(roles, 'the roles of a permission'),
  }))
}

/** The users who are linked to a subject of this issuer, in order. */
export async function listUsersLinkedTo(db: Db, issuer: string): Promise<string[]> {
  const rows = await db
    .selectFrom('user_link')
    .select('user')
    .distinct()
    .where('issuer', '=', issuer)
    .orderBy('user')
    .execute()
  return rows.map(({ user }) => user)
}

export async function replaceUserLinks({ db }: Change, user: string, links: readonly UserLink[]): Promise<void> {
  await db.deleteFrom('user_link').where('user', '=', user).execute()
  if (links.length === 0) return
  await db
    .insertInto('user_link')
    .values(links.map(({ issuer, subject }) => ({ user, issuer, subject })))
    .execute()
}
