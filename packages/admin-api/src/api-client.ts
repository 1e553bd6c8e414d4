import { z } from 'zod'
import { type CallOptions, caller, path } from './call.ts'
import { Client, type ClientChange, ClientPage, type NewClient } from './client.ts'
import { Credential, CredentialPage, type CredentialQuery } from './credential.ts'
import { Decision, DecisionPage, type DecisionQuery } from './decision.ts'
import { type Explain, Explanation } from './explain.ts'
import { Group, GroupPage, type NewGroup } from './group.ts'
import {
  type BulkRevocation,
  BulkRevoked,
  IssuedKey,
  type NewKey,
  type Revocation,
  Revoked,
  RotatedKey,
  type Rotation,
} from './key.ts'
import { Me } from './me.ts'
import type { PageQuery } from './page.ts'
import { type NewPermission, Permission, PermissionPage, type PermissionQuery } from './permission.ts'
import { ChangedResource, type NewResource, Resource, type ResourceChange, ResourcePage } from './resource.ts'

/** 204: done, and nothing to say. */
const Nothing = z.void()

type Body<Schema extends z.ZodType> = z.input<Schema>

/**
 * The management API as typed methods, one a call.
 *
 * Every method throws `ApiError` for an answer that is no success and `UnreachableError` when none came. Bodies are
 * checked by the server, which knows more; answers are checked here.
 *
 * @example
 * const api = apiClient({ server: 'http://127.0.0.1:8420', key })
 * await api.clients.create({ id: 'canister', groups: ['media'] })
 * const { key: shownOnce } = await api.keys.create('canister', { name: 'laptop' })
 */
export function apiClient(options: CallOptions) {
  const call = caller(options)
  return {
    resources: {
      list: (query: Partial<PageQuery> = {}) => call('GET', '/resources', ResourcePage, { query }),
      create: (body: Body<typeof NewResource>) => call('POST', '/resources', ChangedResource, { body }),
      get: (name: string) => call('GET', path`/resources/${name}`, Resource),
      change: (name: string, body: Body<typeof ResourceChange>) =>
        call('PATCH', path`/resources/${name}`, ChangedResource, { body }),
      delete: (name: string) => call('DELETE', path`/resources/${name}`, Nothing),
    },
    groups: {
      list: (query: Partial<PageQuery> = {}) => call('GET', '/groups', GroupPage, { query }),
      create: (body: Body<typeof NewGroup>) => call('POST', '/groups', Group, { body }),
      get: (name: string) => call('GET', path`/groups/${name}`, Group),
      delete: (name: string) => call('DELETE', path`/groups/${name}`, Nothing),
    },
    clients: {
      list: (query: Partial<PageQuery> = {}) => call('GET', '/clients', ClientPage, { query }),
      create: (body: Body<typeof NewClient>) => call('POST', '/clients', Client, { body }),
      get: (id: string) => call('GET', path`/clients/${id}`, Client),
      change: (id: string, body: Body<typeof ClientChange>) => call('PATCH', path`/clients/${id}`, Client, { body }),
      delete: (id: string) => call('DELETE', path`/clients/${id}`, Nothing),
      revokeCredentials: (id: string, body: Body<typeof BulkRevocation> = {}) =>
        call('POST', path`/clients/${id}/revoke-credentials`, BulkRevoked, { body }),
    },
    permissions: {
      list: (query: Partial<PermissionQuery> = {}) => call('GET', '/permissions', PermissionPage, { query }),
      create: (body: Body<typeof NewPermission>) => call('POST', '/permissions', Permission, { body }),
      get: (id: string) => call('GET', path`/permissions/${id}`, Permission),
      delete: (id: string) => call('DELETE', path`/permissions/${id}`, Nothing),
    },
    keys: {
      list: (client: string, query: Partial<PageQuery> = {}) =>
        call('GET', path`/clients/${client}/keys`, CredentialPage, { query }),
      create: (client: string, body: Body<typeof NewKey> = {}) =>
        call('POST', path`/clients/${client}/keys`, IssuedKey, { body }),
    },
    credentials: {
      list: (query: Partial<CredentialQuery> = {}) => call('GET', '/credentials', CredentialPage, { query }),
      get: (id: string) => call('GET', path`/credentials/${id}`, Credential),
      rotate: (id: string, body: Body<typeof Rotation> = {}) =>
        call('POST', path`/credentials/${id}/rotate`, RotatedKey, { body }),
      revoke: (id: string, body: Body<typeof Revocation> = {}) =>
        call('POST', path`/credentials/${id}/revoke`, Revoked, { body }),
    },
    decisions: {
      list: (query: Partial<DecisionQuery> = {}) => call('GET', '/decisions', DecisionPage, { query }),
      get: (id: string) => call('GET', path`/decisions/${id}`, Decision),
    },
    explain: (body: Body<typeof Explain>) => call('POST', '/explain', Explanation, { body }),
    me: () => call('GET', '/me', Me),
  }
}

export type ApiClient = ReturnType<typeof apiClient>
export type { Fetch } from './call.ts'
