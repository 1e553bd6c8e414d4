import type { PrincipalKind } from './principal.ts'
import type { ProtectAllowed } from './protect-answer.ts'

export type Reportable = {
  readonly kind: PrincipalKind
  /** Undefined: nobody is named, or the id is an address of e-mail. */
  readonly id: string | undefined
  readonly client: string | undefined
  /** Public id of the credential. */
  readonly credential: string | undefined
  readonly resource: string
}

// Applications and identity providers call people by it.
const E_MAIL = /[^\s@:/]@[^\s@:/]+\.[^\s@:/.]/

/**
 * What may go to an error tracker of a caller: who it was, as an operator can look it up. No secret, no name, no e-mail.
 *
 * @example
 * tracker.setUser(reportable(answer)) // { kind: 'client', id: 'nightly', client: 'nightly', credential: 'key_…', resource: 'git' }
 */
export function reportable({ principal, client, credential, resource }: ProtectAllowed): Reportable {
  const id = principal.kind === 'anonymous' ? undefined : principal.id
  const isAddress = id !== undefined && E_MAIL.test(id)
  return { kind: principal.kind, id: isAddress ? undefined : id, client, credential: credential?.id, resource }
}
