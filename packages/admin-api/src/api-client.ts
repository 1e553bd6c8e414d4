import { z } from 'zod'
import { AuditEvent, AuditEventPage, type AuditEventQuery } from './audit-event.ts'
import { type CallOptions, caller, path } from './call.ts'
import { Client, type ClientChange, ClientPage, type NewClient } from './client.ts'
import { Credential, CredentialPage, type CredentialQuery } from './credential.ts'
import { Decision, DecisionPage, type DecisionQuery } from './decision.ts'
import { type Explain, Explanation } from './explain.ts'
import { Group, type GroupChange, GroupPage, GroupWithMembers, MemberPage, type NewGroup } from './group.ts'
import { type CredentialImport, CredentialImported, ForeignPrefixes } from './import.ts'
import { Issuer, type IssuerChange, IssuerPage, type NewIssuer } from './issuer.ts'
import {
  type AgeRevocation,
  type BulkRevocation,
  BulkRevoked,
  IssuedKey,
  IssuedSecret,
  IssuedToken,
  type NewKey,
  type NewSecret,
  type NewToken,
  type Revocation,
  Revoked,
  Rotated,
  type Rotation,
} from './key.ts'
import { LeakAnswer, type LeakReport } from './leak.ts'
import { Me, MyResources } from './me.ts'
import { NodePage } from './node.ts'
import type { PageQuery } from './page.ts'
import {
  type NewPermission,
  Permission,
  type PermissionChange,
  PermissionPage,
  type PermissionQuery,
} from './permission.ts'
import { ChangedResource, type NewResource, Resource, type ResourceChange, ResourcePage } from './resource.ts'
import { SigningKey, SigningKeyPage, type SigningKeyRotation } from './signing-key.ts'
import {
  LintedTrustRule,
  type NewTrustRule,
  type TrustRuleChange,
  TrustRulePage,
  type TrustRuleQuery,
} from './trust-rule.ts'
import { type NewUser, User, type UserChange, UserPage } from './user.ts'

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
      get: (name: string) => call('GET', path`/groups/${name}`, GroupWithMembers),
      change: (name: string, body: Body<typeof GroupChange>) => call('PATCH', path`/groups/${name}`, Group, { body }),
      delete: (name: string) => call('DELETE', path`/groups/${name}`, Nothing),
      members: (name: string, query: Partial<PageQuery> = {}) =>
        call('GET', path`/groups/${name}/members`, MemberPage, { query }),
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
    users: {
      list: (query: Partial<PageQuery> = {}) => call('GET', '/users', UserPage, { query }),
      create: (body: Body<typeof NewUser>) => call('POST', '/users', User, { body }),
      get: (username: string) => call('GET', path`/users/${username}`, User),
      change: (username: string, body: Body<typeof UserChange>) =>
        call('PATCH', path`/users/${username}`, User, { body }),
      delete: (username: string) => call('DELETE', path`/users/${username}`, Nothing),
      revokeCredentials: (username: string, body: Body<typeof BulkRevocation> = {}) =>
        call('POST', path`/users/${username}/revoke-credentials`, BulkRevoked, { body }),
    },
    issuers: {
      list: (query: Partial<PageQuery> = {}) => call('GET', '/issuers', IssuerPage, { query }),
      create: (body: Body<typeof NewIssuer>) => call('POST', '/issuers', Issuer, { body }),
      get: (name: string) => call('GET', path`/issuers/${name}`, Issuer),
      change: (name: string, body: Body<typeof IssuerChange>) =>
        call('PATCH', path`/issuers/${name}`, Issuer, { body }),
      delete: (name: string) => call('DELETE', path`/issuers/${name}`, Nothing),
    },
    trustRules: {
      list: (query: Partial<TrustRuleQuery> = {}) => call('GET', '/trust-rules', TrustRulePage, { query }),
      create: (body: Body<typeof NewTrustRule>) => call('POST', '/trust-rules', LintedTrustRule, { body }),
      get: (name: string) => call('GET', path`/trust-rules/${name}`, LintedTrustRule),
      change: (name: string, body: Body<typeof TrustRuleChange>) =>
        call('PATCH', path`/trust-rules/${name}`, LintedTrustRule, { body }),
      delete: (name: string) => call('DELETE', path`/trust-rules/${name}`, Nothing),
    },
    permissions: {
      list: (query: Partial<PermissionQuery> = {}) => call('GET', '/permissions', PermissionPage, { query }),
      create: (body: Body<typeof NewPermission>) => call('POST', '/permissions', Permission, { body }),
      get: (id: string) => call('GET', path`/permissions/${id}`, Permission),
      change: (id: string, body: Body<typeof PermissionChange>) =>
        call('PATCH', path`/permissions/${id}`, Permission, { body }),
      delete: (id: string) => call('DELETE', path`/permissions/${id}`, Nothing),
    },
    keys: {
      list: (client: string, query: Partial<PageQuery> = {}) =>
        call('GET', path`/clients/${client}/keys`, CredentialPage, { query }),
      create: (client: string, body: Body<typeof NewKey> = {}) =>
        call('POST', path`/clients/${client}/keys`, IssuedKey, { body }),
    },
    secrets: {
      list: (client: string, query: Partial<PageQuery> = {}) =>
        call('GET', path`/clients/${client}/secrets`, CredentialPage, { query }),
      create: (client: string, body: Body<typeof NewSecret> = {}) =>
        call('POST', path`/clients/${client}/secrets`, IssuedSecret, { body }),
    },
    tokens: {
      list: (username: string, query: Partial<PageQuery> = {}) =>
        call('GET', path`/users/${username}/tokens`, CredentialPage, { query }),
      create: (username: string, body: Body<typeof NewToken> = {}) =>
        call('POST', path`/users/${username}/tokens`, IssuedToken, { body }),
    },
    credentials: {
      list: (query: Partial<CredentialQuery> = {}) => call('GET', '/credentials', CredentialPage, { query }),
      get: (id: string) => call('GET', path`/credentials/${id}`, Credential),
      rotate: (id: string, body: Body<typeof Rotation> = {}) =>
        call('POST', path`/credentials/${id}/rotate`, Rotated, { body }),
      revoke: (id: string, body: Body<typeof Revocation> = {}) =>
        call('POST', path`/credentials/${id}/revoke`, Revoked, { body }),
      revokeOlder: (body: Body<typeof AgeRevocation>) =>
        call('POST', '/credentials/revoke-older', BulkRevoked, { body }),
      import: (body: Body<typeof CredentialImport>) =>
        call('POST', '/credentials/import', CredentialImported, { body }),
      foreignPrefixes: (query: Partial<PageQuery> = {}) =>
        call('GET', '/credentials/foreign-prefixes', ForeignPrefixes, { query }),
    },
    signingKeys: {
      list: (query: Partial<PageQuery> = {}) => call('GET', '/signing-keys', SigningKeyPage, { query }),
      get: (kid: string) => call('GET', path`/signing-keys/${kid}`, SigningKey),
      rotate: (body: Body<typeof SigningKeyRotation> = {}) =>
        call('POST', '/signing-keys/rotate', SigningKey, { body }),
    },
    nodes: (query: Partial<PageQuery> = {}) => call('GET', '/nodes', NodePage, { query }),
    decisions: {
      list: (query: Partial<DecisionQuery> = {}) => call('GET', '/decisions', DecisionPage, { query }),
      get: (id: string) => call('GET', path`/decisions/${id}`, Decision),
    },
    auditEvents: {
      list: (query: Partial<AuditEventQuery> = {}) => call('GET', '/audit-events', AuditEventPage, { query }),
      get: (id: string) => call('GET', path`/audit-events/${id}`, AuditEvent),
    },
    explain: (body: Body<typeof Explain>) => call('POST', '/explain', Explanation, { body }),
    leaks: { report: (body: Body<typeof LeakReport>) => call('POST', '/leaks', LeakAnswer, { body }) },
    me: () => call('GET', '/me', Me),
    myResources: (query: Partial<PageQuery> = {}) => call('GET', '/me/resources', MyResources, { query }),
    myTokens: {
      list: (query: Partial<PageQuery> = {}) => call('GET', '/me/tokens', CredentialPage, { query }),
      create: (body: Body<typeof NewToken> = {}) => call('POST', '/me/tokens', IssuedToken, { body }),
      rotate: (id: string, body: Body<typeof Rotation> = {}) =>
        call('POST', path`/me/tokens/${id}/rotate`, Rotated, { body }),
      revoke: (id: string, body: Body<typeof Revocation> = {}) =>
        call('POST', path`/me/tokens/${id}/revoke`, Revoked, { body }),
    },
  }
}

export type ApiClient = ReturnType<typeof apiClient>
export type { Fetch } from './call.ts'
