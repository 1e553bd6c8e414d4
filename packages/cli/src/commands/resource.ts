import { NewResource, type Resource, ResourceChange } from '@countersign/admin-api'
import type { Command } from 'commander'
import { type AccessTokenOptions, accessTokenOptions, accessTokenSaid } from '../access-token-options.ts'
import { bodyToChange, bodyToMake, readJsonObject, requireBody } from '../body-file.ts'
import { changedList, changesByOptions, differences } from '../changes.ts'
import { confirmDeletion, type DeleteOptions, deleteOptions } from '../deletion.ts'
import { UsageError } from '../exit.ts'
import { collect, examples, type PageOptions, pageOptions, present } from '../options.ts'
import { asked } from '../pages.ts'
import { changedPairs, pairsSaid } from '../pairs.ts'
import { resourceDetails } from '../resource-details.ts'
import { parseRule } from '../rule-word.ts'
import { parseScopeDetails } from '../scope-word.ts'
import { type OnlineSession, online, printPage } from '../session.ts'
import type { Column } from '../table.ts'
import type { Terminal } from '../terminal.ts'

type CreateOptions = AccessTokenOptions & {
  identifier?: string
  host?: string[]
  scope?: string[]
  describeScope?: string[]
  rule?: string[]
  introspector?: string[]
  audienceAlias?: string[]
  file?: string
}

const RULE_HELP = `Rules: the first whose method and path match decides; if none does, the request is refused.
  *                in a path is one segment; ** at its end is any number of them
  :project         captures one segment: a key that is confined to projects passes only where it names one of them,
                   as in --rule "GET /:project/** repo:read"
  :project{1,4}    captures one to four segments, as team/app in /team/app/info/refs
  What a rule may ask beyond scopes (roles, groups, networks) goes into --file.`
type UpdateOptions = AccessTokenOptions & {
  identifier?: string
  addHost?: string[]
  removeHost?: string[]
  addScope?: string[]
  describeScope?: string[]
  rule?: string[]
  addIntrospector?: string[]
  removeIntrospector?: string[]
  audienceAlias?: string[]
  removeAudienceAlias?: string[]
  file?: string
}

const DESCRIBE_SCOPE = 'what one is for: "<scope>=<surface>:<description>" (repeatable)'

const INTROSPECTOR = 'a client that may ask at /oauth/introspect what a credential may do here (repeatable)'
const AUDIENCE_ALIAS =
  'what an issuer puts into aud in place of the identifier: the name of the issuer here, and the audience (repeatable)'
const UPDATE_FLAGS =
  '--identifier, --add-host, --remove-host, --add-scope, --describe-scope, --rule, --token-format, --token-ttl, ' +
  '--add-introspector, --remove-introspector, --audience-alias, --remove-audience-alias'

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

  const create = accessTokenOptions(resource.command('create [name]'))
    .description('protect a resource')
    .option('--identifier <uri>', 'its audience, an absolute URI')
    .option('--host <host>', 'a host that it answers at (repeatable)', collect)
    .option('--scope <scope>', 'a scope that it knows (repeatable)', collect)
    .option('--describe-scope <detail>', DESCRIBE_SCOPE, collect)
    .option('--rule <rule>', '"<METHODS> <path> <scopes>" or "<METHODS> <path> public" (repeatable, in order)', collect)
    .option('--introspector <client>', INTROSPECTOR, collect)
    .option('--audience-alias <issuer=audience>', AUDIENCE_ALIAS, collect)
    .option('--file <path>', 'the whole body as JSON, - for stdin')
    .action((name: string | undefined, options: CreateOptions, command: Command) =>
      online(terminal, command, async ({ api, print, hint }) => {
        const made = await api.resources.create(await newResource(terminal, name, options))
        print(made, () => `Resource ${made.name} is made.\n`)
        for (const warning of made.warnings) hint(`Warning: ${warning}`)
        if (made.rules.length === 0) hint('It has no rules yet: every request to it is refused.')
        hint(`Let someone in: countersign permission create --group <name> --resource ${made.name} --scope <scope>`)
        hint('In place of --group <name>: --client <id>, or --user <username>')
      }),
    )
  create.addHelpText('after', `\n${RULE_HELP}`)
  examples(create, [
    'countersign resource create webdav --identifier https://webdav.example.com --host webdav.example.com \\',
    '  --scope files:read --scope files:write \\',
    '  --rule "GET,HEAD,PROPFIND /** files:read" --rule "/** files:write"',
    'countersign resource create forge --identifier https://git.example.com --host git.example.com \\',
    '  --scope repo:read --rule "GET /:project/** repo:read"',
    'countersign resource create usage --identifier https://usage.example.com --scope account:usage:read \\',
    '  --token-format opaque --token-ttl 5m --introspector usage-api',
    'countersign resource create --file webdav.json',
  ])

  const list = resource
    .command('list')
    .description('list resources')
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const page = await asked(session, options, session.api.resources.list)
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

  const update = accessTokenOptions(resource.command('update <name>'))
    .description('change a resource; what is not named stays')
    .option('--identifier <uri>', 'its audience, an absolute URI')
    .option('--add-host <host>', 'a host that it answers at too (repeatable)', collect)
    .option('--remove-host <host>', 'a host that it answers at no more (repeatable)', collect)
    .option('--add-scope <scope>', 'a scope that it knows too (repeatable)', collect)
    .option('--describe-scope <detail>', DESCRIBE_SCOPE, collect)
    .option('--rule <rule>', 'as in create (repeatable, in order: replaces the whole list)', collect)
    .option('--add-introspector <client>', INTROSPECTOR, collect)
    .option('--remove-introspector <client>', 'a client that may ask no more (repeatable)', collect)
    .option('--audience-alias <issuer=audience>', AUDIENCE_ALIAS, collect)
    .option('--remove-audience-alias <issuer=audience>', 'what is taken for it no more (repeatable)', collect)
    .option('--file <path>', 'or what to change, as JSON, - for stdin')
    .action((name: string, options: UpdateOptions, command: Command) => {
      const wanted = changesByOptions(options, UPDATE_FLAGS) ? changeWanted(options) : undefined
      return online(terminal, command, async (session) => {
        if (wanted === undefined) return changeResource(session, name, await changeInFile(terminal, name, options))
        const found = await session.api.resources.get(name)
        const change = wanted(found)
        if (Object.keys(change).length > 0) return changeResource(session, name, change)
        session.print(found, () => '')
        session.hint('It is so already: nothing was changed.')
      })
    })
  update.addHelpText('after', `\n${RULE_HELP}`)
  examples(update, [
    'countersign resource update webdav --add-host files.example.com --add-scope files:share',
    'countersign resource update webdav --describe-scope "files:share=files:Share files with others"',
    'countersign resource update forge --rule "GET /:project/** repo:read" --rule "/:project/** repo:write"',
    'countersign resource update usage --token-format opaque --token-ttl 5m --add-introspector usage-api',
    'countersign resource update webdav --audience-alias corp=api://0f3a6c1d',
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

  const remove = deleteOptions(resource.command('delete <name>'))
    .description('delete a resource and its permissions; its name is never given again')
    .action((name: string, options: DeleteOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const losing = `Resource ${name}, its rules and its permissions will be deleted.`
        await confirmDeletion(session, options, { losing, word: 'name' })
        await session.api.resources.delete(name)
        session.hint(`Resource ${name} is deleted.`)
      }),
    )
  examples(remove, ['countersign resource delete webdav', 'countersign resource delete webdav --yes'])
}

