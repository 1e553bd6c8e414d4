// A trust rule as it is matched, and which of two that fit comes first.

import type { TrustRule } from './trust-rule.ts'
import { type Wanted, wantedBy } from './trust-rule-condition.ts'

/** One claim that a rule asks about. */
export type Condition = { readonly claim: string; readonly wanted: Wanted }

export type CompiledRule<Rule> = {
  readonly rule: Rule
  /** In the order of the rule, `sub` first. All of them have to fit. */
  readonly conditions: readonly Condition[]
  /** The subjects that alone can fit; undefined: it asks otherwise. */
  readonly subjects: readonly string[] | undefined
  readonly prefixLength: number
}

export function compileRule<Rule extends TrustRule>(rule: Rule): CompiledRule<Rule> {
  const conditions = Object.entries(rule.match)
    .map(([claim, match]) => ({ claim, wanted: wantedBy(claim, match) }))
    .sort((one, other) => Number(other.claim === 'sub') - Number(one.claim === 'sub'))
  const subject = conditions.find(({ claim }) => claim === 'sub')?.wanted
  return {
    rule,
    conditions,
    subjects: subject?.kind === 'scalars' ? subject.scalars.filter((one) => typeof one === 'string') : undefined,
    prefixLength: subject?.kind === 'prefix' ? subject.prefix.length : 0,
  }
}

/** Most specific first: exact subjects, more claims, longer prefixes of the subject, and by name. */
export function bySpecificity(one: CompiledRule<TrustRule>, other: CompiledRule<TrustRule>): number {
  return (
    Number(other.subjects !== undefined) - Number(one.subjects !== undefined) ||
    other.conditions.length - one.conditions.length ||
    other.prefixLength - one.prefixLength ||
    (one.rule.name < other.rule.name ? -1 : Number(one.rule.name > other.rule.name))
  )
}
