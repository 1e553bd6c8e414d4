import { type Denied, deny, REFUSALS } from '@countersign/resource-server'
import type { KnownCredential } from '../authentication/known-credentials.ts'
import type { Resolver } from '../authentication/resolver.ts'
import type { Client } from '../domain/client.ts'
import type { OAuthDenied } from './error-response.ts'
import { type Form, mistake } from './form.ts'

// What introspection and revocation share: the token that a client shows to ask about it, or to have it revoked.

export function tokenOf(form: Form): string | OAuthDenied {
  return form.get('token') ?? mistake('token is missing.')
}

/** Finds out which credential a token is, whatever its state: at once, if it is known here. A `token_type_hint` is not needed for that. */
export function findShown(token: string, recognise: (text: string) => Resolver | undefined): ReturnType<Resolver> {
  const resolve = recognise(token)
  return resolve === undefined ? deny('credential_foreign') : resolve(token)
}

/** Whether nobody can say at the moment, as opposed to: there is no such credential. */
export function cannotTell({ code }: Denied): boolean {
  return REFUSALS[code].status >= 500
}

export function isOwn({ stored }: KnownCredential, client: Client): boolean {
  // The bootstrap key is not kept: it can neither be revoked nor be asked about.
  return stored.owner.kind === 'client' && stored.owner.id === client.id && stored.kind !== 'bootstrap'
}
