// From the domain to the wire of the management API. The other way is each noun's own file.

import * as wire from '@countersign/admin-api'
import type { Client, Group } from '../domain/client.ts'
import type { HeldPermission, StoredCredential } from '../domain/credential.ts'
import type { ExternalIssuer } from '../domain/issuer.ts'
import type { Resource } from '../domain/resource.ts'
import type { ServerTrustRule, TrustTarget } from '../domain/trust-rule.ts'
import type { User } from '../domain/user.ts'
import { type JudgedCredential, judge } from './credential-state.ts'
import type { AdminDeps } from './deps.ts'

export function toResource(resource: Resource): wire.Resource {
  return {
    name: resource.name,
    identifier: resource.identifier,
    hosts: [...resource.hosts],
    scopes: [...resource.scopes],
    scope_details: { ...resource.scopeDetails },
    rules: resource.definitions.map((rule) => ({ ...rule })),
    access_token: { format: resource.accessToken.format, ttl_seconds: resource.accessToken.ttlSeconds },
    introspectors: [...resource.introspectors],
    audience_aliases: resource.audienceAliases.map((alias) => ({ ...alias })),
    foreign_credentials: resource.foreignCredentials,
    credential_header: resource.credentialHeader ?? null,
    preflight: resource.preflight,
    headers: { ...resource.headers } as wire.Resource['headers'],
    groups: resource.groups,
    disabled: resource.disabled,
    managed_by: resource.managedBy,
    created_at: resource.createdAt.toISOString(),
    revision: resource.revision,
  }
}

export function toGroup({ name, description, disabled, managedBy, createdAt }: Group): wire.Group {
  return {
    name,
    description: description === '' ? null : description,
    disabled,
    managed_by: managedBy,
    created_at: createdAt.toISOString(),
  }
}

/** A user, with the roles that their own permissions at the management API give. */
export function toUser(user: User, own: readonly HeldPermission[]): wire.User {
  const held = new Set(own.flatMap((permission) => permission.roles))
  return {
    username: user.id,
    name: user.name,
    email: user.email,
    roles: wire.USER_ROLES.filter((role) => held.has(role)),
    groups: [...user.groups],
    links: user.links.map((link) => ({ ...link })),
    disabled: user.disabled,
    has_password: user.hasPassword,
    managed_by: user.managedBy,
    created_at: user.createdAt.toISOString(),
  }
}

export function toClient(client: Client): wire.Client {
  return {
    id: client.id,
    name: client.name,
    groups: [...client.groups],
    grants: client.grants.filter((grant) => grant === 'client_credentials'),
    token_endpoint_auth_methods: [...client.authMethods],
    jwks: client.keys !== null && 'jwks' in client.keys ? (client.keys.jwks as wire.Client['jwks']) : null,
    jwks_uri: client.keys !== null && 'jwksUri' in client.keys ? client.keys.jwksUri : null,
    default_resource: client.defaultResource,
    access_token_ttl_seconds: client.accessTokenTtlSeconds,
    networks: listOrNull(client.networkTexts),
    listener: client.listener,
    requires_workload: client.requiresWorkload,
    disabled: client.disabled,
    managed_by: client.managedBy,
    created_at: client.createdAt.toISOString(),
  }
}

export function toIssuer(issuer: ExternalIssuer): wire.Issuer {
  const { keySource, kubernetes, groupMappings } = issuer
  return {
    name: issuer.name,
    issuer: issuer.issuer,
    algorithms: [...issuer.algorithms] as wire.Issuer['algorithms'],
    profile: issuer.profile,
    jwks: keySource.kind === 'jwks' ? (keySource.jwks as wire.Issuer['jwks']) : null,
    jwks_uri: keySource.kind === 'jwks_uri' ? keySource.uri : null,
    jwks_file: keySource.kind === 'jwks_file' ? keySource.path : null,
    max_lifetime_seconds: issuer.maxLifetimeSeconds,
    tolerance_seconds: issuer.toleranceSeconds,
    allowed_clients: issuer.allowedClients && [...issuer.allowedClients],
    ca_file: issuer.caFile,
    kubernetes: kubernetes && {
      mode: kubernetes.mode,
      api_server: kubernetes.apiServer,
      token_file: kubernetes.tokenFile,
    },
    groups_claims: issuer.groupsClaims && [...issuer.groupsClaims],
    group_mappings:
      groupMappings && Object.fromEntries(Object.entries(groupMappings).map(([group, values]) => [group, [...values]])),
    single_use_assertions: issuer.singleUseAssertions,
    disabled: issuer.disabled,
    managed_by: issuer.managedBy,
    created_at: issuer.createdAt.toISOString(),
  }
}

