import type { Credential, IssuedKey } from '@countersign/admin-api'
import type { Command } from 'commander'
import { parseExpiry, requireDuration, UNITS } from '../duration.ts'
import { moment, momentOr } from '../moment.ts'
import { narrowing, stateCell } from '../narrowing.ts'
import { collect, examples, type PageOptions, pageOptions, pageQuery, present } from '../options.ts'
import { type OnlineSession, online, printPage, requirePublicId } from '../session.ts'
import { type Column, details } from '../table.ts'
import type { Terminal } from '../terminal.ts'

type CreateOptions = {
  name?: string
  resource?: string[]
  scope?: string[]
  project?: string[]
  network?: string[]
  expires?: string
}

export function addKeyCommands(program: Command, terminal: Terminal): void {
  const key = program.command('key').description('API keys of clients')
  examples(key, ['countersign key create canister --expires 30d', 'countersign key list canister'])

  const create = key
    .command('create <client>')
    .description('make an API key; stdout gets the key alone, this once')
    .option('--name <name>', 'what people call it')
    .option('--resource <name>', 'only at this resource (repeatable; default: all of the client’s)', collect)
    .option('--scope <scope>', 'only this scope (repeatable; default: all of the client’s)', collect)
    .option('--project <project>', 'only in this project of the one resource (repeatable)', collect)
    .option('--network <cidr>', 'only from this network (repeatable)', collect)
    .option('--expires <when>', `a duration like 30d (${UNITS}), or a time like 2030-01-31T12:00:00Z (default: never)`)
    .action((client: string, options: CreateOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const { name, resource: resources, scope: scopes, project: projects, network: networks, expires } = options
        const narrowed = present({ name, resources, scopes, projects, networks })
        const expiry = expires === undefined ? {} : parseExpiry(expires)
        printIssued(session, await session.api.keys.create(client, { ...narrowed, ...expiry }))
      }),
    )
  examples(create, [
    'countersign key create canister --name laptop',
    'countersign key create canister --resource webdav --scope files:read --expires 30d',
    'countersign key create canister > canister.key',
  ])

  const list = key
    .command('list [client]')
    .description('list keys, whatever their state')
    .action((client: string | undefined, options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const { keys, credentials } = session.api
        const query = pageQuery(options)
        const page = await (client === undefined
          ? credentials.list({ kind: 'key', ...query })
          : keys.list(client, query))
        const empty = `No keys yet. Make one: countersign key create ${client ?? '<client>'}`
        printPage(session, command, page, keyColumns(terminal.now()), empty)
      }),
    )
  examples(pageOptions(list), ['countersign key list', 'countersign key list canister --json'])

  const show = key
    .command('show <key-id>')
    .description('show a key: what it is narrowed to, its state, when it was used; never the key itself')
    .action((id: string, _options: object, command: Command) =>
      online(terminal, command, async ({ api, print }) => {
        const found = await api.credentials.get(requirePublicId(id))
        print(found, () => credentialDetails(terminal, found))
      }),
    )
  examples(show, ['countersign key show key_01JABCDEFGHJKMNPQRSTVWXYZ0'])

  const rotate = key
    .command('rotate <key-id>')
    .description('replace a key by a new one with the same rights; both work for a while')
    .option('--overlap <duration>', `how long the old one still works, 0s to 30d (${UNITS}; default 1h)`)
    .option('--name <name>', 'what people call the new one (default: as before)')
    .action((id: string, options: { overlap?: string; name?: string }, command: Command) =>
      online(terminal, command, async (session) => {
        const overlap = options.overlap === undefined ? undefined : requireDuration('--overlap', options.overlap)
        const body = present({ overlap_seconds: overlap, name: options.name })
        const rotated = await session.api.credentials.rotate(requirePublicId(id), body)
        printIssued(session, rotated)
        session.hint(
          `The old one, ${rotated.replaces.id}, stops ${moment(rotated.replaces.expires_at, terminal.now())}.`,
        )
      }),
    )
  examples(rotate, [
    'countersign key rotate key_01JABCDEFGHJKMNPQRSTVWXYZ0 --overlap 24h',
    'countersign key rotate key_01JABCDEFGHJKMNPQRSTVWXYZ0 --overlap 0s > canister.key',
  ])
}

/** The key goes to stdout and nothing else does, so that `> file` and `$(…)` take it as it is. */
function printIssued({ terminal, print, hint }: OnlineSession, issued: IssuedKey): void {
  const ends = momentOr('never', issued.expires_at, terminal.now())
  hint(`Key ${issued.id} of client ${issued.owner.id}: ${narrowing(issued)}; expires: ${ends}.`)
  hint('This is the key. It is shown once:')
  print(issued, () => `${issued.key}\n`)
}

function keyColumns(now: Date): readonly Column<Credential>[] {
  return [
    ['id', (key) => key.id],
    ['owner', (key) => key.owner.id],
    ['name', (key) => key.name ?? ''],
    ['hint', (key) => key.hint],
    ['state', stateCell],
    ['rights', narrowing],
    ['expires', (key) => momentOr('never', key.expires_at, now)],
    ['last used', (key) => momentOr('never', key.last_used_at, now)],
  ]
}

function credentialDetails(terminal: Terminal, key: Credential): string {
  const now = terminal.now()
  const by = (who: string | null) => (who === null ? '' : ` by ${who}`)
  const from = key.last_used_from === null ? '' : ` from ${key.last_used_from}`
  const revoked = key.revoked_at === null ? [] : [`${moment(key.revoked_at, now)}${by(key.revoked_by)}`]
  return details(terminal, [
    ['id', key.id],
    ['owner', `${key.owner.kind}:${key.owner.id}`],
    ['name', key.name ?? 'none'],
    ['hint', key.hint],
    ['state', stateCell(key)],
    ...revoked.map((text) => ['revoked', key.revoked_reason === null ? text : [text, key.revoked_reason]] as const),
    ['resources', key.resources ?? 'full'],
    ['scopes', key.scopes ?? 'full'],
    ['projects', key.projects ?? 'all'],
    ['networks', key.networks ?? 'any'],
    ...(key.not_before === null ? [] : [['starts', moment(key.not_before, now)] as const]),
    ['expires', momentOr('never', key.expires_at, now)],
    ['last used', `${momentOr('never', key.last_used_at, now)}${from}`],
    ['made', `${moment(key.created_at, now)}${by(key.created_by)}`],
    ['family', key.family],
  ])
}
