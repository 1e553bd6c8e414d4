import { UserChange } from '@countersign/admin-api'
import { requireBody } from './body-file.ts'
import { UsageError } from './exit.ts'
import type { Terminal } from './terminal.ts'
import { readTextFile } from './text-file.ts'

/**
 * A secret from a file, from stdin for `-`, without the line break at its end.
 *
 * Security: secrets are never arguments: those are seen by every process on the machine and kept by the shell.
 */
export async function readSecret(terminal: Terminal, option: string, path: string): Promise<string> {
  const text = await readTextFile(terminal, path, option)
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw new UsageError(`${option}: there is nothing ${path === '-' ? 'on stdin' : `in ${path}`}.`)
  return secret
}

/** A password to set: from a file, or typed twice. What is not acceptable is told before anything is sent. */
export async function readNewPassword(terminal: Terminal, path: string | undefined): Promise<string> {
  const password = path === undefined ? await askTwice(terminal) : await readSecret(terminal, '--password-file', path)
  requireBody(UserChange, { password })
  return password
}

async function askTwice(terminal: Terminal): Promise<string> {
  if (!terminal.canAsk) {
    throw new UsageError('Expected --password-file <path>, - for stdin: there is no terminal here to ask at.')
  }
  const password = await terminal.askSecret('New password (not shown): ')
  requireBody(UserChange, { password })
  const again = await terminal.askSecret('Once more: ')
  if (password !== again) throw new UsageError('The two are not the same. Nothing was changed.')
  return password
}
