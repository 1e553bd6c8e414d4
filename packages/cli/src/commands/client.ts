import type { Client } from '@countersign/admin-api'
import { ClientChange, NewClient } from '@countersign/admin-api'
import type { Command } from 'commander'
import { bodyToChange, bodyToMake, readJsonObject, requireBody } from '../body-file.ts'
import { changedList, changesByOptions, differences } from '../changes.ts'
import { CLIENT_FLAGS, type ClientOptions, clientFields, clientOptions, saidOf, unusedKeys } from '../client-options.ts'
import { confirmDeletion, type DeleteOptions, deleteOptions } from '../deletion.ts'
import { UsageError } from '../exit.ts'
import { credentialLines, heldPermissions } from '../holdings.ts'
import { duration, moment } from '../moment.ts'
import { collect, examples, type PageOptions, pageOptions, present } from '../options.ts'
import { asked } from '../pages.ts'
import { all, type OnlineSession, online, printPage, type Session, unlessForbidden } from '../session.ts'
import { type Column, details, orNone } from '../table.ts'
import type { Terminal } from '../terminal.ts'

type CreateOptions = ClientOptions & { name?: string; group?: string[]; internal?: true; file?: string }
type UpdateOptions = ClientOptions & { name?: string; addGroup?: string[]; removeGroup?: string[]; file?: string }

const COLUMNS: readonly Column<Client>[] = [
  ['id', (client) => client.id],
  ['name', (client) => client.name],
  ['groups', (client) => client.groups.join(', ')],
  ['networks', (client) => client.networks?.join(', ') ?? 'any'],
  ['state', (client) => (client.disabled ? { text: 'disabled', tone: 'bad' } : { text: 'enabled', tone: 'good' })],
]

export function addClientCommands(program: Command, terminal: Terminal): void {
  const client = program.command('client').description('clients: registered software that calls')
  examples(client, ['countersign client create canister --group media', 'countersign client list'])

  const create = client
    .command('create [id]')
    .description('register a client')
    .option('--name <name>', 'what people call it (default: its id)')
    .option('--group <name>', 'a group that it is in (repeatable)', collect)
  clientOptions(create, 'default: any')
    .option('--internal', 'the same as --listener internal')
    .option('--file <path>', 'the whole body as JSON, - for stdin')
    .action((id: string | undefined, options: CreateOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const { api, print, hint } = session
        const made = await api.clients.create(await newClient(session, id, options))
        print(made, () => `Client ${made.id} is made.\n`)
        if (made.groups.length === 0) {
          const create = `countersign permission create --client ${made.id}`
          hint(`Give it a permission: ${create} --resource <name> --scope <scope>`)
        }
        for (const group of made.groups) {
          hint(`It may do what group ${group} may. See: countersign group show ${group}`)
        }
        hint(`Give it a key: countersign key create ${made.id}`)
        if (made.token_endpoint_auth_methods.some((method) => method.startsWith('client_secret_'))) {
          hint(`Or a secret, to get access tokens with: countersign secret create ${made.id}`)
        }
        hintUnusedKeys(session, made)
      }),
    )
  examples(create, [
    'countersign client create canister --name "Canister" --group media',
    'countersign client create backup --network 10.0.0.0/8',
    'countersign client create billing --auth-method private_key_jwt --jwks-file billing.public.pem --token-ttl 5m',
  ])

  const list = client
    .command('list')
    .description('list clients')
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const page = await asked(session, options, session.api.clients.list)
        printPage(session, command, page, COLUMNS, 'No clients yet. Make one: countersign client create <id>')
      }),
    )
  examples(pageOptions(list), ['countersign client list', 'countersign client list --json'])

  const show = client
    .command('show <id>')
    .description('show a client, its permissions and its keys')
    .action((id: string, _options: object, command: Command) =>
      online(terminal, command, async (session) => {
        const found = await session.api.clients.get(id)
        printClient(session, found, session.json ? [] : await holdings(session, found))
      }),
    )
  examples(show, ['countersign client show canister'])

  const update = client
    .command('update <id>')
    .description('change a client; what is not named stays, what is a list is replaced')
    .option('--name <name>', 'what people call it')
    .option('--add-group <name>', 'put it into a group (repeatable)', collect)
    .option('--remove-group <name>', 'take it out of a group (repeatable)', collect)
  clientOptions(update, 'any: no limit')
    .option('--file <path>', 'or what to change, as JSON, - for stdin')
    .action((id: string, options: UpdateOptions, command: Command) => {
      const byOptions = changesByOptions(saidOf(options), `--name, --add-group, --remove-group, ${CLIENT_FLAGS}`)
      return online(terminal, command, async (session) => {
        const change = byOptions ? await wantedChange(session, id, options) : await changeInFile(terminal, id, options)
        const nothing = Object.keys(change).length === 0
        if (nothing) session.hint('It is so already: nothing was changed.')
        const { clients } = session.api
        const changed = await (nothing ? clients.get(id) : clients.change(id, change))
        printClient(session, changed)
        hintUnusedKeys(session, changed)
      })
    })
  examples(update, [
    'countersign client update canister --add-group media --network 10.0.0.0/8',
    'countersign client update billing --jwks-file billing.jwks.json --default-resource usage-api --token-ttl none',
    'countersign client update billing --jwks-file billing.public.pem --jwks-file billing-2.public.pem',
    'countersign client update billing --requires-workload billing',
    `echo '{"groups":["media"]}' | countersign client update canister --file -`,
  ])

  for (const [verb, disabled] of [
    ['enable', false],
    ['disable', true],
  ] as const) {
    const change = client
      .command(`${verb} <id>`)
      .description(disabled ? 'refuse a client, but keep everything it has' : 'believe a client again')
      .action((id: string, _options: object, command: Command) =>
        online(terminal, command, async ({ api, print }) => {
          const changed = await api.clients.change(id, { disabled })
          print(changed, () => `Client ${changed.id} is ${verb}d.\n`)
        }),
      )
    examples(change, [`countersign client ${verb} canister`])
  }

  const remove = deleteOptions(client.command('delete <id>'))
    .description('delete a client and its credentials; its id is never given again')
    .action((id: string, options: DeleteOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const losing = `Client ${id}, its keys and its permissions will be deleted.`
        await confirmDeletion(session, options, { losing, word: 'id' })
        await session.api.clients.delete(id)
        session.hint(`Client ${id} is deleted.`)
      }),
    )
  examples(remove, ['countersign client delete canister', 'countersign client delete canister --yes'])
}

