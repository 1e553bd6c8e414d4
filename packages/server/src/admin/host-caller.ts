import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { KnownCredential } from '../authentication/known-credentials.ts'
import type { Directory } from '../directory/directory.ts'
import { refText } from '../domain/credential.ts'
import { ADMIN_ROLE, MANAGEMENT_SCOPES } from '../domain/management.ts'
import { newCredential } from '../domain/new-credential.ts'
import { type Actor, HOST_ACTOR } from '../store/store.ts'
import type { Authorized, NoteRefusal } from './deps.ts'

const MAKING = { now: new Date(0), revision: 0, actor: { by: 'the host' } }

/**
 * Who runs the server may do whatever an unconfined administrator may: the database and the key-encryption key are
 * theirs. They show no credential, and nobody can revoke or disable them.
 *
 * Security: no resolver ever answers with this one, so no text that anybody sends stands for it. Its owner has a
 * reserved id that no client can have.
 */
const HOST = new KnownCredential(
  newCredential(MAKING, {
    id: 'host',
    kind: 'host',
    owner: { kind: 'client', id: HOST_ACTOR.by },
    name: 'the operator of the host',
    hint: 'none',
    narrowing: { resources: [MANAGEMENT_RESOURCE], scopes: null, projects: null },
  }),
)

export const HOST_RIGHTS = { roles: new Set([ADMIN_ROLE]), scopes: new Set<string>(MANAGEMENT_SCOPES) } as const

/** The operator of this host as a caller of the management API. */
export function hostCaller(directory: Directory, noteRefusal: NoteRefusal): Authorized {
  return { caller: HOST.callerAt(directory.management, directory), ...HOST_RIGHTS, requiredScopes: [], noteRefusal }
}

export function isHost({ caller }: Authorized): boolean {
  return caller.known === HOST
}

/** Who is named in the audit trail. */
export function actorOf(authorized: Authorized): Actor {
  if (isHost(authorized)) return HOST_ACTOR
  const { stored } = authorized.caller.known
  return { by: refText(stored.owner), credential: stored.id }
}
