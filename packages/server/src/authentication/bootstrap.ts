import { timingSafeEqual } from 'node:crypto'
import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { BOOTSTRAP_CLIENT } from '../domain/client.ts'
import type { StoredCredential } from '../domain/credential.ts'
import { KnownCredential } from './known-credentials.ts'
import type { CredentialKind } from './resolver.ts'

const EPOCH = new Date(0)

/** The record behind the bootstrap key: it is not stored; its owner, the client `bootstrap`, is. */
const BOOTSTRAP_CREDENTIAL: StoredCredential = {
  id: 'bootstrap',
  kind: 'bootstrap',
  owner: { kind: 'client', id: BOOTSTRAP_CLIENT },
  name: 'Bootstrap key',
  hint: 'from the configuration',
  narrowing: { resources: [MANAGEMENT_RESOURCE], scopes: null, projects: null },
  networks: [],
  networkTexts: [],
  notBefore: null,
  expiresAt: null,
  family: 'bootstrap',
  ancestors: [],
  createdAt: EPOCH,
  createdBy: 'the configuration',
  revision: 0,
  revokedAt: null,
  revokedBy: null,
  revokedReason: null,
  lastUsedAt: null,
  lastUsedFrom: null,
  importedFrom: null,
}

/** The static key of `COUNTERSIGN_BOOTSTRAP_KEY`. Only digests are compared, in constant time. */
export function bootstrapKind(digest: Uint8Array, sha256: (text: string) => Uint8Array): CredentialKind {
  const known = new KnownCredential(BOOTSTRAP_CREDENTIAL)
  return { recognises: (text) => timingSafeEqual(sha256(text), digest), resolve: () => known }
}
