import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { compileRules, type RuleDefinition } from './access-rule.ts'
import type { Resource, ScopeDetail } from './resource.ts'

// The management API is itself a resource: the same path, the same law of rights, rules of the same grammar.

export const MANAGEMENT_SCOPES = [
  'resources:read',
  'resources:write',
  'groups:read',
  'groups:write',
  'clients:read',
  'clients:write',
  'users:read',
  'users:write',
  'permissions:read',
  'permissions:write',
  'credentials:read',
  'credentials:write',
  'issuers:read',
  'issuers:write',
  'trust-rules:read',
  'trust-rules:write',
  'signing-keys:read',
  'signing-keys:write',
  'nodes:read',
  'decisions:read',
  'audit-events:read',
  'me:read',
  'me:write',
] as const

/** What the scopes are for, surface by surface; the compiler asks for each. */
const SCOPE_DETAILS: Readonly<Record<(typeof MANAGEMENT_SCOPES)[number], ScopeDetail>> = {
  'resources:read': { surface: 'resources', description: 'See what is protected, and its access rules' },
  'resources:write': { surface: 'resources', description: 'Protect resources, change their access rules' },
  'groups:read': { surface: 'groups', description: 'See groups and who is in them' },
  'groups:write': { surface: 'groups', description: 'Make, change and delete groups' },
  'clients:read': { surface: 'clients', description: 'See clients' },
  'clients:write': { surface: 'clients', description: 'Make, change, disable and delete clients' },
  'users:read': { surface: 'users', description: 'See users' },
  'users:write': { surface: 'users', description: 'Make, change, disable and delete users, set their passwords' },
  'permissions:read': { surface: 'permissions', description: 'See who may reach what' },
  'permissions:write': { surface: 'permissions', description: 'Give and take permissions' },
  'credentials:read': { surface: 'credentials', description: 'See credentials of others, never the secrets' },
  'credentials:write': { surface: 'credentials', description: 'Make, rotate and revoke credentials of others' },
  'issuers:read': { surface: 'issuers', description: 'See whose tokens are believed' },
  'issuers:write': { surface: 'issuers', description: 'Register, change and delete issuers' },
  'trust-rules:read': { surface: 'trust-rules', description: 'See which subjects of issuers stand for whom' },
  'trust-rules:write': { surface: 'trust-rules', description: 'Make, change and delete trust rules' },
  'signing-keys:read': { surface: 'signing-keys', description: 'See which keys sign tokens, and until when' },
  'signing-keys:write': { surface: 'signing-keys', description: 'Rotate the keys that sign tokens' },
  'nodes:read': { surface: 'nodes', description: 'See the servers on this database, and how far each has followed' },
  'decisions:read': { surface: 'decisions', description: 'See why requests passed or were refused' },
  'audit-events:read': { surface: 'audit-events', description: 'See who changed what' },
  'me:read': { surface: 'me', description: 'See who one is and what one may do' },
  'me:write': { surface: 'me', description: 'Make, rotate and revoke tokens of one’s own' },
}

/** What a role at the management API stands for. Scopes given beside a role add to it. */
const ROLE_SCOPES: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['admin', MANAGEMENT_SCOPES],
  ['auditor', MANAGEMENT_SCOPES.filter((scope) => scope.endsWith(':read'))],
  ['user', ['me:read', 'me:write']],
])

export const ADMIN_ROLE = 'admin'
export const MANAGEMENT_ROLES = [...ROLE_SCOPES.keys()]

function read(path: string, scope: string): RuleDefinition {
  return { methods: ['GET', 'HEAD'], path, require: { scopes: [scope] } }
}

function write(path: string, scope: string): RuleDefinition {
  return { methods: ['POST', 'PATCH', 'PUT', 'DELETE'], path, require: { scopes: [scope] } }
}

/** Of what only a user has: all others are told so here, at one place. */
function ofUsers(rule: RuleDefinition): RuleDefinition {
  return { ...rule, require: { ...rule.require, principals: ['user'] } }
}

