import type { MyResource } from '@countersign/admin-api'
import type { Command } from 'commander'
import { momentOr } from '../moment.ts'
import { examples, type PageOptions, pageOptions } from '../options.ts'
import { asked } from '../pages.ts'
import { online, printPage } from '../session.ts'
import { type Column, details } from '../table.ts'
import type { Terminal } from '../terminal.ts'

const COLUMNS: readonly Column<MyResource>[] = [
  ['resource', (mine) => mine.resource],
  ['hosts', (mine) => mine.hosts.join(', ') || 'none'],
  ['scopes', (mine) => mine.scopes.join(', ') || 'none'],
  ['roles', (mine) => mine.roles.join(', ') || 'none'],
  ['projects', (mine) => mine.projects?.join(', ') ?? 'all'],
]

export function addMe(program: Command, terminal: Terminal): void {
  const me = program
    .command('me')
    .description('who this key or token stands for, and what it may do here')
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
  examples(me, [
    'countersign me',
    'countersign me --key-file canister.key --json',
    'COUNTERSIGN_KEY_FILE=laptop.token countersign me',
  ])

  const resources = me
    .command('resources')
    .description('what its owner may reach, and what a token can be narrowed to')
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const mine = await asked(session, options, session.api.myResources)
        const empty = 'Nothing yet: whoever may give permissions gives one, countersign permission create'
        printPage(session, command, mine, COLUMNS, empty)
      }),
    )
  examples(pageOptions(resources), ['countersign me resources', 'countersign me resources --json'])
}
