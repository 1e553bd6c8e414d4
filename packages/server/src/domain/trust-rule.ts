import type { Narrowing, TrustRule } from '@countersign/resource-server'

/** Whom the subjects that a rule trusts stand for. */
export type TrustTarget =
  | { readonly kind: 'client'; readonly id: string }
  /** For themselves, in these groups. */
  | { readonly kind: 'workload'; readonly groups: readonly string[] }
  /** For the user who is linked to the subject at this issuer. */
  | { readonly kind: 'user' }

/** Which subjects of an issuer stand for whom. It gives nothing: what it names narrows. */
export type ServerTrustRule = TrustRule & {
  /** For people. */
  readonly description: string
  readonly as: TrustTarget
  readonly narrowing: Narrowing
  readonly managedBy: string | null
  readonly createdAt: Date
  readonly revision: number
}
