import type { Rule } from '@countersign/admin-api'
import { UsageError } from './exit.ts'

/**
 * A rule in one line: methods (none or `*`: every one), path, then the scopes it asks for, or the word `public`.
 * Blanks part the three; commas part methods and scopes, but belong to the path (`/:project{1,4}/**`).
 * Whether path and scopes are good is for the server to say; what is more than this goes into a file.
 */
export function parseRule(text: string): Rule {
  const words = text.split(/\s+/).filter((word) => word !== '')
  const at = words.findIndex((word) => word.startsWith('/'))
  const path = words[at]
  if (path === undefined) {
    throw new UsageError(
      '--rule: expected "<METHODS> <path> <scopes>", like "GET,HEAD /** files:read" or "GET /health public".',
    )
  }
  const methods = listed(words.slice(0, at)).map((method) => method.toUpperCase())
  const scopes = listed(words.slice(at + 1))
  const isPublic = scopes.includes('public')
  if (isPublic && scopes.length > 1) throw new UsageError('--rule: a public rule asks for no scopes.')
  const require = isPublic ? { public: true as const } : { scopes }
  return {
    ...(methods.length === 0 || methods.join() === '*' ? {} : { methods }),
    path,
    ...(scopes.length === 0 ? {} : { require }),
  }
}

/** The words of a list, however commas and blanks part them. */
function listed(words: readonly string[]): string[] {
  return words.flatMap((word) => word.split(',')).filter((word) => word !== '')
}

/** What a rule is about, as a person reads it. */
export function ruleText(rule: { methods?: readonly string[] | null | undefined; path: string }): string {
  return `${rule.methods?.join(',') ?? '*'} ${rule.path}`
}
