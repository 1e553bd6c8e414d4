import type { Command } from 'commander'
import { momentOr } from '../moment.ts'
import { examples } from '../options.ts'
import { online } from '../session.ts'
import { details } from '../table.ts'
import type { Terminal } from '../terminal.ts'

export function addMe(program: Command, terminal: Terminal): void {
  const me = program
    .command('me')
    .description('who this key stands for, and what it may do here')
    .action((_options: object, command: Command) =>
      online(terminal, command, async ({ api, print }) => {
        const caller = await api.me()
        const { principal, credential } = caller
        const key =
          credential === null ? 'one without a record' : `${credential.id} (${credential.hint ?? credential.kind})`
        print(caller, () =>
          details(terminal, [
            ['principal', `${principal.kind}:${principal.id}`],
            ['name', principal.name],
            ['credential', key],
            ['expires', momentOr('never', credential?.expires_at ?? null, terminal.now())],
            ['roles', caller.roles.join(', ') || 'none'],
            ['scopes', caller.scopes.join(', ') || 'none'],
            ['groups', caller.groups.join(', ') || 'none'],
            ['projects', caller.projects?.join(', ') ?? 'all'],
          ]),
        )
      }),
    )
  examples(me, ['countersign me', 'countersign me --key-file canister.key --json'])
}
