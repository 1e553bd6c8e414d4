import type { ApiClient, Client, Group, Issuer, Permission, Resource, TrustRule, User } from '@countersign/admin-api'
import { all } from '../session.ts'

/** What is there, of every noun that a file can declare. */
export type Present = {
  readonly groups: readonly Group[]
  readonly issuers: readonly Issuer[]
  readonly resources: readonly Resource[]
  readonly clients: readonly Client[]
  readonly users: readonly User[]
  readonly trustRules: readonly TrustRule[]
  readonly permissions: readonly Permission[]
}

export async function readPresent(api: ApiClient): Promise<Present> {
  const { groups, issuers, resources, clients, users, trustRules, permissions } = api
  return {
    groups: await all(groups.list),
    issuers: await all(issuers.list),
    resources: await all(resources.list),
    clients: await all(clients.list),
    users: await all(users.list),
    trustRules: await all(trustRules.list),
    permissions: await all(permissions.list),
  }
}