/**
 * Whether these scopes and roles at the management API are about nobody but their holder: its own tokens. Such rights
 * bear on nobody else, so giving and taking them escalates nothing.
 */
export function isSelfService(permission: { readonly scopes: readonly string[]; readonly roles: readonly string[] }) {
  const byRoles = permission.roles.flatMap((role) => ROLE_SCOPES.get(role) ?? ['unknown'])
  return [...permission.scopes, ...byRoles].every((scope) => scope.startsWith('me:'))
}

/** Ordered; the first match decides; what no line allows is refused. */
const RULES: readonly RuleDefinition[] = [
  { methods: ['GET', 'HEAD'], path: '/api/v1/openapi.json', require: { public: true } },
  { methods: ['POST'], path: '/api/v1/leaks', require: { public: true } },
  ofUsers(read('/api/v1/me/tokens/**', 'me:read')),
  ofUsers(write('/api/v1/me/tokens/**', 'me:write')),
  read('/api/v1/me/**', 'me:read'),
  read('/api/v1/resources/**', 'resources:read'),
  write('/api/v1/resources/**', 'resources:write'),
  read('/api/v1/groups/**', 'groups:read'),
  write('/api/v1/groups/**', 'groups:write'),
  read('/api/v1/clients/:client/keys', 'credentials:read'),
  write('/api/v1/clients/:client/keys', 'credentials:write'),
  read('/api/v1/clients/:client/secrets', 'credentials:read'),
  write('/api/v1/clients/:client/secrets', 'credentials:write'),
  write('/api/v1/clients/:client/revoke-credentials', 'credentials:write'),
  read('/api/v1/clients/**', 'clients:read'),
  write('/api/v1/clients/**', 'clients:write'),
  read('/api/v1/users/:user/tokens', 'credentials:read'),
  write('/api/v1/users/:user/tokens', 'credentials:write'),
  write('/api/v1/users/:user/revoke-credentials', 'credentials:write'),
  read('/api/v1/users/**', 'users:read'),
  write('/api/v1/users/**', 'users:write'),
  read('/api/v1/permissions/**', 'permissions:read'),
  write('/api/v1/permissions/**', 'permissions:write'),
  read('/api/v1/credentials/**', 'credentials:read'),
  write('/api/v1/credentials/**', 'credentials:write'),
  read('/api/v1/issuers/**', 'issuers:read'),
  write('/api/v1/issuers/**', 'issuers:write'),
  read('/api/v1/trust-rules/**', 'trust-rules:read'),
  write('/api/v1/trust-rules/**', 'trust-rules:write'),
  read('/api/v1/signing-keys/**', 'signing-keys:read'),
  write('/api/v1/signing-keys/**', 'signing-keys:write'),
  read('/api/v1/nodes/**', 'nodes:read'),
  read('/api/v1/decisions/**', 'decisions:read'),
  read('/api/v1/audit-events/**', 'audit-events:read'),
  { methods: ['POST'], path: '/api/v1/explain', require: { scopes: ['decisions:read'] } },
]

/** The built-in resource `countersign`. It cannot be edited; it has no host: it is asked for by the API itself. */
export function managementResource(publicUrl: string): Resource {
  const { rules, problems } = compileRules(RULES, MANAGEMENT_SCOPES)
  if (problems.length > 0) throw new Error(problems.map(({ path, message }) => `${path} ${message}`).join('; '))
  return {
    name: MANAGEMENT_RESOURCE,
    identifier: `${publicUrl}/api/v1`,
    hosts: [],
    scopes: MANAGEMENT_SCOPES,
    scopeDetails: SCOPE_DETAILS,
    roleScopes: ROLE_SCOPES,
    definitions: RULES,
    rules,
    disabled: false,
    accessToken: { format: 'jwt', ttlSeconds: 600 },
    introspectors: [],
    audienceAliases: [],
    foreignCredentials: 'reject',
    credentialHeader: undefined,
    preflight: 'deny',
    headers: {},
    groups: 'holding',
    managedBy: MANAGEMENT_RESOURCE,
    createdAt: new Date(0),
    revision: 0,
  }
}
