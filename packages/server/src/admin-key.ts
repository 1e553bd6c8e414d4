import { join } from 'node:path'
import { formatCredential, hintOf, MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { ADMIN_CLIENT } from './domain/client.ts'
import { makeId } from './domain/ids.ts'
import { newCredential } from './domain/new-credential.ts'
import { findClient, updateClient } from './store/clients.ts'
import { insertCredential, listCredentials } from './store/credentials.ts'
import { type Change, change, HOST_ACTOR, type Store } from './store/store.ts'

export type AdminKey = {
  readonly id: string
  readonly key: string
  /** The client that it belongs to, when it had been disabled and is not any more: with it the key would be dead. */
  readonly enabled?: string
}

/**
 * Makes a key with role admin at the management API, for whoever sits at the host itself, and enables the client that
 * it belongs to. Audited. `keep` is called before the key counts: a key that could not be kept was never made.
 */
export async function issueAdminKey(
  store: Store,
  sha256Hex: (text: string) => string,
  keep: (key: string) => void = () => {},
): Promise<AdminKey> {
  const key = formatCredential('key', store.random(32))
  const { result } = await change(store, HOST_ACTOR, async (running) => {
    const id = makeId('key', running.now, store.random)
    const made = newCredential(running, {
      id,
      kind: 'key',
      owner: { kind: 'client', id: ADMIN_CLIENT },
      name: 'admin key',
      hint: hintOf(key),
      narrowing: { resources: [MANAGEMENT_RESOURCE], scopes: null, projects: null },
    })
    await insertCredential(running, made, sha256Hex(key))
    await running.record('credential.create', 'credential', id, { owner: `client:${ADMIN_CLIENT}`, by: 'admin-key' })
    const enabled = await enableOwner(running)
    keep(key)
    return enabled ? { id, enabled: ADMIN_CLIENT } : { id }
  })
  return { ...result, key }
}

async function enableOwner(running: Change): Promise<boolean> {
  const client = await findClient(running.db, ADMIN_CLIENT)
  if (!client?.disabled) return false
  await updateClient(running, { ...client, disabled: false })
  const detail = { fields: ['disabled'], groups: client.groups, disabled: false, by: 'admin-key' }
  await running.record('client.change', 'client', ADMIN_CLIENT, detail)
  return true
}

/** True until the first admin key was made: then the server makes one by itself. */
export async function needsFirstAdminKey(store: Store): Promise<boolean> {
  const owner = { kind: 'client', id: ADMIN_CLIENT } as const
  return (await listCredentials(store.reader, { owner, limit: 1 })).length === 0
}

/** Where the admin key of the first run is written when nobody watches. */
export function adminKeyPath(dataDir: string): string {
  return join(dataDir, 'admin-key')
}
