// Trust rules: which subjects of an external issuer stand for whom here. Data, compiled once, matched by a pure function.

import type { ExternalFacts } from './external-token.ts'
import { fits, whyUnfit } from './trust-rule-condition.ts'
import { compileIssuer, type IssuerRules, readClaim } from './trust-rule-index.ts'
import type { CompiledRule } from './trust-rule-order.ts'

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

/**
 * Why the nearest rule did not trust, for the operator: the first of its claims that did not fit, `mode` or `expires_at`.
 */
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

/**
 * Prepares rules for matching: by issuer, and those that name their subjects by subject.
 *
 * Of the rules that fit and are enforced, the most specific one is taken: an exact `sub` before all others, then more
 * claims before fewer, then a longer prefix before a shorter one, then by name. The order of `rules` says nothing. A rule
 * that asks nothing, or something that is not understood, fits nobody. Whether a rule is wise is for `checkTrustRule` to
 * say, before it gets here.
 *
 * Security: pure, and by comparisons alone: no patterns, so nothing to anchor and nothing that a token can make slow.
 *
 * @example
 * const rules = compileTrustRules([
 *   { name: 'atlas', issuer: 'cluster', match: { sub: 'system:serviceaccount:prod:atlas' }, mode: 'enforce', expiresAt: null },
 * ])
 * const matched = rules.match(facts, new Date())
 * if (matched.outcome === 'match') console.log(matched.rule.name)
 */
export function compileTrustRules<Rule extends TrustRule>(rules: readonly Rule[]): TrustRules<Rule> {
  const byIssuer = new Map<string, Rule[]>()
  for (const rule of rules) {
    const others = byIssuer.get(rule.issuer)
    if (others === undefined) byIssuer.set(rule.issuer, [rule])
    else others.push(rule)
  }
  const compiled = new Map([...byIssuer].map(([issuer, ofIssuer]) => [issuer, compileIssuer(ofIssuer)]))
  return {
    match(facts, now, among) {
      const ofIssuer = compiled.get(facts.issuer)
      return ofIssuer === undefined ? NO_RULES : matchAmong(ofIssuer, facts, now, among ?? everyRule)
    },
  }
}

const NO_RULES = Object.freeze({ outcome: 'none', shadow: undefined, nearest: undefined })
const everyRule = () => true

function matchAmong<Rule extends TrustRule>(
  { inOrder, bySubject, needed, nameRanks, countFitting }: IssuerRules<Rule>,
  facts: ExternalFacts,
  now: Date,
  among: (rule: Rule) => boolean,
): TrustMatch<Rule> {
  // Nothing comes before a rule that names the subject, so where one is enforced no other has to be looked at.
  for (const one of bySubject.get(facts.subject) ?? NONE) {
    const { rule } = one
    if (rule.mode === 'enforce' && whyIdle(rule, now) === undefined && fitsWhole(one, facts) && among(rule)) {
      return { outcome: 'match', rule }
    }
  }
  const fitting = countFitting(facts)
  let shadow: Rule | undefined
  let idle: NearMiss | undefined
  let nearest: CompiledRule<Rule> | undefined
  let [most, rank] = [-1, -1]
  for (let at = 0; at < inOrder.length; at++) {
    const count = fitting[at] as number
    const isWhole = count === needed[at]
    if (!isWhole && (count < most || (count === most && (nameRanks[at] as number) > rank))) continue
    const one = inOrder[at] as CompiledRule<Rule>
    if (!among(one.rule)) continue
    if (!isWhole) {
      nearest = one
      most = count
      rank = nameRanks[at] as number
      continue
    }
    const why = whyIdle(one.rule, now)
    if (why !== undefined) idle ??= why
    else if (one.rule.mode === 'enforce') return { outcome: 'match', rule: one.rule }
    else shadow ??= one.rule
  }
  if (shadow !== undefined) return { outcome: 'none', shadow, nearest: undefined }
  return { outcome: 'none', shadow, nearest: idle ?? (nearest && missOf(nearest, facts)) }
}

const NONE: readonly never[] = []

function fitsWhole({ conditions }: CompiledRule<TrustRule>, facts: ExternalFacts): boolean {
  return conditions.every(({ claim, wanted }) => fits(wanted, readClaim(facts, claim)))
}

/** Why a rule that fits trusts nobody, nor would. Undefined: it is enforced or in mode `shadow`. */
function whyIdle({ name, mode, expiresAt }: TrustRule, now: Date): NearMiss | undefined {
  if (mode === 'off') return { rule: name, claim: 'mode', because: 'it is off' }
  if (expiresAt === null || expiresAt > now) return undefined
  return { rule: name, claim: 'expires_at', because: `it expired at ${expiresAt.toISOString()}` }
}

function missOf({ rule, conditions }: CompiledRule<TrustRule>, facts: ExternalFacts): NearMiss {
  for (const { claim, wanted } of conditions) {
    const value = readClaim(facts, claim)
    if (!fits(wanted, value)) return { rule: rule.name, claim, because: whyUnfit(wanted, value) }
  }
  return { rule: rule.name, claim: 'match', because: 'the rule asks nothing' }
}
