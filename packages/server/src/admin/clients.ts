import type { Client as ClientAnswer, ClientChange, NewClient } from '@countersign/admin-api'
import type { AuthMethod, Client, ClientKeys } from '../domain/client.ts'
import { type ClientWrite, findClient } from '../store/clients.ts'
import type { Db } from '../store/store.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { Rejected, rejectedField } from './problem.ts'
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
      token_endpoint_auth_methods: body.token_endpoint_auth_methods ?? before.authMethods,
      ...keysSent(body, before),
      access_token_ttl_seconds:
        body.access_token_ttl_seconds === undefined ? before.accessTokenTtlSeconds : body.access_token_ttl_seconds,
      networks: body.networks === undefined ? [...before.networkTexts] : body.networks,
      listener: body.listener ?? before.listener,
      disabled: body.disabled ?? before.disabled,
      // One that is gone since is no mistake of this call.
      default_resource: body.default_resource ?? null,
    }
    const after = await acceptable(sent, writes.db, deps)
    const kept = {
      ...(body.default_resource === undefined && { defaultResource: before.defaultResource }),
      ...(body.jwks === undefined && body.jwks_uri === undefined && { keys: before.keys }),
    }
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

type Keys = Pick<NewClient, 'jwks' | 'jwks_uri'>
type WantedClient = Omit<NewClient, 'name' | 'grants' | 'token_endpoint_auth_methods' | 'managed_by'> & {
  name: string
  grants: readonly string[]
  token_endpoint_auth_methods: readonly AuthMethod[]
}

/** Whoever sends one of the two forms means it in place of the other. */
function keysSent({ jwks, jwks_uri }: Pick<ClientChange, keyof Keys>, { keys }: Client): Keys {
  if (jwks !== undefined || jwks_uri !== undefined) return { jwks: jwks ?? null, jwks_uri: jwks_uri ?? null }
  if (keys === null) return { jwks: null, jwks_uri: null }
  return 'jwks' in keys
    ? { jwks: keys.jwks as NewClient['jwks'], jwks_uri: null }
    : { jwks: null, jwks_uri: keys.jwksUri }
}

/** What `private_key_jwt` is checked with; at revision 0 it counts as registered by the change that writes it. */
function requireKeys({ jwks, jwks_uri, token_endpoint_auth_methods: methods }: WantedClient): ClientKeys | null {
  if (jwks !== null && jwks_uri !== null) throw rejectedField('jwks_uri', 'expected one of jwks and jwks_uri, not both')
  const keys = jwks !== null ? { jwks, revision: 0 } : jwks_uri !== null ? { jwksUri: jwks_uri, revision: 0 } : null
  if (keys === null && methods.includes('private_key_jwt')) {
    throw rejectedField('jwks', 'expected jwks or jwks_uri, since the client may use private_key_jwt')
  }
  return keys
}

async function acceptable(wanted: WantedClient, db: Db, deps: AdminDeps): Promise<ClientWrite> {
  const { default_resource: defaultResource } = wanted
  if (defaultResource !== null) await requireResources(db, deps, [defaultResource], () => 'default_resource')
  return {
    id: wanted.id,
    name: wanted.name,
    groups: await requireGroups(db, wanted.groups, 'groups'),
    grants: [...new Set(wanted.grants)],
    authMethods: [...new Set(wanted.token_endpoint_auth_methods)],
    keys: requireKeys(wanted),
    defaultResource,
    accessTokenTtlSeconds: wanted.access_token_ttl_seconds,
    networkTexts: requireNetworks(wanted.networks ?? []).networkTexts,
    listener: wanted.listener,
    disabled: wanted.disabled,
  }
}
