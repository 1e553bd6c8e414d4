// Rows as tests write them: valid, and the same in every field that a test does not name.
import type { StoredCredential } from '../../domain/credential.ts'
import { newCredential } from '../../domain/new-credential.ts'
import type { ClientWrite } from '../clients.ts'
import type { ResourceWrite } from '../resources.ts'

export const T0 = new Date('2030-01-01T00:00:00Z')
export const later = (seconds: number) => new Date(T0.getTime() + seconds * 1000)

export const clientWrite = (id: string, changed: Partial<ClientWrite> = {}): ClientWrite => ({
  id,
  name: id,
  groups: [],
  grants: ['client_credentials'],
  authMethods: ['client_secret_basic', 'client_secret_post'],
  keys: null,
  defaultResource: null,
  accessTokenTtlSeconds: null,
  networkTexts: [],
  listener: 'any',
  requiresWorkload: null,
  disabled: false,
  ...changed,
})

export const resourceWrite = (name: string, changed: Partial<ResourceWrite> = {}): ResourceWrite => ({
  name,
  identifier: `https://${name}.example.com`,
  hosts: [`${name}.example.com`],
  disabled: false,
  scopes: ['files:read', 'files:write'],
  scope_details: {},
  rules: [{ methods: ['GET'], path: '/**', require: { scopes: ['files:read'] } }],
  access_token: { format: 'jwt', ttl_seconds: 600 },
  foreign_credentials: 'reject',
  credential_header: null,
  introspectors: [],
  audience_aliases: [],
  preflight: 'deny',
  headers: {},
  groups: 'holding',
  ...changed,
})

export function credentialOf(id: string, changed: Partial<StoredCredential> = {}): StoredCredential {
  const owner = { kind: 'client', id: 'canister' } as const
  const making = { now: T0, revision: 0, actor: { by: 'client:ops' } }
  return { ...newCredential(making, { id, kind: 'key', owner, name: 'laptop', hint: 'cs_key_…aB3x' }), ...changed }
}

export const permissionOf = (id: string) => ({
  id,
  holder: { kind: 'client' as const, id: 'canister' },
  resource: 'webdav',
  scopes: ['files:read'],
  roles: ['reader'],
  projects: ['a'],
})

/** The damages after which something could still be read, which is a row that was believed. */
export async function acceptedOf<T>(damages: readonly T[], damage: (one: T) => Promise<(() => Promise<unknown>)[]>) {
  const accepted: T[] = []
  for (const one of damages) {
    for (const read of await damage(one)) {
      const outcome = await read().then(
        () => 'read',
        () => 'refused',
      )
      if (outcome === 'read' && accepted.at(-1) !== one) accepted.push(one)
    }
  }
  return accepted
}
