import type { AudienceAlias, ProtectedResource } from '@countersign/resource-server'
import type { RuleDefinition } from './access-rule.ts'

/** What a scope is for. A surface is a part of the API: `pushes`, of which there may be `pushes:read` and others. */
export type ScopeDetail = { readonly surface?: string | undefined; readonly description?: string | undefined }

/** A service behind the proxy, or an API: a protected resource (RFC 9728). */
export type Resource = ProtectedResource & {
  /** Canonical hosts, or `*.` and a domain. */
  readonly hosts: readonly string[]
  readonly scopes: readonly string[]
  /** What its scopes are for, for people: those that are described, by scope. Decides nothing. */
  readonly scopeDetails: Readonly<Record<string, ScopeDetail>>
  /** What a role stands for in scopes, beyond those that a permission names. */
  readonly roleScopes: ReadonlyMap<string, readonly string[]>
  readonly definitions: readonly RuleDefinition[]
  readonly accessToken: { readonly format: 'jwt' | 'opaque'; readonly ttlSeconds: number }
  /** Ids of the clients that may ask what a credential may do here (RFC 7662). */
  readonly introspectors: readonly string[]
  readonly audienceAliases: readonly AudienceAlias[]
  readonly foreignCredentials: 'reject' | 'pass'
  /** Lower case; then it is the only source of machine credentials. */
  readonly credentialHeader: string | undefined
  readonly preflight: 'deny' | 'pass'
  /** Further header name → the identity header whose value it repeats. */
  readonly headers: Readonly<Record<string, string>>
  /** Which of its groups an identity names: those that hold a permission here, or all. */
  readonly groups: 'holding' | 'all'
  /** What declares it: null for people through the API, `countersign` for the management API itself. */
  readonly managedBy: string | null
  readonly createdAt: Date
  /** The revision of its last change. */
  readonly revision: number
}
