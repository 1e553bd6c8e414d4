import type { OwnerRef } from '../domain/credential.ts'
import type { Change, Db } from './store.ts'

/** Member → its groups, in order. Without ids: of all members of this kind. */
export async function listMemberships(
  db: Db,
  kind: OwnerRef['kind'],
  ids?: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  // In the order of the primary key: nothing has to be sorted.
  let query = db
    .selectFrom('membership')
    .select(['member', 'group'])
    .where('member_kind', '=', kind)
    .orderBy('member')
    .orderBy('group')
  if (ids !== undefined) query = query.where('member', 'in', ids)
  const groups = new Map<string, string[]>()
  for (const row of await query.execute()) {
    const known = groups.get(row.member)
    if (known === undefined) groups.set(row.member, [row.group])
    else known.push(row.group)
  }
  return groups
}

/** Whether one of these owners is in one of these groups. */
export async function isAnyMemberOf(db: Db, groups: readonly string[], owners: readonly OwnerRef[]): Promise<boolean> {
  if (groups.length === 0) return false
  for (const [kind, some] of Map.groupBy(owners, (owner) => owner.kind)) {
    const ids = [...new Set(some.map(({ id }) => id))]
    const member = await db
      .selectFrom('membership')
      .select('member')
      .where('group', 'in', groups)
      .where('member_kind', '=', kind)
      .where('member', 'in', ids)
      .limit(1)
      .executeTakeFirst()
    if (member !== undefined) return true
  }
  return false
}

/** Lets the member be in these groups and in no others. */
export async function replaceMemberships(change: Change, member: OwnerRef, groups: readonly string[]): Promise<void> {
  await deleteMemberships(change, member)
  if (groups.length === 0) return
  await change.db
    .insertInto('membership')
    .values(groups.map((group) => ({ group, member_kind: member.kind, member: member.id })))
    .execute()
}

export async function deleteMemberships({ db }: Change, { kind, id }: OwnerRef): Promise<void> {
  await db.deleteFrom('membership').where('member_kind', '=', kind).where('member', '=', id).execute()
}
