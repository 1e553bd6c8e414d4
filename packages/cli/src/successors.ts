// Who follows a credential by rotation: whoever is refused soon has the next one already.

import type { ApiClient, Credential } from '@countersign/admin-api'
import { ownerWord } from './credential-text.ts'
import { all } from './session.ts'

/** For each of these that has one: the newest live credential of its family, by the id of the one that it follows. */
export async function findSuccessors(api: ApiClient, ending: readonly Credential[]): Promise<Map<string, string>> {
  const newest = new Map<string, Credential>()
  const asked = new Map(ending.map(({ owner, kind }) => [`${kind} ${ownerWord({ owner })}`, { owner, kind }]))
  for (const { owner, kind } of asked.values()) {
    const query = { owner: ownerWord({ owner }), kind, state: 'live' as const }
    for (const one of await all((page) => api.credentials.list({ ...query, ...page }))) {
      const known = newest.get(one.family)
      if (known === undefined || isNewer(one, known)) newest.set(one.family, one)
    }
  }
  const followed = ending.flatMap((one) => {
    const last = newest.get(one.family)
    return last !== undefined && isNewer(last, one) ? [[one.id, last.id] as const] : []
  })
  return new Map(followed)
}

/** Ids are in the order of their making. */
function isNewer(one: Credential, other: Credential): boolean {
  return one.created_at === other.created_at ? one.id > other.id : one.created_at > other.created_at
}
