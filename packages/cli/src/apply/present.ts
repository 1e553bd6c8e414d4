import type { ApiClient, Client, Group, Permission, Resource, User } from '@countersign/admin-api'
import { all } from '../session.ts'

/** What is there, of every noun that a file can declare. */
export type Present = {
  readonly groups: readonly Group[]
  readonly resources: readonly Resource[]
  readonly clients: readonly Client[]
  readonly users: readonly User[]
  readonly permissions: readonly Permission[]
}

export async function readPresent({ groups, resources, clients, users, permissions }: ApiClient): Promise<Present> {
  return {
    groups: await all(groups.list),
    resources: await all(resources.list),
    clients: await all(clients.list),
    users: await all(users.list),
    permissions: await all(permissions.list),
  }
}
