import type {
  ApiClient,
  Client,
  Credential,
  Group,
  Issuer,
  Permission,
  Resource,
  TrustRule,
  User,
} from '@countersign/admin-api'
import { all, unlessForbidden } from '../session.ts'
import { NAMED_NOUNS, type NamedNoun } from './nouns.ts'

/** What is there, of every noun that a file can declare. */
export type Present = {
  /** Those that are declared, by their digests. */
  readonly credentials: ReadonlyMap<string, Credential>
  /** Those that this file made, whatever their state. */
  readonly managedCredentials: readonly Credential[]
  readonly groups: readonly Group[]
  readonly issuers: readonly Issuer[]
  readonly resources: readonly Resource[]
  readonly clients: readonly Client[]
  readonly users: readonly User[]
  readonly trustRules: readonly TrustRule[]
  readonly permissions: readonly Permission[]
  /** What was deleted, by noun and name: the name is never given again. */
  readonly deleted: ReadonlySet<string>
}

/** Of everything that was ever deleted. A key that may not read the events learns it from the refusal. */
async function readDeleted(api: ApiClient): Promise<ReadonlySet<string>> {
  const deleted = new Set<string>()
  for (const noun of NAMED_NOUNS) {
    const list = (page: object) => api.auditEvents.list({ noun, action: `${noun}.delete`, ...page })
    for (const { noun_id: name } of (await unlessForbidden(all(list))) ?? []) deleted.add(deletedKey(noun, name))
  }
  return deleted
}

export function deletedKey(noun: NamedNoun, name: string): string {
  return `${noun} ${name}`
}

/** @param file the name of the file that declares, and the digests of the keys and secrets in it. */
export async function readPresent(
  api: ApiClient,
  { name, digests }: { readonly name: string; readonly digests: readonly string[] },
): Promise<Present> {
  const { groups, issuers, resources, clients, users, trustRules, permissions, credentials } = api
  const known = new Map<string, Credential>()
  for (const digest of digests) {
    const [found] = (await credentials.list({ digest, limit: 1 })).items
    if (found !== undefined) known.set(digest, found)
  }
  const managed = all((page) => credentials.list({ managed_by: name, ...page }))
  return {
    credentials: known,
    // A key that may not even read credentials made none.
    managedCredentials: (await unlessForbidden(managed)) ?? [],
    groups: await all(groups.list),
    issuers: await all(issuers.list),
    resources: await all(resources.list),
    clients: await all(clients.list),
    users: await all(users.list),
    trustRules: await all(trustRules.list),
    permissions: await all(permissions.list),
    deleted: await readDeleted(api),
  }
}
