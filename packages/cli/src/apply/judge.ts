import type { ApiClient, FieldProblem } from '@countersign/admin-api'
import type { Terminal } from '../terminal.ts'
import { readDeclaredCredentials } from './declared-credentials.ts'
import { type DeclaredFile, problemsAt } from './declared-file.ts'
import { type Passwords, readPasswords } from './passwords.ts'
import { makePlan } from './plan.ts'
import { readPresent } from './present.ts'
import type { Plan } from './step.ts'

/** What a file takes to be brought about, and the passwords for it, which are kept apart: the plan is printed. */
export type Judged = { readonly plan: Plan; readonly passwords: Passwords }

export type JudgeOptions = {
  /** Of the declared file, to which the paths in it are relative. */
  readonly path: string
  readonly prune: boolean
}

/** Judges a declared file by what is there, and changes nothing. Every problem is told at once, each with its line. */
export async function judge(
  terminal: Pick<Terminal, 'env' | 'readFile' | 'now'>,
  api: ApiClient,
  { declaration, lineOf }: DeclaredFile,
  { path, prune }: JudgeOptions,
): Promise<Judged | { readonly problems: readonly FieldProblem[] }> {
  const { credentials, mistakes: unread } = readDeclaredCredentials(terminal, declaration, path)
  const digests = credentials.map(({ body }) => body.digest)
  const present = await readPresent(api, { name: declaration.name, digests })
  const plan = makePlan(declaration, present, { prune, credentials, now: terminal.now() })
  const planned = 'mistakes' in plan ? plan.mistakes : []
  const { passwords, mistakes: unset } = readPasswords(terminal, declaration, 'steps' in plan ? plan.steps : [], path)
  const mistakes = [...unread, ...planned, ...unset]
  if ('mistakes' in plan || mistakes.length > 0) return { problems: problemsAt(mistakes, lineOf) }
  return { plan, passwords }
}
