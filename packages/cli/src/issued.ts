import type { Credential, Rotated } from '@countersign/admin-api'
import type { Command } from 'commander'
import { KIND_WORDS } from './credential-text.ts'
import { requireDuration, UNITS } from './duration.ts'
import { moment, momentOr } from './moment.ts'
import { narrowing } from './narrowing.ts'
import { present } from './options.ts'
import type { OnlineSession } from './session.ts'
import type { Terminal } from './terminal.ts'

type Issued = Credential & {
  readonly key?: string | undefined
  readonly token?: string | undefined
  readonly secret?: string | undefined
}

/** The credential goes to stdout and nothing else does, so that `> file` and `$(…)` take it as it is. */
export async function printIssued({ terminal, print, hint }: OnlineSession, issued: Issued): Promise<void> {
  const secret = issued.key ?? issued.token ?? issued.secret
  if (secret === undefined) throw new Error('The server answered without the credential.')
  const word = KIND_WORDS[issued.kind]
  const ends = momentOr('never', issued.expires_at, terminal.now())
  const { kind, id } = issued.owner
  hint(
    `${word.replace(/^./, (first) => first.toUpperCase())} ${issued.id} of ${kind} ${id}: ${narrowing(issued)}; expires: ${ends}.`,
  )
  if (issued.state === 'owner_disabled') {
    hint(`It is refused while its owner is disabled. To change that: countersign ${kind} enable ${id}`)
  }
  hint(`This is the ${word}. It is shown once:`)
  print(issued, () => `${secret}\n`)
  await requireShown(terminal, `${word} ${issued.id}`, issued.id)
}

/** What was made and is shown once must not be lost without a word. */
export async function requireShown(terminal: Terminal, what: string, id: string): Promise<void> {
  const failure = terminal.stdoutIsNowhere ? 'stdout is closed' : await terminal.outFailure()
  if (failure === undefined) return
  throw new Error(
    `${what} was made, and could not be shown (${failure}): nobody has it. Revoke it: countersign revoke ${id}`,
  )
}

/** The same of what is of no use to anybody until somebody has it: there is nothing to revoke, and another is as good. */
export async function requireWritten({ outFailure }: Terminal, what: string): Promise<void> {
  const failure = await outFailure()
  if (failure !== undefined) throw new Error(`The ${what} could not be shown (${failure}): nobody has it.`)
}

export async function printRotated(session: OnlineSession, rotated: Rotated): Promise<void> {
  const { id, expires_at } = rotated.replaces
  await printIssued(session, rotated)
  session.hint(`The old one, ${id}, stops ${moment(expires_at, session.terminal.now())}.`)
}

export type RotateOptions = { readonly overlap?: string; readonly name?: string }

export function rotateOptions(command: Command): Command {
  return command
    .option('--overlap <duration>', `how long the old one still works, 0s to 30d (${UNITS}; default 1h)`)
    .option('--name <name>', 'what people call the new one (default: as before)')
}

export function rotation({ overlap, name }: RotateOptions) {
  const overlap_seconds = overlap === undefined ? undefined : requireDuration('--overlap', overlap)
  return present({ overlap_seconds, name })
}
