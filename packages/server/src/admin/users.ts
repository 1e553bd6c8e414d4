import type { NewUser, Page, PageQuery, User as UserAnswer, UserChange } from '@countersign/admin-api'
import { MANAGEMENT_RESOURCE, TooManyWait } from '@countersign/resource-server'
import type { User, UserLink } from '../domain/user.ts'
import { listPermissionsOf } from '../store/permissions.ts'
import type { Db } from '../store/store.ts'
import { findLinkedUser } from '../store/user-links.ts'
import { findUser, listUserIds, listUsers } from '../store/users.ts'
import { pageOf, sliceOf } from './cursor.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { Rejected } from './problem.ts'
import { requireGroups, requireIssuers } from './references.ts'
import { toUser } from './wire.ts'
import { write } from './write.ts'

export async function createUser(deps: AdminDeps, by: Authorized, body: NewUser): Promise<UserAnswer> {
  const { username: id, name = id, email, roles, disabled } = body
  const passwordHash = await hashOf(body.password, deps)
  return write(deps, by, async ({ db, users }) => {
    const groups = await requireGroups(db, body.groups, 'groups')
    const links = await requireLinks(db, id, body.links)
    await users.insert({ id, name, email, groups, links, disabled, passwordHash }, roles, body.managed_by)
    return describeUser(db, id)
  })
}

/** Only the fields sent change. */
export async function changeUser(deps: AdminDeps, by: Authorized, id: string, body: UserChange): Promise<UserAnswer> {
  const passwordHash = await hashOf(body.password, deps)
  return write(deps, by, async ({ db, users }) => {
    const before = await requireUser(db, id)
    const after = {
      id,
      name: body.name ?? before.name,
      email: body.email === undefined ? before.email : body.email,
      groups: body.groups === undefined ? before.groups : await requireGroups(db, body.groups, 'groups'),
      links: body.links === undefined ? before.links : await requireLinks(db, id, body.links),
      disabled: body.disabled ?? before.disabled,
      passwordHash,
    }
    await users.update(before, after, body)
    return describeUser(db, id)
  })
}

export async function removeUser(deps: AdminDeps, by: Authorized, id: string): Promise<void> {
  await write(deps, by, async ({ db, users }) => users.delete(await requireUser(db, id)))
}

export async function pageOfUsers({ store }: AdminDeps, query: PageQuery): Promise<Page<UserAnswer>> {
  const ids = await listUserIds(store.reader, sliceOf(query))
  return pageOf(await describe(store.reader, ids), query.limit, ({ username }) => username)
}

export async function describeUser(db: Db, id: string): Promise<UserAnswer> {
  const [user] = await describe(db, [id])
  return user ?? noUser()
}

export async function requireUser(db: Db, id: string): Promise<User> {
  return (await findUser(db, id)) ?? noUser()
}

/** Subjects of issuers that there are, each once, and none of them somebody else's. */
async function requireLinks(db: Db, id: string, links: readonly UserLink[]): Promise<UserLink[]> {
  await requireIssuers(db, links, 'links')
  const unique = [...new Map(links.map((link) => [`${link.issuer} ${link.subject}`, link])).values()]
  for (const link of unique) {
    const other = await findLinkedUser(db, link)
    if (other !== undefined && other !== id) {
      throw new Rejected('name_taken', `Subject ${link.subject} of issuer ${link.issuer} is user ${other}.`)
    }
  }
  return unique
}

async function describe(db: Db, ids: readonly string[]): Promise<UserAnswer[]> {
  if (ids.length === 0) return []
  const holders = ids.map((id) => ({ kind: 'user', id }) as const)
  const held = Map.groupBy(await listPermissionsOf(db, MANAGEMENT_RESOURCE, holders), ({ holder }) => holder.id)
  return (await listUsers(db, ids)).map((user) => toUser(user, held.get(user.id) ?? []))
}

/** Outside of the change: it takes long on purpose. */
async function hashOf(password: string | null | undefined, { hashPassword }: AdminDeps) {
  return typeof password === 'string' ? hashPassword(password).catch(busyOrThrow) : password
}

function busyOrThrow(error: unknown): never {
  if (!(error instanceof TooManyWait)) throw error
  const detail = 'Too many passwords are being hashed already. Send it again in a few seconds.'
  throw new Rejected('busy', detail, undefined, { 'Retry-After': '5' })
}

function noUser(): never {
  throw new Rejected('not_found', 'There is no user of this name. GET /api/v1/users lists those there are.')
}
