import { NewUser, USER_ROLES, type User, UserChange } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { bodyToChange, bodyToMake, readJsonObject, requireBody } from '../body-file.ts'
import { changedList, changesByOptions, differences } from '../changes.ts'
import { confirmDeletion, type DeleteOptions, deleteOptions } from '../deletion.ts'
import { UsageError } from '../exit.ts'
import { collect, examples, type PageOptions, pageOptions, present } from '../options.ts'
import { asked } from '../pages.ts'
import { changedPairs, pairsSaid } from '../pairs.ts'
import { readNewPassword } from '../secret-input.ts'
import { type OnlineSession, online, printPage } from '../session.ts'
import type { Column } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { printUser, userHoldings, userState } from '../user-details.ts'
import { addUserPassword } from './user-password.ts'

type Role = (typeof USER_ROLES)[number]
type CreateOptions = {
  name?: string
  email?: string
  role?: Role[]
  group?: string[]
  link?: string[]
  passwordFile?: string
  file?: string
}
type UpdateOptions = {
  name?: string
  email?: string
  addRole?: Role[]
  removeRole?: Role[]
  addGroup?: string[]
  removeGroup?: string[]
  link?: string[]
  removeLink?: string[]
  file?: string
}

const LINK = 'who they are at an issuer: its name here, and their sub there (repeatable)'

const COLUMNS: readonly Column<User>[] = [
  ['username', (user) => user.username],
  ['name', (user) => user.name],
  ['email', (user) => user.email ?? 'none'],
  ['roles', (user) => user.roles.join(', ') || 'none'],
  ['groups', (user) => user.groups.join(', ')],
  ['state', userState],
]

export function addUserCommands(program: Command, terminal: Terminal): void {
  const user = program.command('user').description('users: people, who own personal access tokens')
  examples(user, ['countersign user create alice --name Alice --group media', 'countersign user show alice'])

  const create = user
    .command('create [username]')
    .description('register a person')
    .option('--name <name>', 'what people call them (default: the username)')
    .option('--email <address>', 'told to services; never used to find a user by')
    .addOption(roleOption('--role <role>', 'a role at this API (repeatable; default: user, their own tokens)'))
    .option('--group <name>', 'a group that they are in (repeatable)', collect)
    .option('--link <issuer=subject>', LINK, collect)
    .option('--password-file <path>', 'the file that holds a password, - for stdin (default: none)')
    .option('--file <path>', 'the whole body as JSON, - for stdin')
    .action((username: string | undefined, options: CreateOptions, command: Command) =>
      online(terminal, command, async ({ api, print, hint }) => {
        const made = await api.users.create(await newUser(terminal, username, options))
        print(made, () => `User ${made.username} is made.\n`)
        if (made.groups.length === 0) {
          const give = `countersign permission create --user ${made.username}`
          hint(`Give them a permission: ${give} --resource <name> --scope <scope>`)
        }
        for (const group of made.groups) {
          hint(`They may do what group ${group} may. See: countersign group show ${group}`)
        }
        hint(`Make a token for them: countersign pat create --user ${made.username}`)
      }),
    )
  examples(create, [
    'countersign user create alice --name Alice --email alice@example.com --group media',
    'countersign user create root --role admin --password-file root.password',
  ])

  const list = user
    .command('list')
    .description('list users')
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const page = await asked(session, options, session.api.users.list)
        printPage(session, command, page, COLUMNS, 'No users yet. Make one: countersign user create <username>')
      }),
    )
  examples(pageOptions(list), ['countersign user list', 'countersign user list --json'])

  const show = user
    .command('show <username>')
    .description('show a user, their groups, permissions and tokens')
    .action((username: string, _options: object, command: Command) =>
      online(terminal, command, async (session) => {
        const found = await session.api.users.get(username)
        printUser(session, found, session.json ? [] : await userHoldings(session, found))
      }),
    )
  examples(show, ['countersign user show alice'])

  const update = user
    .command('update <username>')
    .description('change a user; what is not named stays')
    .option('--name <name>', 'what people call them')
    .option('--email <address>', 'told to services; none: remove it')
    .option('--add-group <name>', 'put them into a group (repeatable)', collect)
    .option('--remove-group <name>', 'take them out of a group (repeatable)', collect)
    .option('--link <issuer=subject>', LINK, collect)
    .option('--remove-link <issuer=subject>', 'who they are there no more (repeatable)', collect)
    .addOption(roleOption('--add-role <role>', 'give them a role at this API (repeatable)'))
    .addOption(roleOption('--remove-role <role>', 'take a role at this API away (repeatable)'))
    .option('--file <path>', 'or what to change, as JSON, - for stdin')
    .action((username: string, options: UpdateOptions, command: Command) => {
      const flags = '--name, --email, --add-group, --remove-group, --add-role, --remove-role, --link, --remove-link'
      const byOptions = changesByOptions(options, flags)
      return online(terminal, command, async (session) => {
        const change = byOptions
          ? await wantedChange(session, username, options)
          : await changeInFile(terminal, username, options)
        const nothing = Object.keys(change).length === 0
        if (nothing) session.hint('It is so already: nothing was changed.')
        const { users } = session.api
        printUser(session, await (nothing ? users.get(username) : users.change(username, change)))
      })
    })
  examples(update, [
    'countersign user update alice --add-group media --remove-role admin',
    'countersign user update alice --email none',
    'countersign user update alice --link corp=248289761001',
    `echo '{"groups":[]}' | countersign user update alice --file -`,
  ])

  for (const [verb, disabled] of [
    ['enable', false],
    ['disable', true],
  ] as const) {
    const change = user
      .command(`${verb} <username>`)
      .description(disabled ? 'refuse a user and all their tokens, but keep everything' : 'believe a user again')
      .action((username: string, _options: object, command: Command) =>
        online(terminal, command, async ({ api, print }) => {
          const changed = await api.users.change(username, { disabled })
          print(changed, () => `User ${changed.username} is ${verb}d.\n`)
        }),
      )
    examples(change, [`countersign user ${verb} alice`])
  }

  addUserPassword(user, terminal)

  const remove = deleteOptions(user.command('delete <username>'))
    .description('delete a user and their tokens; the username is never given again')
    .action((username: string, options: DeleteOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const losing = `User ${username}, their tokens and their permissions will be deleted.`
        await confirmDeletion(session, options, { losing, word: 'username' })
        await session.api.users.delete(username)
        session.hint(`User ${username} is deleted.`)
      }),
    )
  examples(remove, ['countersign user delete alice', 'countersign user delete alice --yes'])
}

