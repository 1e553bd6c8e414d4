// What the sources of protect() have in common: what they are shown, and what they say of it.

import type { Caller } from './decide.ts'
import type { Principal } from './principal.ts'
import type { Denied } from './refusals.ts'
import { type Grant, grantOf, type Narrowing } from './rights.ts'
import { parseScope } from './scopes.ts'

/**
 * How a credential was made: `issued` by Countersign and told by introspection, `access_token` by Countersign as a JWT,
 * `external` by another issuer, `own` by the application itself, `static` in its configuration.
 */
export type ProtectCredentialKind = 'issued' | 'access_token' | 'external' | 'own' | 'static'

/** Whom a credential stands for. May they, is for `decide`. */
export type Believed = {
  readonly kind: ProtectCredentialKind
  readonly caller: Caller
  /** The client that shows it or fetched it. */
  readonly client: string | undefined
  /** Why its rights cannot be told: to be said once it is known to be live and meant for here. */
  readonly unreadable?: Denied | undefined
}

/** One credential, as it was shown. */
export type Shown = {
  readonly text: string
  /** SHA-256 of the whole text, in hexadecimal. */
  readonly digest: string
  readonly clientAddress: string | undefined
}

/** Says whom a credential stands for. A promise comes back only when somebody has to be asked. */
export type Resolve = (shown: Shown) => Believed | Denied | Promise<Believed | Denied>

/** The resource, as far as rights hang on it. */
export type ResourceScopes = {
  readonly name: string
  /** Undefined: it declares none, so each that is given as such counts. */
  readonly scopes: readonly string[] | undefined
}

export const NOT_NARROWED: Narrowing = { resources: null, scopes: null, projects: null }

/** What is given at the resource, narrowed. Undefined: neither a role nor a scope of its own is left, so there is no access. */
export function grantFrom(
  given: {
    readonly roles: readonly string[]
    readonly scopes: readonly string[]
    readonly projects: readonly string[] | null
  },
  narrowing: Narrowing,
  { name, scopes: declared }: ResourceScopes,
): Grant | undefined {
  const known = declared ?? given.scopes.filter((scope) => parseScope(scope) !== undefined)
  const grant = grantOf([{ id: 'given', resource: name, ...given }], narrowing, known)
  const rights = grant?.everywhere ?? grant?.confined[0]?.rights
  const isEmpty = rights === undefined || (rights.roles.size === 0 && rights.scopes.size === 0)
  return isEmpty ? undefined : grant
}

/** Who is called as a client: software that is known by nothing but its id. */
export function clientCalled(id: string): Extract<Principal, { kind: 'client' }> {
  return { kind: 'client', id, name: id }
}

/** Neither disabled nor bound to networks: the source knows nothing more of whose it is. */
export const OWNER_AT_LARGE = { disabled: false, networks: [] } as const
