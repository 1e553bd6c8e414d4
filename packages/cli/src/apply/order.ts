import type { Declaration } from '@countersign/admin-api'
import { isWords } from './differences.ts'
import type { Fields } from './nouns.ts'
import type { Present } from './present.ts'
import type { Step } from './step.ts'

/** What refers comes after what it refers to; what goes, goes the other way round. */
const ORDER = ['group', 'issuer', 'resource', 'client', 'user', 'trust_rule', 'permission', 'key', 'secret'] as const

/** The steps in an order in which each is possible: hosts and identifiers are of one resource at a time. */
export function inOrder(steps: readonly Step[], declaration: Declaration, present: Present): Step[] {
  const wanted = new Set(declaration.resources.flatMap(({ identifier, hosts }) => [identifier, ...hosts]))
  const inTheWay = new Set(
    present.resources.flatMap(({ name, identifier, hosts }) =>
      [identifier, ...hosts].some((one) => wanted.has(one)) ? [name] : [],
    ),
  )
  const introspectors = new Set(declaration.resources.flatMap((resource) => resource.introspectors))
  const rules = new Set(present.trustRules.map(({ name }) => name))
  const asksNewRule = (step: Step) => step.action === 'change' && requiresNewRule(step.body, rules)
  const rank = (step: Step): number => {
    const place = ORDER.indexOf(step.noun)
    // Resources name these; what these name is there already, see `findDangling`.
    if (step.action === 'create' && step.noun === 'client' && introspectors.has(step.name)) {
      return ORDER.indexOf('resource') - 0.25
    }
    // A client's requirement comes after the rule that it names, which may name the client.
    if (step.noun === 'client' && asksNewRule(step)) return ORDER.indexOf('trust_rule') + 0.5
    // Two issuers of one `iss` stand side by side once both are pinned.
    if (step.noun === 'issuer' && step.action === 'create') return place + 0.5
    if (step.action !== 'delete') return place + (step.noun === 'resource' && !givesUp(step) ? 0.5 : 0)
    if (step.noun === 'resource' && inTheWay.has(step.id)) return ORDER.indexOf('resource') - 0.5
    // A rule stays as long as a client requires it.
    if (step.noun === 'trust_rule') return 2 * ORDER.length - ORDER.indexOf('client') + 0.5
    return 2 * ORDER.length - place
  }
  return steps.flatMap((step) => withRuleLater(step, rules)).toSorted((one, other) => rank(one) - rank(other))
}

/** Whether a resource leaves a host or its identifier to another. */
function givesUp(step: Step): boolean {
  if (step.action !== 'change') return false
  return step.differences.some(({ field, before, after }) => {
    if (field === 'identifier') return true
    return field === 'hosts' && isWords(before) && isWords(after) && before.some((host) => !after.includes(host))
  })
}

/**
 * A client and a trust rule can name each other. So a client whose rule is yet to be made is made without, and requires
 * it in a further step: until then it has no credential that could be used without the rule.
 */
function withRuleLater(step: Step, rules: ReadonlySet<string>): Step[] {
  if (step.action !== 'create' || step.noun !== 'client' || !requiresNewRule(step.body, rules)) return [step]
  const { noun, name, way, body } = step
  const { requires_workload, ...without } = body
  const differences = [{ field: 'requires_workload', before: null, after: requires_workload }]
  const later = { action: 'change', noun, name, id: name, way, differences, adopts: false } as const
  return [
    { ...step, body: without },
    { ...later, body: { requires_workload } },
  ]
}

function requiresNewRule({ requires_workload: rule }: Fields, rules: ReadonlySet<string>): boolean {
  return typeof rule === 'string' && !rules.has(rule)
}
