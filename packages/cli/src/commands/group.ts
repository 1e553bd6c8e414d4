import { type Group, type GroupChange, type GroupWithMembers, MEMBERS_SHOWN } from '@countersign/admin-api'
import type { Command } from 'commander'
import { confirmDeletion, type DeleteOptions, deleteOptions } from '../deletion.ts'
import { UsageError } from '../exit.ts'
import { parseMember, setMembership } from '../group-members.ts'
import { moment } from '../moment.ts'
import { examples, type PageOptions, pageOptions, present } from '../options.ts'
import { asked } from '../pages.ts'
import { all, online, printPage, unlessForbidden } from '../session.ts'
import { type Cell, type Column, details, orNone } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { permissionLine } from './permission.ts'

const COLUMNS: readonly Column<Group>[] = [
  ['name', (group) => group.name],
  ['description', (group) => group.description ?? ''],
  ['state', state],
]

export function addGroupCommands(program: Command, terminal: Terminal): void {
  const group = program.command('group').description('groups, which hold permissions for those who are in them')
  examples(group, ['countersign group create media', 'countersign group add media user:alice client:canister'])

  const create = group
    .command('create <name>')
    .description('make a group')
    .option('--description <text>', 'what it is for')
    .action((name: string, options: { description?: string }, command: Command) =>
      online(terminal, command, async ({ api, print, hint }) => {
        const made = await api.groups.create({ name, ...present({ description: options.description }) })
        print(made, () => `Group ${made.name} is made.\n`)
        const give = `countersign permission create --group ${made.name}`
        hint(`Give it a permission: ${give} --resource <name> --scope <scope>`)
        hint(`Put somebody in: countersign group add ${made.name} user:<username>`)
      }),
    )
  examples(create, ['countersign group create media --description "Reads the archive"'])

  const list = group
    .command('list')
    .description('list groups')
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const page = await asked(session, options, session.api.groups.list)
        printPage(session, command, page, COLUMNS, 'No groups yet. Make one: countersign group create <name>')
      }),
    )
  examples(pageOptions(list), ['countersign group list', 'countersign group list --json'])

  const show = group
    .command('show <name>')
    .description('show a group, its members and its permissions')
    .action((name: string, _options: object, command: Command) =>
      online(terminal, command, async ({ api, json, print }) => {
        const found = await api.groups.get(name)
        const held = json ? [] : await unlessForbidden(all((page) => api.permissions.list({ group: name, ...page })))
        print(found, () =>
          details(terminal, [
            ['name', found.name],
            ['description', found.description ?? 'none'],
            ['state', state(found)],
            ['managed by', found.managed_by ?? 'hand'],
            ['made', moment(found.created_at, terminal.now())],
            ['members', orNone(membersShown(found))],
            ['permissions', orNone(held?.map(permissionLine))],
          ]),
        )
      }),
    )
  examples(show, ['countersign group show media'])

  const members = group
    .command('members <name>')
    .description('list who is in a group')
    .action((name: string, options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const page = await asked(session, options, (part) => session.api.groups.members(name, part))
        const empty = `Nobody is in it. Add somebody: countersign group add ${name} client:<id>`
        printPage(session, command, page, [['member', (member) => member]], empty)
      }),
    )
  examples(pageOptions(members), ['countersign group members media', 'countersign group members media --all --json'])

  const change = async (name: string, body: GroupChange, done: string, command: Command) =>
    online(terminal, command, async ({ api, print }) => {
      const changed = await api.groups.change(name, body)
      print(changed, () => `Group ${changed.name} is ${done}.\n`)
    })

  const update = group
    .command('update <name>')
    .description('change what a group is said to be for')
    .option('--description <text>', 'what it is for; empty: nothing is said')
    .action((name: string, { description }: { description?: string }, command: Command) => {
      if (description === undefined) throw new UsageError('Expected what to change: --description.')
      return change(name, { description: description === '' ? null : description }, 'changed', command)
    })
  examples(update, ['countersign group update media --description "Reads the archive"'])

  for (const [verb, disabled] of [
    ['enable', false],
    ['disable', true],
  ] as const) {
    const able = group
      .command(`${verb} <name>`)
      .description(
        disabled ? 'let a group give nothing, but keep its members and permissions' : 'let a group give again',
      )
      .action((name: string, _options: object, command: Command) => change(name, { disabled }, `${verb}d`, command))
    examples(able, [`countersign group ${verb} media`])
  }

  for (const [verb, within, said, already] of [
    ['add', true, 'is in', 'was in'],
    ['remove', false, 'is out of', 'was not in'],
  ] as const) {
    const membership = group
      .command(`${verb} <name> <member...>`)
      .description(within ? 'put users and clients into a group' : 'take users and clients out of a group')
      .action((name: string, words: string[], _options: object, command: Command) => {
        const members = words.map(parseMember)
        return online(terminal, command, async ({ api, terminal: { out }, json, print }) => {
          await api.groups.get(name)
          for (const member of members) {
            const changed = await setMembership(api, member, name, within)
            if (!json)
              out(`${member.word} ${changed ? `${said} group ${name} now` : `${already} group ${name} before`}.\n`)
          }
          if (json) print(await api.groups.get(name), () => '')
        })
      })
    examples(membership, [`countersign group ${verb} media user:alice client:canister`])
  }

  const remove = deleteOptions(group.command('delete <name>'))
    .description('delete a group; its name is never given again')
    .action((name: string, options: DeleteOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const losing = `Group ${name} and its permissions will be deleted.`
        await confirmDeletion(session, options, { losing, word: 'name' })
        await session.api.groups.delete(name)
        session.hint(`Group ${name} is deleted.`)
      }),
    )
  examples(remove, ['countersign group delete media', 'countersign group delete media --yes'])
}

function state({ disabled }: Group): Cell {
  return disabled ? { text: 'disabled', tone: 'bad' } : { text: 'enabled', tone: 'good' }
}

function membersShown({ name, members }: GroupWithMembers): readonly string[] {
  return members.length < MEMBERS_SHOWN ? members : [...members, `all of them: countersign group members ${name}`]
}
