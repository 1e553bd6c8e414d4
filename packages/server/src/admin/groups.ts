import {
  type Group as GroupAnswer,
  type GroupChange,
  type GroupWithMembers,
  MEMBERS_SHOWN,
  type NewGroup,
  type Page,
  type PageQuery,
} from '@countersign/admin-api'
import type { Group } from '../domain/client.ts'
import { findGroup, listMembers } from '../store/groups.ts'
import type { Db } from '../store/store.ts'
import { pageOf, sliceOf } from './cursor.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { Rejected } from './problem.ts'
import { toGroup } from './wire.ts'
import { write } from './write.ts'

export async function createGroup(deps: AdminDeps, by: Authorized, body: NewGroup): Promise<GroupAnswer> {
  const { name, description = '', disabled } = body
  return write(deps, by, async (writes) => {
    await writes.nouns.insertGroup({ name, description, disabled }, body.managed_by)
    return toGroup(await requireGroup(writes.db, name))
  })
}

/** Only the fields sent change. */
export async function changeGroup(
  deps: AdminDeps,
  by: Authorized,
  name: string,
  body: GroupChange,
): Promise<GroupAnswer> {
  return write(deps, by, async (writes) => {
    const before = await requireGroup(writes.db, name)
    const description = body.description === undefined ? before.description : (body.description ?? '')
    const disabled = body.disabled ?? before.disabled
    await writes.nouns.updateGroup({ name, description, disabled }, Object.keys(body), body.managed_by)
    return toGroup(await requireGroup(writes.db, name))
  })
}

export async function removeGroup(deps: AdminDeps, by: Authorized, name: string): Promise<void> {
  await write(deps, by, async (writes) => {
    await requireGroup(writes.db, name)
    await writes.nouns.deleteGroup(name)
  })
}

export async function describeGroup({ store }: AdminDeps, name: string): Promise<GroupWithMembers> {
  const group = await requireGroup(store.reader, name)
  return { ...toGroup(group), members: await listMembers(store.reader, name, ALL_SHOWN) }
}

const ALL_SHOWN = { after: undefined, limit: MEMBERS_SHOWN }

export async function pageOfMembers({ store }: AdminDeps, name: string, query: PageQuery): Promise<Page<string>> {
  await requireGroup(store.reader, name)
  return pageOf(await listMembers(store.reader, name, sliceOf(query)), query.limit, (member) => member)
}

async function requireGroup(db: Db, name: string): Promise<Group> {
  const group = await findGroup(db, name)
  if (group !== undefined) return group
  throw new Rejected('not_found', 'There is no group of this name. GET /api/v1/groups lists those there are.')
}