/** What the options say to change, given how it is. Mistakes in them are found before anything is sent. */
function changeWanted(options: UpdateOptions): (found: Resource) => ResourceChange {
  const { identifier, addHost, removeHost, addScope, addIntrospector, removeIntrospector } = options
  const rules = options.rule?.map(parseRule)
  const described = parseScopeDetails(options.describeScope)
  const tokens = accessTokenSaid(options)
  const aliases = {
    added: ['--audience-alias', options.audienceAlias],
    removed: ['--remove-audience-alias', options.removeAudienceAlias],
  } as const
  changedPairs([], 'audience', aliases)
  return (found) => {
    const hosts = changedList(found.hosts, addHost, removeHost)
    const scopes = changedList(found.scopes, addScope)
    const scope_details = described && { ...found.scope_details, ...described }
    const introspectors = changedList(found.introspectors, addIntrospector, removeIntrospector)
    const audience_aliases = changedPairs(found.audience_aliases, 'audience', aliases)
    const wanted = { identifier, hosts, scopes, scope_details, rules, introspectors, audience_aliases }
    const change = differences(found, present(wanted))
    const access_token = differences(found.access_token, tokens ?? {})
    return Object.keys(access_token).length === 0 ? change : { ...change, access_token }
  }
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

async function changeInFile(terminal: Terminal, name: string, { file = '-' }: UpdateOptions): Promise<ResourceChange> {
  const { name: sent = name, ...change } = bodyToChange(await readJsonObject(terminal, file))
  if (sent !== name) throw new UsageError('The name of a resource never changes.')
  return requireBody(ResourceChange, change)
}

async function newResource(terminal: Terminal, name: string | undefined, options: CreateOptions) {
  const {
    file,
    identifier,
    host: hosts,
    scope: scopes,
    describeScope,
    rule = [],
    introspector: introspectors,
  } = options
  if (file !== undefined) {
    const body = bodyToMake(await readJsonObject(terminal, file))
    return requireBody(NewResource, name === undefined ? body : { name, ...body })
  }
  if (name === undefined) throw new UsageError('Expected the name of the resource, or --file.')
  if (identifier === undefined) throw new UsageError('Expected --identifier <uri>, like https://webdav.example.com.')
  const scope_details = parseScopeDetails(describeScope)
  const audience_aliases = pairsSaid('--audience-alias', options.audienceAlias, 'audience')
  const access_token = accessTokenSaid(options)
  const fields = { hosts, scopes, scope_details, introspectors, audience_aliases, access_token }
  return { name, identifier, ...present(fields), rules: rule.map(parseRule) }
}
