import { type Issuer, IssuerChange, NewIssuer } from '@countersign/admin-api'
import type { Command } from 'commander'
import { bodyToChange, bodyToMake, readJsonObject, requireBody } from '../body-file.ts'
import { changesByOptions, differences } from '../changes.ts'
import { confirmDeletion, type DeleteOptions, deleteOptions } from '../deletion.ts'
import { UsageError } from '../exit.ts'
import { issuerDetails, issuerState, keySource } from '../issuer-details.ts'
import { ISSUER_FLAGS, ISSUER_HELP, type IssuerOptions, issuerFields, issuerOptions } from '../issuer-options.ts'
import { examples, type PageOptions, pageOptions } from '../options.ts'
import { asked } from '../pages.ts'
import { type OnlineSession, online, printPage, type Session } from '../session.ts'
import type { Column } from '../table.ts'
import type { Terminal } from '../terminal.ts'

type Options = IssuerOptions & { file?: string }

const COLUMNS: readonly Column<Issuer>[] = [
  ['name', (issuer) => issuer.name],
  ['issuer', (issuer) => issuer.issuer],
  ['keys', keySource],
  ['kubernetes', (issuer) => issuer.kubernetes?.mode ?? 'no'],
  ['state', issuerState],
]

export function addIssuerCommands(program: Command, terminal: Terminal): void {
  const issuer = program
    .command('issuer')
    .description('issuers: others who sign tokens, believed as far as trust rules say')
  examples(issuer, [
    'countersign issuer create corp --issuer https://idp.example.com',
    'countersign issuer show corp',
    'countersign issuer disable corp',
  ])

  const create = issuerOptions(issuer.command('create [name]').description('register an issuer'))
    .option('--file <path>', 'the whole body as JSON, - for stdin')
    .action((name: string | undefined, options: Options, command: Command) =>
      online(terminal, command, async (session) => {
        const made = await session.api.issuers.create(await newIssuer(session, name, options))
        session.print(made, () => `Issuer ${made.name} is made.\n`)
        session.hint(
          `Nobody is trusted by it yet: countersign trust create <name> --issuer ${made.name} --sub <sub> --client <id>`,
        )
        session.hint('From one of its tokens: countersign trust suggest --token-file <path>')
      }),
    )
  create.addHelpText('after', `\n${ISSUER_HELP}`)
  examples(create, [
    'countersign issuer create corp --issuer https://idp.example.com --algorithm RS256 --max-lifetime 1h',
    'countersign issuer create prod --issuer https://kubernetes.default.svc.cluster.local --kubernetes jwks \\',
    '  --jwks-file prod.jwks.json',
    'countersign issuer create corp --issuer https://idp.example.com --group-mapping git-admins=f3a1-admins',
  ])

  const list = issuer
    .command('list')
    .description('list issuers')
    .action((options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const page = await asked(session, options, session.api.issuers.list)
        const empty = 'No issuers yet. Make one: countersign issuer create <name> --issuer <iss>'
        printPage(session, command, page, COLUMNS, empty)
      }),
    )
  examples(pageOptions(list), ['countersign issuer list', 'countersign issuer list --json'])

  const show = issuer
    .command('show <name>')
    .description('show an issuer')
    .action((name: string, _options: object, command: Command) =>
      online(terminal, command, async (session) => printIssuer(session, await session.api.issuers.get(name))),
    )
  examples(show, ['countersign issuer show corp'])

  const update = issuerOptions(
    issuer
      .command('update <name>')
      .description('change an issuer; what is not named stays, what is a list is replaced'),
  )
    .option('--file <path>', 'or what to change, as JSON, - for stdin')
    .action((name: string, options: Options, command: Command) => {
      const byOptions = changesByOptions(options, ISSUER_FLAGS)
      return online(terminal, command, async (session) => {
        const { issuers } = session.api
        const change = byOptions
          ? await wantedChange(session, name, options)
          : await changeInFile(terminal, name, options)
        const nothing = Object.keys(change).length === 0
        if (nothing) session.hint('It is so already: nothing was changed.')
        printIssuer(session, await (nothing ? issuers.get(name) : issuers.change(name, change)))
      })
    })
  update.addHelpText('after', `\n${ISSUER_HELP}\n\nAccess tokens that were minted for its tokens end with any change.`)
  examples(update, [
    'countersign issuer update corp --max-lifetime 1h --allowed-client nightly',
    'countersign issuer update prod --jwks-file prod.jwks.json',
    'countersign issuer update prod --kubernetes token_review --api-server https://kubernetes.default.svc \\',
    '  --token-file /var/run/secrets/kubernetes.io/serviceaccount/token',
  ])

  for (const [verb, disabled] of [
    ['enable', false],
    ['disable', true],
  ] as const) {
    const change = issuer
      .command(`${verb} <name>`)
      .description(disabled ? 'refuse all tokens of an issuer, but keep everything' : 'believe an issuer again')
      .action((name: string, _options: object, command: Command) =>
        online(terminal, command, async ({ api, print }) => {
          const changed = await api.issuers.change(name, { disabled })
          print(changed, () => `Issuer ${changed.name} is ${verb}d.\n`)
        }),
      )
    examples(change, [`countersign issuer ${verb} corp`])
  }

  const remove = deleteOptions(issuer.command('delete <name>'))
    .description('delete an issuer that nothing names any more; its name is never given again')
    .action((name: string, options: DeleteOptions, command: Command) =>
      online(terminal, command, async (session) => {
        await confirmDeletion(session, options, { losing: `Issuer ${name} will be deleted.`, word: 'name' })
        await session.api.issuers.delete(name)
        session.hint(`Issuer ${name} is deleted.`)
      }),
    )
  examples(remove, ['countersign issuer delete corp', 'countersign issuer delete corp --yes'])
}

function printIssuer({ terminal, print }: OnlineSession, issuer: Issuer): void {
  print(issuer, () => issuerDetails(terminal, issuer))
}

async function wantedChange(session: OnlineSession, name: string, options: IssuerOptions): Promise<IssuerChange> {
  const found = await session.api.issuers.get(name)
  return differences(found, await issuerFields(session, options, found))
}

async function changeInFile(terminal: Terminal, name: string, { file = '-' }: Options): Promise<IssuerChange> {
  const { name: sent = name, ...change } = bodyToChange(await readJsonObject(terminal, file))
  if (sent !== name) throw new UsageError('The name of an issuer never changes.')
  return requireBody(IssuerChange, change)
}

async function newIssuer(session: Session, name: string | undefined, options: Options) {
  const { file, ...said } = options
  if (file === undefined) {
    if (name === undefined) throw new UsageError('Expected the name of the issuer, or --file.')
    const fields = await issuerFields(session, said)
    if (fields.issuer === undefined) throw new UsageError('Expected --issuer <uri>, the iss of its tokens.')
    return requireBody(NewIssuer, { name, ...fields })
  }
  const body = bodyToMake(await readJsonObject(session.terminal, file))
  return requireBody(NewIssuer, name === undefined ? body : { name, ...body })
}
