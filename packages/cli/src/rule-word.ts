import type { Rule } from '@countersign/admin-api'
import { UsageError } from './exit.ts'

/**
 * A rule in one line: methods (none or `*`: every one), path, then the scopes it asks for, or the word `public`.
 * Whether path and scopes are good is for the server to say; what is more than this goes into a file.
 */
export function parseRule(text: string): Rule {
  const words = text.split(/[\s,]+/).filter((word) => word !== '')
  const at = words.findIndex((word) => word.startsWith('/'))
  const path = words[at]
  if (path === undefined) {
    throw new UsageError(
      '--rule: expected "<METHODS> <path> <scopes>", like "GET,HEAD /** files:read" or "GET /health public".',
    )
  }
  const methods = words.slice(0, at).map((method) => method.toUpperCase())
  const scopes = words.slice(at + 1)
  const isPublic = scopes.includes('public')
  if (isPublic && scopes.length > 1) throw new UsageError('--rule: a public rule asks for no scopes.')
  const require = isPublic ? { public: true as const } : { scopes }
  return {
    ...(methods.length === 0 || methods.join() === '*' ? {} : { methods }),
    path,
    ...(scopes.length === 0 ? {} : { require }),
  }
}

/** What a rule is about, as a person reads it. */
export function ruleText(rule: { methods?: readonly string[] | null | undefined; path: string }): string {
  return `${rule.methods?.join(',') ?? '*'} ${rule.path}`
}
