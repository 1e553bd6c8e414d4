import type { Command } from 'commander'
import { AnswerIsNo } from './exit.ts'
import type { Session } from './session.ts'

export type DeleteOptions = { readonly yes?: true }

export function deleteOptions(command: Command): Command {
  return command.option('--yes', 'do not ask, for scripts')
}

/**
 * Deleting retires a name for ever: on a terminal a person is asked first. A script is not held up, but its log says
 * what was done.
 */
export async function confirmDeletion(
  { terminal, hint }: Session,
  { yes }: DeleteOptions,
  what: { readonly losing: string; readonly word: 'name' | 'id' | 'username' },
): Promise<void> {
  const whose = what.word === 'username' ? 'Their' : 'Its'
  const retired = `${whose} ${what.word} can never be used again.`
  if (yes) return
  if (!terminal.canAsk) {
    hint(`Once this is done: ${retired.charAt(0).toLowerCase()}${retired.slice(1)}`)
    return
  }
  const answer = await terminal.ask(`${what.losing} ${retired} Delete? [y/N] `)
  if (/^y(es)?$/i.test(answer.trim())) return
  hint('Nothing was deleted.')
  throw new AnswerIsNo()
}
