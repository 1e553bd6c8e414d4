import type { Client as ClientAnswer, ClientChange, NewClient } from '@countersign/admin-api'
import type { AuthMethod, Client, ClientKeys } from '../domain/client.ts'
import { type ClientWrite, findClient } from '../store/clients.ts'
import type { Db } from '../store/store.ts'
import { requireUsableKeys } from './client-keys.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { Rejected, rejectedField } from './problem.ts'
import { requireGroups, requireNetworks, requireResources, requireTrustRule } from './references.ts'
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
      // Whoever sends one of the two forms means it in place of the other.
      jwks: body.jwks ?? null,
      jwks_uri: body.jwks_uri ?? null,
      access_token_ttl_seconds:
        body.access_token_ttl_seconds === undefined ? before.accessTokenTtlSeconds : body.access_token_ttl_seconds,
      networks: body.networks === undefined ? [...before.networkTexts] : body.networks,
      listener: body.listener ?? before.listener,
      // A rule that is gone since is no mistake of this call.
      requires_workload: body.requires_workload ?? null,
      disabled: body.disabled ?? before.disabled,
      // One that is gone since is no mistake of this call.
      default_resource: body.default_resource ?? null,
    }
    const keysKept = body.jwks === undefined && body.jwks_uri === undefined ? before.keys : undefined
    const after = await acceptable(sent, writes.db, deps, keysKept)
    const kept = {
      ...(body.default_resource === undefined && { defaultResource: before.defaultResource }),
      ...(body.requires_workload === undefined && { requiresWorkload: before.requiresWorkload }),
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

type WantedClient = Omit<NewClient, 'name' | 'grants' | 'token_endpoint_auth_methods' | 'managed_by'> & {
  name: string
  grants: readonly string[]
  token_endpoint_auth_methods: readonly AuthMethod[]
}

/** What `private_key_jwt` is checked with; at revision 0 it counts as registered by the change that writes it. */
async function requireKeys({ jwks, jwks_uri }: Pick<WantedClient, 'jwks' | 'jwks_uri'>, db: Db) {
  if (jwks !== null && jwks_uri !== null) throw rejectedField('jwks_uri', 'expected one of jwks and jwks_uri, not both')
  if (jwks_uri !== null) return { jwksUri: jwks_uri, revision: 0 }
  return jwks === null ? null : requireUsableKeys(jwks, db)
}

/** `keysKept`: the keys that are registered already, and stay; undefined: those that are wanted. */
async function acceptable(
  wanted: WantedClient,
  db: Db,
  deps: AdminDeps,
  keysKept?: ClientKeys | null,
): Promise<ClientWrite> {
  const { default_resource: defaultResource, token_endpoint_auth_methods: methods } = wanted
  if (defaultResource !== null) await requireResources(db, deps, [defaultResource], () => 'default_resource')
  const keys = keysKept === undefined ? await requireKeys(wanted, db) : keysKept
  if (keys === null && methods.includes('private_key_jwt')) {
    throw rejectedField('jwks', 'expected jwks or jwks_uri, since the client may use private_key_jwt')
  }
  return {
    id: wanted.id,
    name: wanted.name,
    groups: await requireGroups(db, wanted.groups, 'groups'),
    grants: [...new Set(wanted.grants)],
    authMethods: [...new Set(methods)],
    keys,
    defaultResource,
    accessTokenTtlSeconds: wanted.access_token_ttl_seconds,
    networkTexts: requireNetworks(wanted.networks ?? []).networkTexts,
    listener: wanted.listener,
    requiresWorkload: await requireTrustRule(db, wanted.requires_workload, 'requires_workload'),
    disabled: wanted.disabled,
  }
}
