import type { Reach } from '@countersign/resource-server'
import { groupsOf, type KnownCaller } from '../authentication/known-credentials.ts'
import { refText } from '../domain/credential.ts'
import type { Resource } from '../domain/resource.ts'
import { toSeconds } from '../store/store.ts'

/** Rights, and where they are held. */
export type At = { readonly resource: Resource; readonly reach: Reach }

/**
 * What is said of a live credential; of its rights, only what it has at `resource`. Each of these rights holds in all of
 * `projects` (null: all there are).
 *
 * @see RFC 7662 §2.2
 */
export function membersOf(caller: KnownCaller, at: At | undefined, issuer: string): Record<string, unknown> {
  const { principal } = caller
  const { id, kind, owner, createdAt, expiresAt, notBefore, importedFrom, ancestors } = caller.known.stored
  // Of a token of another issuer we know who and until when: its own dates are moved by what its clock may be off.
  const isOurs = kind !== 'jwt'
  const scope = [...(at?.reach.rights.scopes ?? [])].sort().join(' ')
  return {
    active: true,
    // Without one there is no such member: an empty list of scopes has no form (RFC 6749 §3.3).
    ...(scope !== '' && { scope }),
    ...(principal.kind === 'client' && { client_id: principal.id }),
    ...(principal.kind === 'user' && { username: principal.id }),
    token_type: 'Bearer',
    ...(expiresAt !== null && { exp: toSeconds(expiresAt) }),
    ...(isOurs && { iat: toSeconds(createdAt) }),
    // An access token is good from when it was issued; a minute before that, which is for clocks that differ, says nothing.
    ...(notBefore !== null && isOurs && kind !== 'at' && { nbf: toSeconds(notBefore) }),
    sub: refText(owner),
    ...(at !== undefined && { aud: at.resource.identifier }),
    ...(isOurs && importedFrom === null && { iss: issuer }),
    jti: id,
    ...(at !== undefined && {
      roles: [...at.reach.rights.roles].sort(),
      groups: groupsOf(caller),
      projects: at.reach.projects,
    }),
    // As in an access token itself: what minted it.
    credential: kind === 'at' ? (ancestors[0] ?? id) : id,
    principal: principal.kind,
    kind,
  }
}
