import { type Declaration, UserChange } from '@countersign/admin-api'
import type { Terminal } from '../terminal.ts'
import type { Mistake } from './declared-file.ts'
import { readSecretSource } from './secret-source.ts'
import type { Step } from './step.ts'

/** Passwords by username. Security: kept apart from the steps, which are printed. */
export type Passwords = ReadonlyMap<string, string>

/**
 * The passwords of the users that are to be made. Those of others are not even read: whether a password is that of
 * the file cannot be told from its hash, and setting it again would undo what its owner chose since.
 *
 * @param path of the declared file: a `password_file` is relative to it.
 */
export function readPasswords(
  terminal: Pick<Terminal, 'env' | 'readFile'>,
  { users }: Declaration,
  steps: readonly Step[],
  path: string,
): { readonly passwords: Passwords; readonly mistakes: readonly Mistake[] } {
  const made = new Set(
    steps.flatMap(({ noun, action, name }) => (noun === 'user' && action === 'create' ? [name] : [])),
  )
  const passwords = new Map<string, string>()
  const mistakes: Mistake[] = []
  for (const [index, { username, password_file: file, password_env: variable }] of users.entries()) {
    if (!made.has(username) || (file === undefined && variable === undefined)) continue
    const field = file === undefined ? 'password_env' : 'password_file'
    const read = readSecretSource(terminal, path, { file, variable })
    const mistake = 'mistake' in read ? read.mistake : mistakeIn(read.secret)
    if (mistake !== undefined) mistakes.push({ way: ['users', index, field], message: mistake })
    else if ('secret' in read) passwords.set(username, read.secret)
  }
  return { passwords, mistakes }
}

function mistakeIn(password: string): string | undefined {
  const result = UserChange.safeParse({ password })
  return result.success ? undefined : `what it holds is no password: ${result.error.issues[0]?.message}`
}
