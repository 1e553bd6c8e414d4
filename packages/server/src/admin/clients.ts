import type { Client as ClientAnswer, ClientChange, NewClient } from '@countersign/admin-api'
import type { Client } from '../domain/client.ts'
import { type ClientWrite, findClient } from '../store/clients.ts'
import type { Db } from '../store/store.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { Rejected } from './problem.ts'
import { requireGroups, requireNetworks, requireResources } from './references.ts'
import { toClient } from './wire.ts'
import { write } from './write.ts'

export async function createClient(deps: AdminDeps, by: Authorized, body: NewClient): Promise<ClientAnswer> {
  return write(deps, by, async (writes) => {
    const client = await acceptable({ ...body, name: body.name ?? body.id }, writes.db, deps)
    await writes.nouns.insertClient(client, body.managed_by)
    return toClient(await requireClient(writes.db, client.id))
  })
}

/** Only the fields sent change. */
export async function changeClient(
  deps: AdminDeps,
  by: Authorized,
  id: string,
  body: ClientChange,
): Promise<ClientAnswer> {
  return write(deps, by, async (writes) => {
    const before = await requireClient(writes.db, id)
    const sent = {
      id,
      name: body.name ?? before.name,
      groups: body.groups ?? [...before.groups],
      grants: body.grants ?? before.grants,
      access_token_ttl_seconds:
        body.access_token_ttl_seconds === undefined ? before.accessTokenTtlSeconds : body.access_token_ttl_seconds,
      networks: body.networks === undefined ? [...before.networkTexts] : body.networks,
      listener: body.listener ?? before.listener,
      disabled: body.disabled ?? before.disabled,
      // One that is gone since is no mistake of this call.
      default_resource: body.default_resource ?? null,
    }
    const after = await acceptable(sent, writes.db, deps)
    const kept = body.default_resource === undefined ? { defaultResource: before.defaultResource } : {}
    await writes.nouns.updateClient(before, { ...after, ...kept }, Object.keys(body), body.managed_by)
    return toClient(await requireClient(writes.db, id))
  })
}

export async function removeClient(deps: AdminDeps, by: Authorized, id: string): Promise<void> {
  await write(deps, by, async (writes) => writes.nouns.deleteClient(await requireClient(writes.db, id)))
}

export async function requireClient(db: Db, id: string): Promise<Client> {
  const client = await findClient(db, id)
  if (client !== undefined) return client
  throw new Rejected('not_found', 'There is no client of this id. GET /api/v1/clients lists those there are.')
}

type WantedClient = Omit<NewClient, 'name' | 'grants' | 'managed_by'> & { name: string; grants: readonly string[] }

async function acceptable(wanted: WantedClient, db: Db, deps: AdminDeps): Promise<ClientWrite> {
  const { default_resource: defaultResource } = wanted
  if (defaultResource !== null) await requireResources(db, deps, [defaultResource], () => 'default_resource')
  return {
    id: wanted.id,
    name: wanted.name,
    groups: await requireGroups(db, wanted.groups, 'groups'),
    grants: [...new Set(wanted.grants)],
    defaultResource,
    accessTokenTtlSeconds: wanted.access_token_ttl_seconds,
    networkTexts: requireNetworks(wanted.networks ?? []).networkTexts,
    listener: wanted.listener,
    disabled: wanted.disabled,
  }
}
