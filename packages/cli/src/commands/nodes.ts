import type { Node } from '@countersign/admin-api'
import type { Command } from 'commander'
import { moment } from '../moment.ts'
import { examples, type PageOptions, pageOptions } from '../options.ts'
import { asked } from '../pages.ts'
import { online, printPage } from '../session.ts'
import type { Cell, Column } from '../table.ts'
import type { Terminal } from '../terminal.ts'

const STATES: Record<Node['state'], Cell> = {
  current: { text: 'current', tone: 'good' },
  behind: 'behind',
  silent: { text: 'silent', tone: 'bad' },
}

export function addNodes(program: Command, terminal: Terminal): void {
  const nodes = program
    .command('nodes')
    .description('the servers on this database, and how far each has followed')
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const page = await asked(session, options, session.api.nodes)
        printPage(session, command, page, columns(terminal.now()), 'No server has said anything yet.')
      }),
    )
  nodes.addHelpText(
    'after',
    '\nStates: current (its answers count with the newest change), behind (it is catching up), silent (it has said nothing\n' +
      'for ten seconds: without the database it answers nothing any more).',
  )
  examples(pageOptions(nodes), ['countersign nodes', 'countersign nodes --json'])
}

function columns(now: Date): readonly Column<Node>[] {
  return [
    ['name', ({ name, is_this }) => (is_this ? `${name} (answers)` : name)],
    ['state', ({ state }) => STATES[state]],
    ['revision', ({ revision }) => String(revision)],
    ['version', ({ version }) => version],
    ['started', ({ started_at }) => moment(started_at, now)],
    ['said so', ({ seen_at }) => moment(seen_at, now)],
  ]
}
