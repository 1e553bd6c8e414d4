import { timingSafeEqual } from 'node:crypto'
import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { BOOTSTRAP_CLIENT } from '../domain/client.ts'
import { newCredential } from '../domain/new-credential.ts'
import { KnownCredential } from './known-credentials.ts'
import type { CredentialKind } from './resolver.ts'

const MAKING = { now: new Date(0), revision: 0, actor: { by: 'the configuration' } }

/** The record behind the bootstrap key: it is not stored; its owner, the client `bootstrap`, is. */
const BOOTSTRAP_CREDENTIAL = newCredential(MAKING, {
  id: 'bootstrap',
  kind: 'bootstrap',
  owner: { kind: 'client', id: BOOTSTRAP_CLIENT },
  name: 'Bootstrap key',
  hint: 'from the configuration',
  narrowing: { resources: [MANAGEMENT_RESOURCE], scopes: null, projects: null },
})

/** The static key of `COUNTERSIGN_BOOTSTRAP_KEY`. Only digests are compared, in constant time. */
export function bootstrapKind(digest: Uint8Array, sha256: (text: string) => Uint8Array): CredentialKind {
  const known = new KnownCredential(BOOTSTRAP_CREDENTIAL)
  const resolve = () => known
  return { recognise: (text) => (timingSafeEqual(sha256(text), digest) ? resolve : undefined) }
}
