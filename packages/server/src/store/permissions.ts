import {
  type HeldPermission,
  HOLDER_KINDS,
  type HolderRef,
  type NewPermission,
  oldestFirst,
} from '../domain/credential.ts'
import { readRow } from './corrupt-row.ts'
import type { Tables } from './schema.ts'
import { type Change, type Db, parseTexts, parseTextsOrNull, parseWord, toDate, toSeconds } from './store.ts'

export type PermissionFilter = {
  readonly ids?: readonly string[]
  readonly resource?: string | undefined
  readonly holder?: HolderRef | undefined
  readonly holderKind?: HolderRef['kind']
  /** Ids after this one. */
  readonly after?: string | undefined
  readonly limit?: number
}

export async function listPermissions(db: Db, filter: PermissionFilter = {}): Promise<HeldPermission[]> {
  let query = db.selectFrom('permission').selectAll().orderBy('id')
  if (filter.ids !== undefined) query = query.where('id', 'in', filter.ids)
  if (filter.resource !== undefined) query = query.where('resource', '=', filter.resource)
  if (filter.holder !== undefined) {
    query = query.where('holder_kind', '=', filter.holder.kind).where('holder', '=', filter.holder.id)
  }
  if (filter.holderKind !== undefined) query = query.where('holder_kind', '=', filter.holderKind)
  if (filter.after !== undefined) query = query.where('id', '>', filter.after)
  if (filter.limit !== undefined) query = query.limit(filter.limit)
  return (await query.execute()).map(toPermission)
}

/** The permissions that these holders have, each by itself, on one resource. */
export async function listPermissionsOf(
  db: Db,
  resource: string,
  holders: readonly HolderRef[],
): Promise<HeldPermission[]> {
  const found: HeldPermission[] = []
  for (const [kind, some] of Map.groupBy(holders, (holder) => holder.kind)) {
    const rows = await db
      .selectFrom('permission')
      .selectAll()
      .where('holder_kind', '=', kind)
      .where(
        'holder',
        'in',
        some.map(({ id }) => id),
      )
      .where('resource', '=', resource)
      .execute()
    found.push(...rows.map(toPermission))
  }
  return found
}

/** The permission that was given first of those that these holders have at resources that are not disabled. */
export async function findOldestPermission(db: Db, holders: readonly HolderRef[]): Promise<HeldPermission | undefined> {
  const found: HeldPermission[] = []
  for (const [kind, some] of Map.groupBy(holders, (holder) => holder.kind)) {
    const row = await db
      .selectFrom('permission')
      // The management API has no row: no token is for it unless it is named.
      .innerJoin('resource', 'resource.name', 'permission.resource')
      .selectAll('permission')
      .where('resource.disabled', '=', 0)
      .where('holder_kind', '=', kind)
      .where(
        'holder',
        'in',
        some.map(({ id }) => id),
      )
      .orderBy('permission.created_at')
      .orderBy('permission.id')
      .limit(1)
      .executeTakeFirst()
    if (row !== undefined) found.push(toPermission(row))
  }
  return found.toSorted(oldestFirst)[0]
}

export async function findPermission(db: Db, id: string): Promise<HeldPermission | undefined> {
  return (await listPermissions(db, { ids: [id] }))[0]
}

export async function insertPermission(
  change: Change,
  permission: NewPermission,
  managedBy: string | null = null,
): Promise<void> {
  const { id, holder, resource, scopes, roles, projects } = permission
  await change.db
    .insertInto('permission')
    .values({
      id,
      holder_kind: holder.kind,
      holder: holder.id,
      resource,
      scopes: JSON.stringify(scopes),
      roles: JSON.stringify(roles),
      projects: projects === null ? null : JSON.stringify(projects),
      managed_by: managedBy,
      created_at: toSeconds(change.now),
    })
    .execute()
}

/** Says what declares it from now on; null: people through the API. */
export async function updatePermissionManagedBy(change: Change, id: string, managedBy: string | null): Promise<void> {
  await change.db.updateTable('permission').set({ managed_by: managedBy }).where('id', '=', id).execute()
}

export async function deletePermission(change: Change, id: string): Promise<void> {
  await change.db.deleteFrom('permission').where('id', '=', id).execute()
}

function toPermission(row: Tables['permission']): HeldPermission {
  return readRow('permission', row.id, () => ({
    id: row.id,
    holder: { kind: parseWord(row.holder_kind, HOLDER_KINDS, 'the holder of a permission'), id: row.holder },
    resource: row.resource,
    scopes: parseTexts(row.scopes, 'the scopes of a permission'),
    roles: parseTexts(row.roles, 'the roles of a permission'),
    projects: parseTextsOrNull(row.projects, 'the projects of a permission'),
    managedBy: row.managed_by,
    createdAt: toDate(row.created_at),
  }))
}
