import type { SigningKey } from '@countersign/admin-api'
import type { Command } from 'commander'
import { moment } from '../moment.ts'
import { examples } from '../options.ts'
import { online } from '../session.ts'
import { type Cell, type Column, table } from '../table.ts'
import type { Terminal } from '../terminal.ts'

const STATES: Record<SigningKey['state'], Cell> = {
  published: 'published',
  active: { text: 'active', tone: 'good' },
  retiring: { text: 'retiring', tone: 'quiet' },
}

export function addKeysCommands(program: Command, terminal: Terminal): void {
  const keys = program
    .command('keys')
    .description('the keys that Countersign signs tokens with; those of clients: countersign key')
  examples(keys, ['countersign keys list', 'countersign keys rotate'])

  const list = keys
    .command('list')
    .description('list the signing keys that are published, the one that signs last first')
    .action((_options: object, command: Command) =>
      online(terminal, command, async ({ api, print }) => {
        const page = await api.signingKeys.list()
        print(page, () => table(terminal, page.items, signingKeyColumns(terminal.now())))
      }),
    )
  list.addHelpText(
    'after',
    '\nStates: published (signs later, so that everybody knows it by then), active (signs), retiring (signs no more, but\n' +
      'what it signed may live).',
  )
  examples(list, ['countersign keys list', 'countersign keys list --json'])

  const rotate = keys
    .command('rotate')
    .description('publish the key that signs next; what the present one signed is good until it ends')
    .action((_options: object, command: Command) =>
      online(terminal, command, async ({ api, print, hint }) => {
        const next = await api.signingKeys.rotate()
        const from = moment(next.active_from, terminal.now())
        print(next, () => `Signing key ${next.kid} is published. It signs from ${from} on.\n`)
        hint('What becomes of the others: countersign keys list')
      }),
    )
  examples(rotate, ['countersign keys rotate'])
}

function signingKeyColumns(now: Date): readonly Column<SigningKey>[] {
  return [
    ['kid', (key) => key.kid],
    ['alg', (key) => key.alg],
    ['state', (key) => STATES[key.state]],
    ['signs from', (key) => moment(key.active_from, now)],
    ['retires', (key) => (key.retires_at === null ? 'when it has a successor' : moment(key.retires_at, now))],
    ['made', (key) => moment(key.created_at, now)],
  ]
}
