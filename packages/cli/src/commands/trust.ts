import { type LintedTrustRule, NewTrustRule, type TrustRule, TrustRuleChange } from '@countersign/admin-api'
import type { Command } from 'commander'
import { bodyToChange, bodyToMake, readJsonObject, requireBody } from '../body-file.ts'
import { changesByOptions, differences } from '../changes.ts'
import { confirmDeletion, type DeleteOptions, deleteOptions } from '../deletion.ts'
import { UsageError } from '../exit.ts'
import { examples, type PageOptions, pageOptions, present } from '../options.ts'
import { asked } from '../pages.ts'
import { type OnlineSession, online, printPage } from '../session.ts'
import type { Column } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { matchLines, targetText, trustDetails, trustMode } from '../trust-details.ts'
import { TRUST_FLAGS, TRUST_HELP, type TrustOptions, trustFields, trustOptions } from '../trust-options.ts'
import { warningText } from '../warnings.ts'
import { addTrustSuggest } from './trust-suggest.ts'

type Options = TrustOptions & { file?: string }
type ListOptions = PageOptions & { issuer?: string }

const columns = (terminal: Terminal): readonly Column<TrustRule>[] => [
  ['name', (rule) => rule.name],
  ['issuer', (rule) => rule.issuer],
  ['asks', (rule) => matchLines(rule).join('; ')],
  ['stands for', targetText],
  ['mode', (rule) => trustMode(rule, terminal.now())],
]

export function addTrustCommands(program: Command, terminal: Terminal): void {
  const trust = program
    .command('trust')
    .description('trust rules: which subjects of an issuer stand for which client, user or workload')
  examples(trust, [
    'countersign trust suggest --token-file token.jwt',
    'countersign trust create nightly --issuer corp --sub service-7 --client nightly',
    'countersign trust list --issuer corp',
  ])

  const create = trustOptions(trust.command('create [name]').description('make a trust rule'))
    .option('--file <path>', 'the whole body as JSON, - for stdin')
    .action((name: string | undefined, options: Options, command: Command) =>
      online(terminal, command, async (session) => {
        const made = await session.api.trustRules.create(await newTrustRule(terminal, name, options))
        session.print(made, () => `Trust rule ${made.name} is made.\n`)
        hintWarnings(session, made)
        const holder = 'client' in made.as ? `--client ${made.as.client}` : undefined
        if (holder === undefined) return
        session.hint(
          `What it may do is that of the client: countersign permission create ${holder} --resource <name> --scope <scope>`,
        )
      }),
    )
  create.addHelpText('after', `\n${TRUST_HELP}`)
  examples(create, [
    'countersign trust create nightly --issuer corp --sub service-7 --client nightly',
    'countersign trust create builds --issuer github --claim repository_id=456789 --claim ref=refs/heads/main \\',
    '  --client builds --resource forge --expires-in 90d',
    'countersign trust create pods --issuer prod --sub-prefix system:serviceaccount:media: --workload-group media',
    'countersign trust create people --issuer corp --claim tid=6f1c --claim-exists oid --linked-user --mode shadow',
  ])

  const list = trust
    .command('list')
    .description('list trust rules')
    .option('--issuer <name>', 'only those about subjects of this issuer')
    .action((options: ListOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const query = present({ issuer: options.issuer })
        const page = await asked(session, options, (part) => session.api.trustRules.list({ ...part, ...query }))
        const those =
          options.issuer === undefined
            ? 'No trust rules here.'
            : `No trust rules about issuer ${options.issuer}. Which issuers there are: countersign issuer list.`
        const empty = `${those} Suggest one: countersign trust suggest --token-file <path>`
        printPage(session, command, page, columns(terminal), empty)
      }),
    )
  examples(pageOptions(list), ['countersign trust list', 'countersign trust list --issuer corp --json'])

  const show = trust
    .command('show <name>')
    .description('show a trust rule, and what the linter says of it')
    .action((name: string, _options: object, command: Command) =>
      online(terminal, command, async (session) => printRule(session, await session.api.trustRules.get(name))),
    )
  examples(show, ['countersign trust show nightly'])

  const update = trustOptions(
    trust
      .command('update <name>')
      .description('change a trust rule; what is not named stays, what it asks is replaced as a whole'),
  )
    .option('--file <path>', 'or what to change, as JSON, - for stdin')
    .action((name: string, options: Options, command: Command) => {
      const wanted = changesByOptions(options, TRUST_FLAGS) ? trustFields(options, terminal.now()) : undefined
      return online(terminal, command, async (session) => {
        const { trustRules } = session.api
        const found = await trustRules.get(name)
        const change = wanted ? differences(found, wanted) : await changeInFile(terminal, name, options)
        const nothing = Object.keys(change).length === 0
        if (nothing) session.hint('It is so already: nothing was changed.')
        printRule(session, nothing ? found : await trustRules.change(name, change))
      })
    })
  update.addHelpText('after', `\n${TRUST_HELP}\nAccess tokens that were minted by the rule end with any change.`)
  examples(update, [
    'countersign trust update nightly --mode enforce',
    'countersign trust update builds --claim repository_id=456789 --claim environment=production',
    'countersign trust update builds --resource any --expires-in never',
  ])

  const remove = deleteOptions(trust.command('delete <name>'))
    .description('delete a trust rule that no client requires; its name is never given again')
    .action((name: string, options: DeleteOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const losing = `Trust rule ${name} will be deleted, and what was minted by it ends.`
        await confirmDeletion(session, options, { losing, word: 'name' })
        await session.api.trustRules.delete(name)
        session.hint(`Trust rule ${name} is deleted.`)
      }),
    )
  examples(remove, ['countersign trust delete nightly', 'countersign trust delete nightly --yes'])

  addTrustSuggest(trust, terminal)
}

function printRule(session: OnlineSession, rule: LintedTrustRule): void {
  session.print(rule, () => trustDetails(session.terminal, rule))
  hintWarnings(session, rule)
}

function hintWarnings({ hint }: OnlineSession, { warnings }: LintedTrustRule): void {
  for (const warning of warnings) hint(`Warning: ${warningText(warning)}`)
}

async function changeInFile(terminal: Terminal, name: string, { file = '-' }: Options): Promise<TrustRuleChange> {
  const { name: sent = name, ...change } = bodyToChange(await readJsonObject(terminal, file))
  if (sent !== name) throw new UsageError('The name of a trust rule never changes.')
  return requireBody(TrustRuleChange, change)
}

async function newTrustRule(terminal: Terminal, name: string | undefined, { file, ...said }: Options) {
  if (file !== undefined) {
    const body = bodyToMake(await readJsonObject(terminal, file))
    return requireBody(NewTrustRule, name === undefined ? body : { name, ...body })
  }
  if (name === undefined) throw new UsageError('Expected the name of the trust rule, or --file.')
  const fields = trustFields(said, terminal.now())
  if (fields.issuer === undefined) throw new UsageError('Expected --issuer <name>.')
  if (fields.match === undefined) {
    throw new UsageError('Expected what it asks: --sub, --sub-prefix, --claim or --claim-exists.')
  }
  if (fields.as === undefined) {
    throw new UsageError('Expected one of --client, --workload-group or --workload, and --linked-user.')
  }
  return requireBody(NewTrustRule, { name, ...fields })
}