function hintUnusedKeys({ hint }: Session, client: Client): void {
  const todo = unusedKeys(client)
  if (todo !== undefined) hint(todo)
}

async function wantedChange(session: OnlineSession, id: string, options: UpdateOptions): Promise<ClientChange> {
  const { name, addGroup, removeGroup } = options
  const fields = await clientFields(session, options)
  const found = await session.api.clients.get(id)
  const groups = changedList(found.groups, addGroup, removeGroup)
  return differences(found, present({ name, groups, ...fields }))
}

async function changeInFile(terminal: Terminal, id: string, { file = '-' }: UpdateOptions): Promise<ClientChange> {
  const { id: sent = id, ...change } = bodyToChange(await readJsonObject(terminal, file))
  if (sent !== id) throw new UsageError('The id of a client never changes.')
  return requireBody(ClientChange, change)
}

async function newClient(session: Session, id: string | undefined, options: CreateOptions) {
  const { file, name, group: groups } = options
  if (file === undefined) {
    if (id === undefined) throw new UsageError('Expected the id of the client, or --file.')
    const listener = options.internal ? 'internal' : options.listener
    if (options.internal && options.listener === 'any') throw new UsageError('Expected --internal or --listener any.')
    return {
      id,
      ...present({ name, groups, ...(await clientFields(session, { ...options, ...present({ listener }) })) }),
    }
  }
  const body = bodyToMake(await readJsonObject(session.terminal, file))
  return requireBody(NewClient, id === undefined ? body : { id, ...body })
}

/** What it may, itself and by its groups, and the keys it has for it. */
async function holdings(session: OnlineSession, { id, groups }: Client): Promise<Line[]> {
  const { api, terminal } = session
  const permissions = await heldPermissions(session, { client: id }, groups)
  const keys = await unlessForbidden(all((page) => api.keys.list(id, page)))
  const secrets = await unlessForbidden(all((page) => api.secrets.list(id, page)))
  const now = terminal.now()
  return [
    ['permissions', orNone(permissions)],
    ['keys', orNone(keys && credentialLines(keys, `countersign key list ${id}`, now))],
    ['secrets', orNone(secrets && credentialLines(secrets, `countersign secret list ${id}`, now))],
  ]
}

/** What tells one public key from another. */
function ownKey(jwk: Readonly<Record<string, unknown>>): string {
  const { kid, alg, kty, crv } = jwk
  return [kid ?? 'without kid', alg ?? [kty, crv].filter((one) => one !== undefined).join(' ')].map(String).join('  ')
}

type Line = readonly [label: string, value: string | readonly string[]]

function printClient({ terminal, print }: OnlineSession, client: Client, more: readonly Line[] = []): void {
  const seconds = client.access_token_ttl_seconds
  print(client, () =>
    details(terminal, [
      ['id', client.id],
      ['name', client.name],
      ['state', client.disabled ? { text: 'disabled', tone: 'bad' } : { text: 'enabled', tone: 'good' }],
      ['groups', client.groups.join(', ') || 'none'],
      ['grants', client.grants.join(', ') || 'none'],
      ['authenticates by', client.token_endpoint_auth_methods.join(', ') || 'nothing'],
      ['own keys', client.jwks_uri ?? orNone(client.jwks?.keys.map(ownKey) ?? [])],
      ['default resource', client.default_resource ?? 'that of its oldest permission'],
      ['access tokens', seconds === null ? 'as the resource says' : duration(seconds)],
      ['networks', client.networks ?? 'any'],
      ['listener', client.listener],
      ['needs workload', client.requires_workload ?? 'no'],
      ['managed by', client.managed_by ?? 'hand'],
      ['made', moment(client.created_at, terminal.now())],
      ...more,
    ]),
  )
}