function roleOption(flags: string, description: string): Option {
  const option = new Option(flags, description).choices(USER_ROLES)
  const checked = option.parseArg
  return option.argParser((value: string, previous: string[] | undefined) => {
    checked?.(value, undefined)
    return collect(value, previous)
  })
}

async function wantedChange({ api }: OnlineSession, username: string, options: UpdateOptions): Promise<UserChange> {
  const found = await api.users.get(username)
  const groups = changedList(found.groups, options.addGroup, options.removeGroup)
  const roles = changedList(found.roles, options.addRole, options.removeRole) as Role[]
  const links = changedPairs(found.links, 'subject', {
    added: ['--link', options.link],
    removed: ['--remove-link', options.removeLink],
  })
  const email = options.email === 'none' ? null : options.email
  return differences(found, present({ name: options.name, email, groups, roles, links }))
}

async function changeInFile(terminal: Terminal, username: string, { file = '-' }: UpdateOptions): Promise<UserChange> {
  const { username: sent = username, ...change } = bodyToChange(withoutPassword(await readJsonObject(terminal, file)))
  if (sent !== username) throw new UsageError('The username of a user never changes.')
  return requireBody(UserChange, change)
}

async function newUser(terminal: Terminal, username: string | undefined, options: CreateOptions) {
  const { file, name, email, role: roles, group: groups, link, passwordFile } = options
  if (file === '-' && passwordFile === '-') throw new UsageError('--file and --password-file: only one from stdin.')
  const password = passwordFile === undefined ? undefined : await readNewPassword(terminal, passwordFile)
  if (file === undefined) {
    if (username === undefined) throw new UsageError('Expected the username, or --file.')
    const links = pairsSaid('--link', link, 'subject')
    return { username, ...present({ name, email, roles, groups, links, password }) }
  }
  const body = { ...bodyToMake(withoutPassword(await readJsonObject(terminal, file))), ...present({ password }) }
  return requireBody(NewUser, username === undefined ? body : { username, ...body })
}

/** Without what answers say of the password: nothing can be sent back. */
function withoutPassword(value: Record<string, unknown>): Record<string, unknown> {
  const { has_password: _has, ...body } = value
  return body
}
