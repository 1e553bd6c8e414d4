import type { Group } from '@countersign/admin-api'
import type { Command } from 'commander'
import { confirmDeletion, type DeleteOptions, deleteOptions } from '../deletion.ts'
import { moment } from '../moment.ts'
import { examples, type PageOptions, pageOptions, pageQuery, present } from '../options.ts'
import { all, online, printPage, unlessForbidden } from '../session.ts'
import { details, orNone } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { permissionLine } from './permission.ts'

export function addGroupCommands(program: Command, terminal: Terminal): void {
  const group = program.command('group').description('groups, which hold permissions for those who are in them')
  examples(group, ['countersign group create media', 'countersign group list'])

  const create = group
    .command('create <name>')
    .description('make a group')
    .option('--description <text>', 'what it is for')
    .action((name: string, options: { description?: string }, command: Command) =>
      online(terminal, command, async ({ api, print, hint }) => {
        const made = await api.groups.create({ name, ...present({ description: options.description }) })
        print(made, () => `Group ${made.name} is made.\n`)
        hint(
          `Give it a permission: countersign permission create --group ${made.name} --resource <name> --scope <scope>`,
        )
      }),
    )
  examples(create, ['countersign group create media --description "Reads the archive"'])

  const list = group
    .command('list')
    .description('list groups')
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const page = await session.api.groups.list(pageQuery(options))
        const empty = 'No groups yet. Make one: countersign group create <name>'
        printPage(
          session,
          command,
          page,
          [
            ['name', (item: Group) => item.name],
            ['description', (item) => item.description ?? ''],
          ],
          empty,
        )
      }),
    )
  examples(pageOptions(list), ['countersign group list', 'countersign group list --json'])

  const show = group
    .command('show <name>')
    .description('show a group, its members and its permissions')
    .action((name: string, _options: object, command: Command) =>
      online(terminal, command, async ({ api, json, print }) => {
        const found = await api.groups.get(name)
        const clients = json ? [] : await unlessForbidden(all(api.clients.list))
        const members = clients?.filter(({ groups }) => groups.includes(name))
        const held = json ? [] : await unlessForbidden(all((page) => api.permissions.list({ group: name, ...page })))
        print(found, () =>
          details(terminal, [
            ['name', found.name],
            ['description', found.description ?? 'none'],
            ['made', moment(found.created_at, terminal.now())],
            ['members', orNone(members?.map(({ id }) => id))],
            ['permissions', orNone(held?.map(permissionLine))],
          ]),
        )
      }),
    )
  examples(show, ['countersign group show media'])

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
