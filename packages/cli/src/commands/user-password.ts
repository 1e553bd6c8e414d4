import type { Command } from 'commander'
import { UsageError } from '../exit.ts'
import { examples } from '../options.ts'
import { readNewPassword } from '../secret-input.ts'
import { online } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type Options = { readonly passwordFile?: string; readonly remove?: true }

export function addUserPassword(user: Command, terminal: Terminal): void {
  const password = user
    .command('password <username>')
    .description('set the password of a user, asked for twice on a terminal; tokens go on as before')
    .option('--password-file <path>', 'the file that holds it, - for stdin')
    .option('--remove', 'leave them without one')
    .action(async (username: string, { passwordFile, remove }: Options, command: Command) => {
      if (remove && passwordFile !== undefined) throw new UsageError('Expected --remove or --password-file, not both.')
      const wanted = remove ? null : await readNewPassword(terminal, passwordFile)
      await online(terminal, command, async ({ api, print }) => {
        const changed = await api.users.change(username, { password: wanted })
        print(changed, () => `The password of user ${changed.username} is ${remove ? 'removed' : 'set'}.\n`)
      })
    })
  examples(password, [
    'countersign user password alice',
    'countersign user password alice --password-file - < alice.password',
    'countersign user password alice --remove',
  ])
}
