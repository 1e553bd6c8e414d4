// Scopes are `noun[:part…]:action`, action last: `files:read`, `account:usage:read`.

const MAX_LENGTH = 128
const SEGMENT = /^[a-z0-9][a-z0-9._-]*$/

/**
 * Reads one scope.
 *
 * Security: a segment `any` is refused. Whose account is meant comes from the principal, never from a scope.
 */
export function parseScope(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const segments = text.split(':')
  return segments.length >= 2 && segments.every(isSegment) ? text : undefined
}

/** Reads what a permission may say: a scope, `*:action`, `noun:*` or `noun:part:*`. Never `*` alone. */
export function parseScopePattern(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const segments = text.split(':')
  if (segments.length < 2) return undefined
  if (segments[0] === '*') return segments.length === 2 && segments.slice(1).every(isSegment) ? text : undefined
  const literal = segments.at(-1) === '*' ? segments.slice(0, -1) : segments
  return literal.every(isSegment) ? text : undefined
}

/**
 * The declared scopes that the patterns stand for. What is not declared is never in it, however it is written.
 *
 * `*:read` is every declared scope whose action is `read`; `pushes:*` every one that begins with `pushes:`.
 */
export function expandScopes(patterns: Iterable<string>, declared: Iterable<string>): ReadonlySet<string> {
  const matchers = [...patterns].filter((pattern) => parseScopePattern(pattern) !== undefined)
  const expanded = new Set<string>()
  for (const scope of declared) if (matchers.some((pattern) => standsFor(pattern, scope))) expanded.add(scope)
  return expanded
}

function standsFor(pattern: string, scope: string): boolean {
  if (pattern.startsWith('*')) return scope.endsWith(pattern.slice(1))
  if (pattern.endsWith('*')) return scope.startsWith(pattern.slice(0, -1))
  return pattern === scope
}

function isSegment(segment: string): boolean {
  return segment !== 'any' && SEGMENT.test(segment)
}
