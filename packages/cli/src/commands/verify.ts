import type { Command } from 'commander'
import { credentialForm } from '../credential-form.ts'
import { AnswerIsNo, UsageError } from '../exit.ts'
import { examples } from '../options.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

export function addVerify(program: Command, terminal: Terminal): void {
  const verify = program
    .command('verify [token]')
    .description('say offline what a credential is by its form; not whether it is live')
    .option('--credential-stdin', 'the credential on stdin; the same as - or none, where nobody can be asked')
    .action(async (token: string | undefined, options: { credentialStdin?: true }, command: Command) => {
      const form = credentialForm(await shown(terminal, token, options.credentialStdin === true), terminal.now())
      openSession(terminal, command).print(form, () => `${form.says}\n`)
      if (!form.well_formed) throw new AnswerIsNo()
    })
  verify.addHelpText(
    'after',
    '\nWithout a token it is read from stdin, on a terminal asked for: an argument is seen by every process on the machine\n' +
      'and kept by the shell.',
  )
  examples(verify, ['countersign verify < canister.key', 'countersign verify --json < billing.token'])
}

async function shown(terminal: Terminal, token: string | undefined, isOnStdin: boolean): Promise<string> {
  if (token !== undefined && token !== '-') {
    if (isOnStdin) throw new UsageError('Expected a token or --credential-stdin, not both.')
    return token
  }
  const isAsked = token === undefined && !isOnStdin && terminal.canAsk
  const text = isAsked ? await terminal.askSecret('The credential (not shown): ') : await terminal.readStdin()
  if (text.trim() === '') throw new UsageError(isAsked ? 'Nothing was typed.' : 'There is nothing on stdin.')
  return text.trim()
}
