import type { UserLink } from '../domain/user.ts'
import type { Change, Db } from './store.ts'

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
