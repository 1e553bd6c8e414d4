import type { Credential, ForeignPrefix } from '@countersign/admin-api'
import { CREDENTIAL_KINDS, CREDENTIAL_STATES, type CredentialKind, type CredentialState } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { credentialColumns, lastUse, ownerWord } from '../credential-text.ts'
import { requireDuration, UNITS } from '../duration.ts'
import { AnswerIsNo } from '../exit.ts'
import { day, duration, momentOr } from '../moment.ts'
import { examples, type PageOptions, pageOptions, pageQuery, present } from '../options.ts'
import { all, online, printPage } from '../session.ts'
import { findSuccessors } from '../successors.ts'
import { type Column, table } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { addCredentialsImport } from './credentials-import.ts'

type Filter = { readonly owner?: string; readonly kind?: CredentialKind }
type ListOptions = PageOptions & Filter & { readonly state?: CredentialState; readonly imported?: true }
type ExpiringOptions = Filter & { readonly within: string; readonly fail?: true }

/** With its successor by rotation, if there is one that is live. */
type Ending = Credential & { readonly replaced_by: string | null }

const ID_OWNER: readonly Column<Credential>[] = [
  ['id', (credential) => credential.id],
  ['kind', (credential) => credential.kind],
  ['owner', ownerWord],
]

const PREFIXES: readonly Column<ForeignPrefix>[] = [
  ['prefix', (foreign) => foreign.prefix],
  ['digest', (foreign) => foreign.digest],
  ['since', (foreign) => day(foreign.created_at)],
  ['imported', (foreign) => String(foreign.imported)],
  ['still live', (foreign) => String(foreign.unrevoked)],
]

export function addCredentialsCommands(program: Command, terminal: Terminal): void {
  const credentials = program
    .command('credentials')
    .description('keys and tokens of everybody: what there is, what ends soon, what moves in from elsewhere')
  examples(credentials, [
    'countersign credentials list --owner user:alice',
    'countersign credentials expiring --within 14d',
  ])

  const list = filters(credentials.command('list'))
    .description('list credentials, whatever their kind and owner')
    .addOption(new Option('--state <state>', 'only those in this state now').choices(CREDENTIAL_STATES))
    .option('--imported', 'only those that another system issued')
    .action(({ owner, kind, state, imported, ...page }: ListOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const query = present({ owner, kind, state, imported: imported && ('true' as const) })
        const found = await session.api.credentials.list({ ...pageQuery(page), ...query })
        const rest = credentialColumns(terminal.now()).filter(([heading]) => heading !== 'id' && heading !== 'owner')
        printPage(session, command, found, [...ID_OWNER, ...rest], 'No credentials here.')
      }),
    )
  examples(pageOptions(list), [
    'countersign credentials list --owner user:alice --kind pat --state live',
    'countersign credentials list --imported --json',
  ])

  const expiring = filters(credentials.command('expiring'))
    .description('what is live and ends soon, soonest first')
    .option('--within <duration>', `from now on (${UNITS})`, '14d')
    .option('--fail', 'end with 1 if there is any that was not rotated into one that lives, for cron')
    .action(({ owner, kind, within, fail }: ExpiringOptions, command: Command) => {
      const seconds = requireDuration('--within', within)
      return online(terminal, command, async ({ api, print, hint }) => {
        const now = terminal.now()
        const expires_before = new Date(now.getTime() + seconds * 1000).toISOString()
        const query = { state: 'live' as const, expires_before, ...present({ owner, kind }) }
        const found = await all((page) => api.credentials.list({ ...query, ...page }))
        const successors = await findSuccessors(api, found)
        const items = found
          .map((one) => ({ ...one, replaced_by: successors.get(one.id) ?? null }))
          .toSorted((one, other) => end(one) - end(other))
        print({ items, next_cursor: null }, () => (items.length === 0 ? '' : table(terminal, items, endColumns(now))))
        if (items.length === 0) hint(`Nothing that is live ends within ${duration(seconds)}.`)
        if (fail && items.some(({ replaced_by }) => replaced_by === null)) throw new AnswerIsNo()
      })
    })
  examples(expiring, [
    'countersign credentials expiring --within 14d',
    'countersign credentials expiring --within 4w --kind pat --owner user:alice',
    'countersign credentials expiring --fail > soon.txt || mail -s "Credentials end soon" ops@example.com < soon.txt',
  ])

  addCredentialsImport(credentials, terminal)

  const prefixes = credentials
    .command('foreign-prefixes')
    .description('list the systems whose credentials were imported, by what those begin with')
    .action((_options: object, command: Command) =>
      online(terminal, command, async ({ api, print, hint }) => {
        const found = await api.credentials.foreignPrefixes()
        print(found, () => (found.items.length === 0 ? '' : table(terminal, found.items, PREFIXES)))
        if (found.items.length === 0) hint('Nothing was imported yet. How to: countersign credentials import --help')
      }),
    )
  examples(prefixes, ['countersign credentials foreign-prefixes', 'countersign credentials foreign-prefixes --json'])
}

function filters(command: Command): Command {
  return command
    .option('--owner <owner>', 'only those of this owner, like user:alice or client:canister')
    .addOption(new Option('--kind <kind>', 'only those of this kind').choices(CREDENTIAL_KINDS))
}

function endColumns(now: Date): readonly Column<Ending>[] {
  return [
    ['expires', (credential) => momentOr('never', credential.expires_at, now)],
    ...ID_OWNER,
    ['name', (credential) => credential.name ?? ''],
    ['hint', (credential) => credential.hint],
    ['replaced by', (credential) => credential.replaced_by ?? ''],
    ['last used', (credential) => lastUse(credential, now)],
  ]
}

function end({ expires_at }: Credential): number {
  return expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at)
}
