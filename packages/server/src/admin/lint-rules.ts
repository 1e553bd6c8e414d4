import { type AccessRule, covers, type Requirement } from '@countersign/resource-server'
import { areNetworksWithin } from './minting.ts'

/** What looks like a mistake in a resource, though it can stand. One sentence each. */
export function lintRules(resource: {
  readonly rules: readonly AccessRule[]
  readonly scopes: readonly string[]
  readonly hosts: readonly string[]
}): string[] {
  const { rules, scopes, hosts } = resource
  const warnings = rules.flatMap((rule, index) => unreachable(rule, index, rules) ?? laxer(rule, index, rules) ?? [])
  if (rules.length === 0) warnings.push('there are no rules: nothing is allowed')
  if (hosts.length === 0) warnings.push('there are no hosts: no proxy can ask for it, only the library')
  const asked = new Set(rules.flatMap(({ require }) => require.scopes))
  const idle = rules.length === 0 ? [] : scopes.filter((scope) => !asked.has(scope))
  return [...warnings, ...idle.map((scope) => `no rule asks for the scope ${scope}`)]
}

/** A rule all of whose methods were decided at its path by earlier ones. */
function unreachable(rule: AccessRule, index: number, rules: readonly AccessRule[]): string | undefined {
  const earlier = rules.slice(0, index).filter(({ path }) => covers(path, rule.path))
  const isDecided = (method: string) => earlier.some(({ methods }) => methods?.has(method))
  const everything = earlier.find(({ methods }) => methods === undefined)
  const isHidden = everything !== undefined || (rule.methods !== undefined && [...rule.methods].every(isDecided))
  if (!isHidden) return undefined
  const by = everything === undefined ? earlier : [everything]
  return `rules[${index}] is never reached: ${by.map((one) => `rules[${one.index}]`).join(', ')} decides before it`
}

/** A strict rule for some methods, whose other methods fall to a rule that asks less. */
function laxer(rule: AccessRule, index: number, rules: readonly AccessRule[]): string | undefined {
  if (rule.methods === undefined) return undefined
  const decided = new Set<string>()
  for (const other of rules) {
    if (!covers(other.path, rule.path)) continue
    const isReached = other.methods === undefined || [...other.methods].some((method) => !decided.has(method))
    const isLaxer = implies(rule.require, other.require) && !implies(other.require, rule.require)
    if (other.index > index && isReached && isLaxer) {
      return `rules[${index}] asks more than rules[${other.index}], to which its other methods fall`
    }
    if (other.methods === undefined) return undefined
    for (const method of other.methods) decided.add(method)
  }
  return undefined
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
