/** One option of protect() that cannot stand, and where. */
export type OptionProblem = { readonly path: string; readonly message: string }

/** What `protect` throws when its options cannot stand: all of it at once, so that a start is mended once. */
export class ProtectOptionsError extends TypeError {
  readonly problems: readonly OptionProblem[]

  constructor(problems: readonly OptionProblem[]) {
    super(`protect() cannot start:\n${problems.map(({ path, message }) => `  ${path}: ${message}`).join('\n')}`)
    this.name = 'ProtectOptionsError'
    this.problems = problems
  }
}

// Beside those of Countersign an application may have roles of its own naming: ADMIN, say.
const ROLE = /^[A-Za-z0-9][A-Za-z0-9._@:-]{0,62}$/

export function isRoleHere(name: string): boolean {
  return ROLE.test(name)
}

export const ROLE_FORM = 'expected A-Z, a-z, 0-9 and . _ @ : -, first a letter or digit, at most 63 characters'
