import { formatCredential } from '@countersign/resource-server'
import { compileRules } from '../../packages/server/src/domain/access-rule.ts'
import type { Client } from '../../packages/server/src/domain/client.ts'
import type { HeldPermission } from '../../packages/server/src/domain/credential.ts'
import { managementResource } from '../../packages/server/src/domain/management.ts'
import type { Resource } from '../../packages/server/src/domain/resource.ts'

// What every history begins with, made once for all of them.

export const HOST = 'webdav.example.com'
export const CLIENTS = ['canister', 'beets'] as const
export const MANAGEMENT = managementResource('http://127.0.0.1:8420')

const THEN = new Date(Date.UTC(2030, 0, 1))
const RULES = [{ path: '/**', require: { scopes: ['files:read'] } }]

export const WEBDAV: Resource = {
  ...MANAGEMENT,
  name: 'webdav',
  identifier: `https://${HOST}`,
  hosts: [HOST],
  scopes: ['files:read'],
  scopeDetails: {},
  roleScopes: new Map(),
  definitions: RULES,
  rules: compileRules(RULES, ['files:read']).rules,
  managedBy: null,
}

export const clientOf = (id: string, disabled: boolean): Client => ({
  ...{ id, name: id, groups: [], grants: [], authMethods: [], keys: null, defaultResource: null },
  ...{ accessTokenTtlSeconds: null, networks: [], networkTexts: [], listener: 'any', requiresWorkload: null },
  ...{ disabled, managedBy: null, createdAt: THEN, revision: 1 },
})

export const permissionOf = (client: string): HeldPermission => ({
  id: `perm_${client}`,
  holder: { kind: 'client', id: client },
  resource: 'webdav',
  ...{ scopes: ['files:read'], roles: [], projects: null, managedBy: null, createdAt: THEN },
})

/** Texts of the right form, more than a history uses; the same in every process. */
export const TEXTS: readonly string[] = Array.from({ length: 256 }, (_, n) =>
  formatCredential('key', new Uint8Array(32).fill(n)),
)
