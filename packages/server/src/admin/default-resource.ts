import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import type { Client } from '../domain/client.ts'
import { holdersFor } from '../domain/credential.ts'
import { listEnabledGroups } from '../store/groups.ts'
import { findOldestPermission } from '../store/permissions.ts'
import { findResource } from '../store/resources.ts'
import type { Db } from '../store/store.ts'

/**
 * The resource that a token request of this client means now if it names none: the one that is set, else that of the
 * oldest permission that it has or a group of it has. Null: it means none.
 *
 * To be written down before the client is given more: else what it gets further could be older, and its next token
 * would be for another resource. What the token endpoint does where nothing is written down is `oauth/target.ts`.
 */
export async function meantResource(
  db: Db,
  { id, groups, defaultResource }: Pick<Client, 'id' | 'groups' | 'defaultResource'>,
): Promise<string | null> {
  if (defaultResource === MANAGEMENT_RESOURCE) return defaultResource
  if (defaultResource !== null) return (await findResource(db, defaultResource)) === undefined ? null : defaultResource
  const holders = holdersFor({ kind: 'client', id }, await listEnabledGroups(db, groups))
  return (await findOldestPermission(db, holders))?.resource ?? null
}
