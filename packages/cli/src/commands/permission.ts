import type { Permission } from '@countersign/admin-api'
import { NewPermission } from '@countersign/admin-api'
import type { Command } from 'commander'
import { bodyToMake, readJsonObject, requireBody } from '../body-file.ts'
import { UsageError } from '../exit.ts'
import { moment } from '../moment.ts'
import { collect, examples, type PageOptions, pageOptions, present } from '../options.ts'
import { asked } from '../pages.ts'
import { online, printPage } from '../session.ts'
import { type Column, details } from '../table.ts'
import type { Terminal } from '../terminal.ts'

type HolderOptions = { client?: string; group?: string; user?: string; resource?: string }
type CreateOptions = HolderOptions & { scope?: string[]; role?: string[]; project?: string[]; file?: string }

const COLUMNS: readonly Column<Permission>[] = [
  ['id', (permission) => permission.id],
  ['holder', holder],
  ['resource', (permission) => permission.resource],
  ['scopes', (permission) => permission.scopes.join(', ') || 'none'],
  ['roles', (permission) => permission.roles.join(', ') || 'none'],
  ['projects', projectsOf],
]

/** What a permission gives, in one line. */
export function permissionLine(permission: Permission): string {
  const { id, resource, scopes, roles } = permission
  const given = [
    scopes.join(', ') || 'no scopes',
    ...(roles.length === 0 ? [] : [`roles ${roles.join(', ')}`]),
    `projects ${projectsOf(permission)}`,
  ]
  return `${resource}: ${given.join('; ')} (${id})`
}

/** As `Remote-Project` says it: whoever reaches every project stands out. */
function projectsOf({ projects }: Permission): string {
  return projects?.join(', ') ?? '*'
}

export function addPermissionCommands(program: Command, terminal: Terminal): void {
  const permission = program.command('permission').description('permissions: who may reach which resource, with what')
  examples(permission, [
    'countersign permission create --group media --resource webdav --scope files:read',
    'countersign permission list --client canister',
  ])

  const create = holderOptions(
    permission.command('create').description('give a permission'),
    (kind) => `the ${kind} that holds it`,
  )
    .option('--scope <scope>', 'a scope, or a pattern like *:read (repeatable)', collect)
    .option('--role <role>', 'a role at the resource (repeatable)', collect)
    .option('--project <project>', 'a project that it is confined to (repeatable; default: all)', collect)
    .option('--file <path>', 'the whole body as JSON, - for stdin')
    .action((options: CreateOptions, command: Command) =>
      online(terminal, command, async ({ api, print, hint }) => {
        const made = await api.permissions.create(await newPermission(terminal, options))
        print(made, () => `Permission ${made.id} is given.\n${permissionDetails(terminal, made)}`)
        if (made.scopes.length > 0 || made.roles.length > 0) return
        hint('This permission gives no scopes: it passes only rules that ask for none.')
      }),
    )
  examples(create, [
    'countersign permission create --group media --resource webdav --scope files:read',
    'countersign permission create --client canister --resource forge --scope "*:read" --role reviewer --project team/app',
  ])

  const list = holderOptions(
    permission.command('list').description('list permissions'),
    (kind) => `only those of this ${kind}`,
  ).action((options: PageOptions & HolderOptions, command: Command) =>
    online(terminal, command, async (session) => {
      const { client, group, user, resource } = options
      const query = present({ client, group, user, resource })
      const page = await asked(session, options, (part) => session.api.permissions.list({ ...part, ...query }))
      const create = 'countersign permission create --client <id> --resource <name> --scope <scope>'
      const empty = `No permissions here. Give one: ${create}`
      printPage(session, command, page, COLUMNS, empty)
    }),
  )
  examples(pageOptions(list), ['countersign permission list', 'countersign permission list --resource webdav'])

  const show = permission
    .command('show <id>')
    .description('show a permission')
    .action((id: string, _options: object, command: Command) =>
      online(terminal, command, async ({ api, print }) => {
        const found = await api.permissions.get(id)
        print(found, () => permissionDetails(terminal, found))
      }),
    )
  examples(show, ['countersign permission show perm_01JABCDEFGHJKMNPQRSTVWXYZ0'])

  const remove = permission
    .command('delete <id>')
    .description('take a permission away, from the next request on')
    .action((id: string, _options: object, command: Command) =>
      online(terminal, command, async ({ api, hint }) => {
        await api.permissions.delete(id)
        hint(`Permission ${id} is taken away.`)
      }),
    )
  examples(remove, ['countersign permission delete perm_01JABCDEFGHJKMNPQRSTVWXYZ0'])
}

function holderOptions(command: Command, what: (kind: string) => string): Command {
  return command
    .option('--client <id>', what('client'))
    .option('--group <name>', what('group'))
    .option('--user <username>', what('user'))
    .option('--resource <name>', 'the resource it is about')
}

async function newPermission(terminal: Terminal, options: CreateOptions) {
  const { client, group, user, resource, scope: scopes, role: roles, project: projects, file } = options
  if (file !== undefined) return requireBody(NewPermission, bodyToMake(await readJsonObject(terminal, file)))
  const holders = [client, group, user].filter((one) => one !== undefined)
  if (holders.length !== 1) throw new UsageError('Expected exactly one of --client, --group, --user.')
  if (resource === undefined) throw new UsageError('Expected --resource <name>.')
  return { resource, ...present({ client, group, user, scopes, roles, projects }) }
}

function holder(permission: Permission): string {
  const { client, group, user } = permission
  if (client !== undefined) return `client:${client}`
  return group === undefined ? `user:${user}` : `group:${group}`
}

function permissionDetails(terminal: Terminal, permission: Permission): string {
  return details(terminal, [
    ['id', permission.id],
    ['holder', holder(permission)],
    ['resource', permission.resource],
    ['scopes', permission.scopes.join(', ') || 'none'],
    ['roles', permission.roles.join(', ') || 'none'],
    ['projects', projectsOf(permission)],
    ['managed by', permission.managed_by ?? 'hand'],
    ['given', moment(permission.created_at, terminal.now())],
  ])
}
