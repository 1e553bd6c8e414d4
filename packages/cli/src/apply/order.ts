import type { Declaration } from '@countersign/admin-api'
import { isWords } from './differences.ts'
import type { Present } from './present.ts'
import type { Step } from './step.ts'

/** What refers comes after what it refers to; what goes, goes the other way round. */
const ORDER = ['group', 'resource', 'client', 'user', 'permission'] as const

/** The steps in an order in which each is possible: hosts and identifiers are of one resource at a time. */
export function inOrder(steps: readonly Step[], declaration: Declaration, present: Present): Step[] {
  const wanted = new Set(declaration.resources.flatMap(({ identifier, hosts }) => [identifier, ...hosts]))
  const inTheWay = new Set(
    present.resources.flatMap(({ name, identifier, hosts }) =>
      [identifier, ...hosts].some((one) => wanted.has(one)) ? [name] : [],
    ),
  )
  const introspectors = new Set(declaration.resources.flatMap((resource) => resource.introspectors))
  const rank = (step: Step): number => {
    const place = ORDER.indexOf(step.noun)
    // Resources name these; what these name is there already, see `findDangling`.
    if (step.action === 'create' && step.noun === 'client' && introspectors.has(step.name)) {
      return ORDER.indexOf('resource') - 0.25
    }
    if (step.action !== 'delete') return place + (step.noun === 'resource' && !givesUp(step) ? 0.5 : 0)
    if (step.noun === 'resource' && inTheWay.has(step.id)) return ORDER.indexOf('resource') - 0.5
    return 2 * ORDER.length - place
  }
  return steps.toSorted((one, other) => rank(one) - rank(other))
}

/** Whether a resource leaves a host or its identifier to another. */
function givesUp(step: Step): boolean {
  if (step.action !== 'change') return false
  return step.differences.some(({ field, before, after }) => {
    if (field === 'identifier') return true
    return field === 'hosts' && isWords(before) && isWords(after) && before.some((host) => !after.includes(host))
  })
}
