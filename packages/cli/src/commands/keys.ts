import type { SigningKey } from '@countersign/admin-api'
import type { Command } from 'commander'
import { AnswerIsNo, UsageError } from '../exit.ts'
import { moment } from '../moment.ts'
import { examples, type PageOptions, pageOptions } from '../options.ts'
import { asked } from '../pages.ts'
import { type OnlineSession, online, printPage } from '../session.ts'
import { type Cell, type Column, details } from '../table.ts'
import type { Terminal } from '../terminal.ts'

type RotateOptions = { readonly now?: true; readonly yes?: true }

const STATES: Record<SigningKey['state'], Cell> = {
  published: 'published',
  active: { text: 'active', tone: 'good' },
  retiring: { text: 'retiring', tone: 'quiet' },
  retired: { text: 'retired', tone: 'quiet' },
}

export function addKeysCommands(program: Command, terminal: Terminal): void {
  const keys = program
    .command('keys')
    .description('the keys that Countersign signs tokens with; those of clients: countersign key')
  examples(keys, ['countersign keys list', 'countersign keys rotate'])

  const list = keys
    .command('list')
    .description('list the signing keys that are published, the one that signs last first')
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const page = await asked(session, options, session.api.signingKeys.list)
        printPage(session, command, page, signingKeyColumns(terminal.now()), 'No signing key is published.')
      }),
    )
  list.addHelpText(
    'after',
    '\nStates: published (signs later, so that everybody knows it by then), active (signs), retiring (signs no more, but\n' +
      'what it signed may live).',
  )
  examples(pageOptions(list), ['countersign keys list', 'countersign keys list --json'])

  const show = keys
    .command('show <kid>')
    .description('show a signing key by the kid of a token, also one that is retired')
    .action((kid: string, _options: object, command: Command) =>
      online(terminal, command, async ({ api, print }) => {
        const key = await api.signingKeys.get(kid)
        const columns = signingKeyColumns(terminal.now())
        print(key, () =>
          details(
            terminal,
            columns.map(([label, cell]) => [label, cell(key)]),
          ),
        )
      }),
    )
  examples(show, ['countersign keys show NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'])

  const rotate = keys
    .command('rotate')
    .description('publish the key that signs next; what the present one signed is good until it ends')
    .option('--now', 'for a key that leaked: replace all of them at once, and refuse whatever they signed')
    .option('--yes', 'do not ask, for scripts (--now)')
    .action(({ now, yes }: RotateOptions, command: Command) =>
      online(terminal, command, async (session) => {
        if (now) return replaceKeys(session, yes === true)
        const next = await session.api.signingKeys.rotate()
        const from = moment(next.active_from, terminal.now())
        session.print(next, () => `Signing key ${next.kid} is published. It signs from ${from} on.\n`)
        session.hint('What becomes of the others: countersign keys list')
      }),
    )
  rotate.addHelpText('after', `\nWith --now: ${LOSING}\n${STILL_BELIEVED}`)
  examples(rotate, ['countersign keys rotate', 'countersign keys rotate --now', 'countersign keys rotate --now --yes'])
}

const LOSING = `all signing keys are retired at once. Every access token that is a JWT, and every assertion, is
refused from the next request on; clients have to get new tokens. Opaque tokens, API keys and secrets live on.`
const STILL_BELIEVED = `Whoever checks tokens without asking Countersign believes the old keys until it fetches the key set again: restart
those services, or wait for as long as they keep it.`

/** Whoever leaves it half way has lost nothing; whoever means it in a script has to say so. */
async function replaceKeys({ api, terminal, print, hint }: OnlineSession, isMeant: boolean): Promise<void> {
  if (!isMeant && !terminal.canAsk) throw new UsageError(`With --now ${LOSING} If that is meant: --yes`)
  const question = `${LOSING.charAt(0).toUpperCase()}${LOSING.slice(1)} Replace? [y/N] `
  if (!isMeant && !/^y(es)?$/i.test((await terminal.ask(question)).trim())) {
    hint('Nothing was replaced.')
    throw new AnswerIsNo()
  }
  const next = await api.signingKeys.rotate({ now: true })
  print(next, () => `Signing key ${next.kid} signs, and no other is believed.\n`)
  hint(STILL_BELIEVED)
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
