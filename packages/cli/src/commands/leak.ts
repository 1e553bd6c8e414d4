import type { LeakAnswer } from '@countersign/admin-api'
import type { Command } from 'commander'
import { AnswerIsNo, UsageError } from '../exit.ts'
import { examples, present } from '../options.ts'
import { readSecret } from '../secret-input.ts'
import { asStranger } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { plain } from '../text.ts'

type Options = { readonly file?: string; readonly foundAt?: string }

export function addLeakCommands(program: Command, terminal: Terminal): void {
  const leak = program.command('leak').description('credentials that others know')
  examples(leak, ['countersign leak report --found-at "build log 812" < found.token'])

  const report = leak
    .command('report')
    .description('have a leaked credential revoked at once; whoever holds it may, without any key')
    .option('--file <path>', 'the file that holds the credential alone (default: stdin, asked for on a terminal)')
    .option('--found-at <text>', 'where it was found, for whoever owned it')
    .action(async (options: Options, command: Command) => {
      const credential = await leaked(terminal, options)
      await asStranger(terminal, command, async ({ api, print }) => {
        const answer = await api.leaks.report({ credential, ...present({ found_at: options.foundAt }) })
        print(answer, () => `${sentence(answer)}\n`)
        if (answer.outcome === 'unknown') throw new AnswerIsNo()
      })
    })
  examples(report, [
    'countersign leak report --found-at "https://git.example.com/infra/deploy, line 12" < found.token',
    'countersign leak report --file found.token --server https://auth.example.com',
  ])
}

async function leaked(terminal: Terminal, { file }: Options): Promise<string> {
  if (file !== undefined) return (await readSecret(terminal, '--file', file)).trim()
  const text = terminal.canAsk ? await terminal.askSecret('The credential (not shown): ') : await terminal.readStdin()
  if (text.trim() === '') throw new UsageError('Expected the credential on stdin, or --file <path>.')
  return text.trim()
}

function sentence({ outcome, id }: LeakAnswer): string {
  // Reports go to servers of others too.
  const credential = plain(id ?? 'The credential')
  switch (outcome) {
    case 'revoked':
      return `Revoked ${credential}, from the next request on. Thank you.`
    case 'dead':
      return `${credential} was dead before: revoked or expired. Nobody can use it.`
    case 'unknown':
      return 'This server knows no such credential. Is it whole, and is this the server it was made by? See: countersign verify'
  }
}
