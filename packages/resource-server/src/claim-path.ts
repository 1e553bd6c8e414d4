import type { Claims } from './jwt.ts'
import { claimOf } from './jwt.ts'

/**
 * The claim at a dotted path: `realm_access.roles`, `kubernetes.io.serviceaccount.uid`. Undefined: there is none.
 *
 * Names of claims may hold dots themselves (`kubernetes.io`, `https://example.com/groups`): of the names that a path may
 * begin with, the longest that an object has is taken, and no other is tried after it. Own members alone are looked at.
 */
export function claimAt(claims: Claims, path: string): unknown {
  const whole = claimOf(claims, path)
  if (whole !== undefined) return whole
  for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) {
    const below = claimOf(claims, path.slice(0, end))
    if (below === undefined) continue
    return isObject(below) ? claimAt(below, path.slice(end + 1)) : undefined
  }
  return undefined
}

/** The names of which claims have to have one, or there is nothing at that path. */
export function beginningsOf(path: string): string[] {
  const names = [path]
  for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) names.push(path.slice(0, end))
  return names
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
