import type { Change, Visit } from '../doctor-stage.ts'

/** What was done to the guide's site, and what has to be found: the check, and words of the finding. */
export type Breakage = Omit<Visit, 'proxy' | 'changes'> & {
  readonly broken: string
  readonly changes: readonly Change[]
  readonly finds: readonly [check: string | RegExp, says: RegExp]
  /** Where it may be meant. */
  readonly level?: 'warning'
}

/** Keeps the doctor to these parts. */
export const only = (...parts: string[]) => parts.map((part) => ` --only ${part}`).join('')
/** Takes a line out. */
export const without = (line: string): Change => [`${line}\n`, '\n']
/** The doctor stands in for the service. */
export const identity = { echo: true, words: only('identity') } as const

/** The service tells by itself what it receives. */
export const byPath = { words: ' --only identity --echo-path /debug/headers --with-key-file canister.key' } as const
