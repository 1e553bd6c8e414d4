import type { LintedTrustRule } from '@countersign/admin-api'

/** What a linter of the server said, as people read it; `code` is what programs tell it by. */
export function warningText(warning: string | LintedTrustRule['warnings'][number]): string {
  return typeof warning === 'string' ? warning : `${warning.message} (${warning.code})`
}
