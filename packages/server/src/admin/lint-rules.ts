import { type AccessRule, type Comparisons, covers, type Requirement, shapesOf } from '@countersign/resource-server'
import { areNetworksWithin } from './minting.ts'

/** Some tens of milliseconds. Five hundred rules of a few segments each take half of it. */
const MAX_COMPARISONS = 2_000_000

/** What looks like a mistake in a resource, though it can stand. One sentence each. */
export function lintRules(
  resource: {
    readonly rules: readonly AccessRule[]
    readonly scopes: readonly string[]
    readonly hosts: readonly string[]
  },
  budget: Comparisons = { left: MAX_COMPARISONS },
): string[] {
  const { rules, scopes, hosts } = resource
  const warnings = compare(rules, budget)
  if (rules.length === 0) warnings.push('there are no rules: nothing is allowed')
  if (hosts.length === 0) warnings.push('there are no hosts: no proxy can ask for it, only the library')
  const asked = new Set(rules.flatMap(({ require }) => require.scopes))
  const idle = rules.length === 0 ? [] : scopes.filter((scope) => !asked.has(scope))
  return [...warnings, ...idle.map((scope) => `no rule asks for the scope ${scope}`)]
}

/**
 * Compares each rule with each other one, as far as the budget reaches: beyond it nothing is known of any of them.
 *
 * Security: how much there is to compare is chosen by whoever writes the rules, and no other request is answered
 * meanwhile.
 */
function compare(rules: readonly AccessRule[], budget: Comparisons): string[] {
  const shapes = rules.map(({ path }) => shapesOf(path))
  const warnings: string[] = []
  for (const [index, rule] of rules.entries()) {
    const own = shapes[index] ?? []
    // Later rules only matter to one that leaves methods to them.
    const last = rule.methods === undefined ? index : rules.length
    const covering = rules.slice(0, last).filter((_, at) => covers(shapes[at] ?? [], own, budget))
    const warning = unreachable(rule, covering) ?? laxer(rule, covering, budget)
    if (budget.left <= 0) return ['too many rules to compare: whether one hides another is not known']
    if (warning !== undefined) warnings.push(warning)
  }
  return warnings
}

/** A rule all of whose methods were decided at its path by earlier ones. */
function unreachable(rule: AccessRule, covering: readonly AccessRule[]): string | undefined {
  const undecided = new Set(rule.methods)
  const by: AccessRule[] = []
  for (const other of covering) {
    if (other.index >= rule.index) break
    if (other.methods === undefined) return hidden(rule, [other])
    const before = undecided.size
    for (const method of other.methods) undecided.delete(method)
    if (undecided.size < before) by.push(other)
  }
  return rule.methods !== undefined && undecided.size === 0 ? hidden(rule, by) : undefined
}

function hidden(rule: AccessRule, by: readonly AccessRule[]): string {
  return `rules[${rule.index}] is never reached: ${by.map(({ index }) => `rules[${index}]`).join(', ')} decides before it`
}

/** A strict rule for some methods, whose other methods fall to a rule that asks less. */
function laxer(rule: AccessRule, covering: readonly AccessRule[], budget: Comparisons): string | undefined {
  if (rule.methods === undefined) return undefined
  const decided = new Set<string>()
  for (const other of covering) {
    const isReached = other.methods === undefined || [...other.methods].some((method) => !decided.has(method))
    if (other.index > rule.index && isReached && isLaxer(other.require, rule.require, budget)) {
      return `rules[${rule.index}] asks more than rules[${other.index}], to which its other methods fall`
    }
    if (other.methods === undefined) return undefined
    for (const method of other.methods) decided.add(method)
  }
  return undefined
}

function isLaxer(lax: Requirement, strict: Requirement, budget: Comparisons): boolean {
  budget.left -= 2 * mostComparisons(lax, strict)
  return budget.left > 0 && implies(strict, lax) && !implies(lax, strict)
}

function mostComparisons(one: Requirement, other: Requirement): number {
  const lists = ['networks', 'scopes', 'roles', 'groups', 'principals'] as const
  return lists.reduce((sum, list) => sum + one[list].length * other[list].length, 0)
}

/** Whether whoever satisfies `strict` certainly satisfies `lax`. */
function implies(strict: Requirement, lax: Requirement): boolean {
  if (!areNetworksWithin(strict.networks, lax.networks)) return false
  if (lax.listener !== undefined && strict.listener !== lax.listener) return false
  if (lax.public) return true
  if (strict.public) return false
  return (
    lax.scopes.every((scope) => strict.scopes.includes(scope)) &&
    isNarrower(strict.roles, lax.roles) &&
    isNarrower(strict.groups, lax.groups) &&
    isNarrower<string>(strict.principals, lax.principals) &&
    (lax.project === 'any' || strict.project === 'captured')
  )
}

/** Any of `some` is any of `of`; empty asks nothing. */
function isNarrower<T>(some: readonly T[], of: readonly T[]): boolean {
  return of.length === 0 || (some.length > 0 && some.every((member) => of.includes(member)))
}
