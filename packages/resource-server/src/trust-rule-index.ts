// The trust rules of one issuer, by what they ask: one look at a claim of the token counts for all the rules that it fits,
// and what the token does not have is not looked for, so that a thousand rules cost little more than one.

import { beginningsOf, claimAt } from './claim-path.ts'
import type { ExternalFacts } from './external-token.ts'
import type { ClaimScalar, TrustRule } from './trust-rule.ts'
import { bySpecificity, type CompiledRule, compileRule } from './trust-rule-order.ts'

export type IssuerRules<Rule> = {
  /** Most specific first. */
  readonly inOrder: readonly CompiledRule<Rule>[]
  /** Those that name their subjects, in order. */
  readonly bySubject: ReadonlyMap<string, readonly CompiledRule<Rule>[]>
  /** By the place in the order: how many conditions have to fit. One that asks nothing needs more than it can have. */
  readonly needed: Uint32Array
  /** By the place in the order: which rule has the first name. */
  readonly nameRanks: Uint32Array
  /** By the place in the order: how many conditions fit. */
  countFitting(facts: ExternalFacts): Uint32Array
}

/** Rules by what they ask of one claim, each by its place in the order. */
type Asked = {
  readonly claim: string
  readonly byScalar: Map<unknown, number[]>
  readonly byPrefix: Map<string, number[]>
  readonly presence: number[]
}

type Indexed = Asked & { readonly prefixes: readonly { readonly prefix: string; readonly rules: readonly number[] }[] }

export function compileIssuer<Rule extends TrustRule>(rules: readonly Rule[]): IssuerRules<Rule> {
  const inOrder = rules.map(compileRule).sort(bySpecificity)
  const bySubject = new Map<string, CompiledRule<Rule>[]>()
  const asked = new Map<string, Asked>()
  for (const [at, one] of inOrder.entries()) {
    for (const subject of one.subjects ?? []) added(bySubject, subject, one)
    for (const { claim, wanted } of one.conditions) {
      const ofClaim: Asked = asked.get(claim) ?? { claim, byScalar: new Map(), byPrefix: new Map(), presence: [] }
      asked.set(claim, ofClaim)
      if (wanted.kind === 'scalars') for (const scalar of wanted.scalars) added(ofClaim.byScalar, scalar, at)
      if (wanted.kind === 'prefix') added(ofClaim.byPrefix, wanted.prefix, at)
      if (wanted.kind === 'exists') ofClaim.presence.push(at)
    }
  }
  const byBeginning = new Map<string, Indexed[]>()
  for (const one of asked.values()) {
    const indexed = { ...one, prefixes: prefixesOf(one) }
    for (const name of beginningsOf(one.claim)) added(byBeginning, name, indexed)
  }
  return {
    inOrder,
    bySubject,
    needed: Uint32Array.from(inOrder, ({ conditions }) => Math.max(conditions.length, 1)),
    nameRanks: nameRanksOf(rules, inOrder),
    countFitting(facts) {
      const counts = new Uint32Array(inOrder.length)
      // Each once: `a.b` may be a claim, and a member of the claim `a`.
      const found = new Set<Indexed>(byBeginning.get('sub'))
      for (const name of Object.keys(facts.claims)) for (const one of byBeginning.get(name) ?? []) found.add(one)
      for (const ofClaim of found) countClaim(ofClaim, readClaim(facts, ofClaim.claim), counts)
      return counts
    },
  }
}

/** What the token says at that path; `sub` is its subject. Undefined: it says nothing. */
export function readClaim({ subject, claims }: ExternalFacts, claim: string): unknown {
  return claim === 'sub' ? subject : claimAt(claims, claim)
}

/** A rule asks once of a claim, so it is counted once, however many members of a list it would take. */
function countClaim({ byScalar, prefixes, presence }: Indexed, value: unknown, counts: Uint32Array): void {
  if (value === undefined || value === null) return
  count(presence, counts)
  if (Array.isArray(value)) {
    const fitting = new Set([...new Set(value)].flatMap((one) => byScalar.get(one) ?? []))
    count([...fitting], counts)
    return
  }
  count(byScalar.get(value as ClaimScalar), counts)
  if (typeof value !== 'string') return
  for (const { prefix, rules } of prefixes) if (value.startsWith(prefix)) count(rules, counts)
}

function count(rules: readonly number[] | undefined, counts: Uint32Array): void {
  if (rules === undefined) return
  for (let turn = 0; turn < rules.length; turn++) {
    const at = rules[turn] as number
    counts[at] = (counts[at] as number) + 1
  }
}

function added<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}

function prefixesOf({ byPrefix }: Asked): Indexed['prefixes'] {
  return [...byPrefix].map(([prefix, rules]) => ({ prefix, rules }))
}

function nameRanksOf(rules: readonly TrustRule[], inOrder: readonly CompiledRule<TrustRule>[]): Uint32Array {
  const names = rules.map(({ name }) => name).sort()
  const ranks = new Map(names.map((name, rank) => [name, rank]))
  return Uint32Array.from(inOrder, ({ rule }) => ranks.get(rule.name) ?? 0)
}
