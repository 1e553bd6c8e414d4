import type { Credential, ForeignPrefix } from '@countersign/admin-api'
import { CREDENTIAL_KINDS, CREDENTIAL_STATES, type CredentialKind, type CredentialState } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { credentialColumns, lastUse, ownerWord } from '../credential-text.ts'
import { parseBefore, requireDuration, UNITS } from '../duration.ts'
import { AnswerIsNo } from '../exit.ts'
import { day, duration, momentOr } from '../moment.ts'
import { examples, type PageOptions, pageOptions, present } from '../options.ts'
import { asked, everything, filled } from '../pages.ts'
import { online, printPage } from '../session.ts'
import { findSuccessors } from '../successors.ts'
import { type Column, table } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { addCredentialsImport } from './credentials-import.ts'

type Filter = { readonly owner?: string; readonly kind?: CredentialKind }
type ListOptions = PageOptions &
  Filter & {
    readonly state?: CredentialState
    readonly name?: string
    readonly unusedSince?: string
    readonly neverUsed?: true
    readonly expiring?: string
    readonly imported?: true
    readonly importedFrom?: string
  }
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
    .option('--name <name>', 'only those that are called this')
    .option('--unused-since <age>', `only those that nobody used since: 90d (${UNITS}), or 2030-01-31T12:00:00Z`)
    .option('--never-used', 'only those that nobody used yet')
    .option('--expiring <duration>', `only those that end within this time from now on, like 14d (${UNITS})`)
    .option('--imported', 'only those that another system issued')
    .option('--imported-from <prefix>', 'only those that begin with this, like ghp_')
    .action((options: ListOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const query = listQuery(options, terminal.now())
        const found = await filled(session, options, (part) => session.api.credentials.list({ ...part, ...query }))
        const rest = credentialColumns(terminal.now()).filter(([heading]) => heading !== 'id' && heading !== 'owner')
        printPage(session, command, found, [...ID_OWNER, ...rest], 'No credentials here.')
      }),
    )
  pageOptions(list).addHelpText(
    'after',
    '\nA use is written some seconds after it, and once a minute at most; of access tokens (at) none is.',
  )
  examples(list, [
    'countersign credentials list --owner user:alice --kind pat --state live',
    'countersign credentials list --unused-since 90d --state live --all',
    'countersign credentials list --owner client:canister --never-used --json',
    'countersign credentials list --imported-from ghp_ --expiring 14d',
  ])

  const expiring = filters(credentials.command('expiring'))
    .description('what is live and ends soon, soonest first')
    .option('--within <duration>', `from now on (${UNITS})`, '14d')
    .option('--fail', 'end with 1 if there is any that was not rotated into one that lives, for cron')
    .action(({ owner, kind, within, fail }: ExpiringOptions, command: Command) => {
      const seconds = requireDuration('--within', within)
      return online(terminal, command, async (session) => {
        const { api, print, hint } = session
        const now = terminal.now()
        const expires_before = new Date(now.getTime() + seconds * 1000).toISOString()
        const query = { state: 'live' as const, expires_before, ...present({ owner, kind }) }
        const found = await everything(session, (page) => api.credentials.list({ ...query, ...page }))
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
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const found = await asked(session, options, session.api.credentials.foreignPrefixes)
        const empty = 'Nothing was imported yet. How to: countersign credentials import --help'
        printPage(session, command, found, PREFIXES, empty)
      }),
    )
  examples(pageOptions(prefixes), [
    'countersign credentials foreign-prefixes',
    'countersign credentials foreign-prefixes --json',
  ])
}

function filters(command: Command): Command {
  return command
    .option('--owner <owner>', 'only those of this owner, like user:alice or client:canister')
    .addOption(new Option('--kind <kind>', 'only those of this kind').choices(CREDENTIAL_KINDS))
}

function listQuery(options: ListOptions, now: Date) {
  const { owner, kind, state, name, unusedSince, neverUsed, expiring, imported, importedFrom } = options
  const endsAfter = expiring === undefined ? undefined : requireDuration('--expiring', expiring)
  return present({
    ...{ owner, kind, state, name },
    unused_since: unusedSince === undefined ? undefined : parseBefore('--unused-since', unusedSince, now),
    never_used: neverUsed && ('true' as const),
    expires_before: endsAfter === undefined ? undefined : new Date(now.getTime() + endsAfter * 1000).toISOString(),
    imported: imported && ('true' as const),
    imported_from: importedFrom,
  })
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