export function toTrustRule(rule: ServerTrustRule): wire.TrustRule {
  const { resources, scopes, projects } = rule.narrowing
  return {
    name: rule.name,
    description: rule.description === '' ? null : rule.description,
    issuer: rule.issuer,
    match: rule.match as wire.TrustRule['match'],
    as: toTarget(rule.as),
    mode: rule.mode,
    expires_at: rule.expiresAt?.toISOString() ?? null,
    resources: resources && [...resources],
    scopes: scopes && [...scopes],
    projects: projects && [...projects],
    managed_by: rule.managedBy,
    created_at: rule.createdAt.toISOString(),
  }
}

function toTarget(as: TrustTarget): wire.TrustRule['as'] {
  switch (as.kind) {
    case 'client':
      return { client: as.id }
    case 'workload':
      return { workload: { groups: [...as.groups] } }
    case 'user':
      return { user: 'linked' }
  }
}

export function toPermission(permission: HeldPermission): wire.Permission {
  const { id, holder, resource, scopes, roles, projects, managedBy, createdAt } = permission
  return {
    id,
    [holder.kind]: holder.id,
    resource,
    scopes: [...scopes],
    roles: [...roles],
    projects: projects && [...projects],
    managed_by: managedBy,
    created_at: createdAt.toISOString(),
  }
}

/** A credential with its state now, by what this node's directory says of its owner and of the lines through it. */
export function toCredential(stored: StoredCredential, { directory, store }: AdminDeps): wire.Credential {
  const owner = directory.owner(stored.owner)
  const isOwnerLive = owner !== undefined && !owner.disabled
  return toJudgedCredential(judge(stored, directory.lineThrough, isOwnerLive, store.clock()))
}

function toJudgedCredential({ credential, status, revocation }: JudgedCredential<StoredCredential>): wire.Credential {
  const { id, kind, owner, name, hint, narrowing, networkTexts, family, ancestors } = credential
  if (kind === 'bootstrap' || kind === 'client_key' || kind === 'jwt' || kind === 'host')
    throw new Error(`a ${kind} is not stored`)
  const { resources, scopes, projects } = narrowing
  return {
    id,
    kind,
    owner: { ...owner },
    name: name === '' ? null : name,
    hint,
    resources: resources && [...resources],
    scopes: scopes && [...scopes],
    projects: projects && [...projects],
    audience: credential.audience,
    networks: listOrNull(networkTexts),
    full: isFull(credential),
    not_before: credential.notBefore?.toISOString() ?? null,
    expires_at: credential.expiresAt?.toISOString() ?? null,
    created_at: credential.createdAt.toISOString(),
    created_by: credential.createdBy,
    family,
    parent: ancestors[0] ?? null,
    state: status,
    revoked_at: revocation?.at.toISOString() ?? null,
    revoked_by: revocation?.by ?? null,
    revoked_reason: revocation?.reason ?? null,
    last_used_at: credential.lastUsedAt?.toISOString() ?? null,
    last_used_from: credential.lastUsedFrom,
    imported_from: credential.importedFrom,
    managed_by: credential.managedBy,
  }
}

/** Whether it may whatever its owner may, now and later. */
export function isFull({ narrowing }: Pick<StoredCredential, 'narrowing'>): boolean {
  return narrowing.resources === null && narrowing.scopes === null && narrowing.projects === null
}

function listOrNull(list: readonly string[]): string[] | null {
  return list.length === 0 ? null : [...list]
}
