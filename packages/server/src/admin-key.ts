import { formatCredential, hintOf, MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { ADMIN_CLIENT } from './domain/client.ts'
import { makeId } from './domain/ids.ts'
import { insertCredential, listCredentials } from './store/credentials.ts'
import { change, HOST_ACTOR, type Store } from './store/store.ts'

/** Makes a key with role admin at the management API, for whoever sits at the host itself. Audited. */
export async function issueAdminKey(store: Store, sha256Hex: (text: string) => string) {
  const key = formatCredential('key', store.random(32))
  const { result: id } = await change(store, HOST_ACTOR, async (running) => {
    const id = makeId('key', running.now, store.random)
    await insertCredential(
      running,
      {
        id,
        kind: 'key',
        owner: { kind: 'client', id: ADMIN_CLIENT },
        name: 'admin key',
        hint: hintOf(key),
        narrowing: { resources: [MANAGEMENT_RESOURCE], scopes: null, projects: null },
        networks: [],
        networkTexts: [],
        notBefore: null,
        expiresAt: null,
        family: id,
        ancestors: [],
        createdAt: running.now,
        createdBy: running.actor.by,
        revision: running.revision,
        revokedAt: null,
        revokedBy: null,
        revokedReason: null,
        lastUsedAt: null,
        lastUsedFrom: null,
      },
      sha256Hex(key),
    )
    await running.record('credential.create', 'credential', id, { owner: `client:${ADMIN_CLIENT}`, by: 'admin-key' })
    return id
  })
  return { id, key }
}

/** True until the first admin key was made: then the server makes one by itself. */
export async function needsFirstAdminKey(store: Store): Promise<boolean> {
  const owner = { kind: 'client', id: ADMIN_CLIENT } as const
  return (await listCredentials(store.reader, { owner, limit: 1 })).length === 0
}
