// Trust rules: which subjects of an external issuer stand for whom here. Data, compiled once, matched by a pure function.

import type { ExternalFacts } from './external-token.ts'

export type ClaimScalar = string | number | boolean

/** What a rule asks of one claim. A claim that is a list fits when one of its members does. */
export type ClaimMatch =
  | ClaimScalar
  | { readonly in: readonly ClaimScalar[] }
  | { readonly exists: true }
  /** Of `sub` alone: what it begins with. */
  | { readonly prefix: string }

export const TRUST_MODES = ['enforce', 'shadow', 'off'] as const
export type TrustMode = (typeof TRUST_MODES)[number]

export type TrustRule = {
  readonly name: string
  /** Name of the issuer here. */
  readonly issuer: string
  /** By the path of the claim: `repository_id`, `kubernetes.io.serviceaccount.uid`. All of them have to fit. */
  readonly match: Readonly<Record<string, ClaimMatch>>
  readonly mode: TrustMode
  /** From then on it trusts nobody; null: never. */
  readonly expiresAt: Date | null
}

/** The claim of the nearest rule that did not fit, for the operator. */
export type NearMiss = { readonly rule: string; readonly claim: string; readonly because: string }

export type TrustMatch<Rule extends TrustRule> =
  | { readonly outcome: 'match'; readonly rule: Rule }
  | {
      readonly outcome: 'none'
      /** A rule in mode `shadow` that would have trusted it. */
      readonly shadow: Rule | undefined
      readonly nearest: NearMiss | undefined
    }

export type TrustRules<Rule extends TrustRule> = {
  /** `among` leaves rules out of consideration, as if they were not there. */
  match(facts: ExternalFacts, now: Date, among?: (rule: Rule) => boolean): TrustMatch<Rule>
}

export function compileTrustRules<Rule extends TrustRule>(_rules: readonly Rule[]): TrustRules<Rule> {
  return { match: () => ({ outcome: 'none', shadow: undefined, nearest: undefined }) }
}
