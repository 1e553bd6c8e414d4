import type { Principal } from './principal.ts'
import type { ProtectCredentialKind } from './protect-believed.ts'
import type { Denied, RefusalCode, RefusalDetail } from './refusals.ts'

/** Who calls, and what they may do here. */
export type ProtectAllowed = {
  readonly outcome: 'allow'
  /** `anonymous` on rules alone that are public. */
  readonly principal: Principal
  readonly scopes: ReadonlySet<string>
  readonly roles: ReadonlySet<string>
  /** The projects that the caller is confined to; null: all, and `[]`: none. */
  readonly projects: readonly string[] | null
  /** The project that the path names. */
  readonly project: string | undefined
  /** The client that shows the credential or fetched it. */
  readonly client: string | undefined
  /** What was shown, by its public id. Undefined: nothing. */
  readonly credential: ShownCredential | undefined
  /** Name of the resource. */
  readonly resource: string
}

export type ShownCredential = {
  readonly kind: ProtectCredentialKind
  readonly id: string
  /** null: never. */
  readonly expiresAt: Date | null
}

/** The request has no machine credential: it is for the application's own login to judge. */
export type ProtectContinued = { readonly outcome: 'continue' }

/** `code` and `detail` are for the log; `response` is what the caller is told. */
export type ProtectDenied = Denied & { readonly response: Response }

/** A decision, for the application's log. No credential is in it, nor a part of one. */
export type ProtectRecord = {
  readonly at: Date
  readonly outcome: 'allow' | 'continue' | 'deny'
  /** Of refusals alone. */
  readonly code: RefusalCode | undefined
  readonly detail: RefusalDetail
  /** Whom a credential stands for that was believed, allowed or not. */
  readonly principal: Principal | undefined
  readonly credential: ShownCredential | undefined
  readonly resource: string
  readonly method: string
  /** Without the query. Undefined: it is not acceptable. */
  readonly path: string | undefined
}
