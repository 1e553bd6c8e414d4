import { NewResource, type Resource, ResourceChange } from '@countersign/admin-api'
import type { Command } from 'commander'
import { readJsonObject, requireBody, withoutAnswerFields } from '../body-file.ts'
import { UsageError } from '../exit.ts'
import { collect, examples, type PageOptions, pageOptions, pageQuery, present } from '../options.ts'
import { resourceDetails } from '../resource-details.ts'
import { parseRule } from '../rule-word.ts'
import { type OnlineSession, online, printPage } from '../session.ts'
import type { Column } from '../table.ts'
import type { Terminal } from '../terminal.ts'

type CreateOptions = { identifier?: string; host?: string[]; scope?: string[]; rule?: string[]; file?: string }

const RULE_HELP = `Rules: the first whose method and path match decides; if none does, the request is refused.
  *                in a path is one segment; ** at its end is any number of them
  :project         captures one segment: a key that is confined to projects passes only where it names one of them,
                   as in --rule "GET /:project/** repo:read"
  :project{1,4}    captures one to four segments, as team/app in /team/app/info/refs
  What a rule may ask beyond scopes (roles, groups, networks) goes into --file.`

const COLUMNS: readonly Column<Resource>[] = [
  ['name', (resource) => resource.name],
  ['hosts', (resource) => resource.hosts.join(', ')],
  ['identifier', (resource) => resource.identifier],
  ['rules', (resource) => String(resource.rules.length)],
  ['state', (resource) => (resource.disabled ? { text: 'disabled', tone: 'bad' } : { text: 'enabled', tone: 'good' })],
]

export function addResourceCommands(program: Command, terminal: Terminal): void {
  const resource = program.command('resource').description('resources: what is protected, and its access rules')
  examples(resource, ['countersign resource create --file webdav.json', 'countersign resource show webdav'])

  const create = resource
    .command('create [name]')
    .description('protect a resource')
    .option('--identifier <uri>', 'its audience, an absolute URI')
    .option('--host <host>', 'a host that it answers at (repeatable)', collect)
    .option('--scope <scope>', 'a scope that it knows (repeatable)', collect)
    .option('--rule <rule>', '"<METHODS> <path> <scopes>" or "<METHODS> <path> public" (repeatable, in order)', collect)
    .option('--file <path>', 'the whole body as JSON, - for stdin')
    .action((name: string | undefined, options: CreateOptions, command: Command) =>
      online(terminal, command, async ({ api, print, hint }) => {
        const made = await api.resources.create(await newResource(terminal, name, options))
        print(made, () => `Resource ${made.name} is made.\n`)
        for (const warning of made.warnings) hint(`Warning: ${warning}`)
        if (made.rules.length === 0) hint('It has no rules yet: every request to it is refused.')
        hint(`Let someone in: countersign permission create --client <id> --resource ${made.name} --scope <scope>`)
      }),
    )
  create.addHelpText('after', `\n${RULE_HELP}`)
  examples(create, [
    'countersign resource create webdav --identifier https://webdav.example.com --host webdav.example.com \\',
    '  --scope files:read --scope files:write \\',
    '  --rule "GET,HEAD,PROPFIND /** files:read" --rule "/** files:write"',
    'countersign resource create forge --identifier https://git.example.com --host git.example.com \\',
    '  --scope repo:read --rule "GET /:project/** repo:read"',
    'countersign resource create --file webdav.json',
  ])

  const list = resource
    .command('list')
    .description('list resources')
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const page = await session.api.resources.list(pageQuery(options))
        const empty = 'No resources yet. Make one: countersign resource create <name> --identifier <uri> --host <host>'
        printPage(session, command, page, COLUMNS, empty)
      }),
    )
  examples(pageOptions(list), ['countersign resource list', 'countersign resource list --json'])

  const show = resource
    .command('show <name>')
    .description('show a resource and its rules')
    .action((name: string, _options: object, command: Command) =>
      online(terminal, command, async ({ api, print }) => {
        const found = await api.resources.get(name)
        print(found, () => resourceDetails(terminal, found))
      }),
    )
  examples(show, ['countersign resource show webdav', 'countersign resource show webdav --json > webdav.json'])

  const update = resource
    .command('update <name>')
    .description('change a resource; what the file does not name stays')
    .requiredOption('--file <path>', 'what to change, as JSON, - for stdin')
    .action((name: string, options: { file: string }, command: Command) =>
      online(terminal, command, async (session) => {
        const { name: sent = name, ...change } = withoutAnswerFields(await readJsonObject(terminal, options.file))
        if (sent !== name) throw new UsageError('The name of a resource never changes.')
        await changeResource(session, name, requireBody(ResourceChange, change))
      }),
    )
  examples(update, [
    'countersign resource update webdav --file webdav.json',
    `echo '{"preflight":"pass"}' | countersign resource update webdav --file -`,
  ])

  for (const [verb, disabled] of [
    ['enable', false],
    ['disable', true],
  ] as const) {
    const change = resource
      .command(`${verb} <name>`)
      .description(disabled ? 'refuse everyone at a resource, but keep everything' : 'let callers in again')
      .action((name: string, _options: object, command: Command) =>
        online(terminal, command, (session) => changeResource(session, name, { disabled }, `${verb}d`)),
      )
    examples(change, [`countersign resource ${verb} webdav`])
  }

  const remove = resource
    .command('delete <name>')
    .description('delete a resource and its permissions; its name is never given again')
    .action((name: string, _options: object, command: Command) =>
      online(terminal, command, async ({ api, hint }) => {
        await api.resources.delete(name)
        hint(`Resource ${name} is deleted. Its name is never given again.`)
      }),
    )
  examples(remove, ['countersign resource delete webdav'])
}

async function changeResource(
  session: OnlineSession,
  name: string,
  change: ResourceChange,
  done = 'changed',
): Promise<void> {
  const changed = await session.api.resources.change(name, change)
  session.print(changed, () => `Resource ${changed.name} is ${done}.\n`)
  for (const warning of changed.warnings) session.hint(`Warning: ${warning}`)
}

async function newResource(terminal: Terminal, name: string | undefined, options: CreateOptions) {
  const { file, identifier, host: hosts, scope: scopes, rule = [] } = options
  if (file !== undefined) {
    const body = withoutAnswerFields(await readJsonObject(terminal, file))
    return requireBody(NewResource, name === undefined ? body : { name, ...body })
  }
  if (name === undefined) throw new UsageError('Expected the name of the resource, or --file.')
  if (identifier === undefined) throw new UsageError('Expected --identifier <uri>, like https://webdav.example.com.')
  return { name, identifier, ...present({ hosts, scopes }), rules: rule.map(parseRule) }
}
