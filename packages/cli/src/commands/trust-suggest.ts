import { parseJwt } from '@countersign/resource-server'
import type { Command } from 'commander'
import { UsageError } from '../exit.ts'
import { examples } from '../options.ts'
import { readSecret } from '../secret-input.ts'
import { openSession } from '../session.ts'
import { shellCommand } from '../shell-command.ts'
import type { Terminal } from '../terminal.ts'
import { plain } from '../text.ts'
import { type SuggestedNames, type Suggestion, suggestionFor } from '../trust-suggestion.ts'

type Options = SuggestedNames & { readonly tokenFile: string }

const UNVERIFIED =
  'Nothing was sent anywhere, and no signature was checked: anybody could have written this token. Take one that you ' +
  'fetched yourself; a rule made from somebody else’s trusts somebody else.'

export function addTrustSuggest(trust: Command, terminal: Terminal): void {
  const suggest = trust
    .command('suggest')
    .description('write the tightest sensible rule for a token, from the token alone: nothing is sent, or verified')
    .requiredOption('--token-file <path>', 'the file that holds the token (JWT), - for stdin')
    .option('--issuer <name>', 'what its issuer is called here (default: made from the token)')
    .option('--name <name>', 'what the rule is to be called (default: made from the token)')
    .option('--client <id>', 'the client that it is to stand for (default: as the rule is called)')
    .action(async ({ tokenFile, ...names }: Options, command: Command) => {
      const token = parseJwt((await readSecret(terminal, '--token-file', tokenFile)).trim())
      if (token === undefined) {
        throw new UsageError(
          '--token-file: expected one signed JWT, whole: header, claims and signature with dots between, as the issuer ' +
            'gave it, without "Bearer".',
        )
      }
      const suggestion = suggestionFor(token, names)
      const { platform, notes, issuer, trust_rule } = suggestion
      openSession(terminal, command).print({ verified: false, platform, notes, issuer, trust_rule }, () =>
        suggestionText(suggestion, names.client !== undefined),
      )
    })
  examples(suggest, [
    'countersign trust suggest --token-file token.jwt',
    'countersign trust suggest --token-file - --issuer corp --client nightly < token.jwt',
    'countersign trust suggest --token-file token.jwt --json',
  ])
}

function suggestionText(suggestion: Suggestion, isClientNamed: boolean): string {
  const { platform, notes, trust_rule: rule } = suggestion
  const client = `countersign client create ${rule.as.client}`
  const blocks = [
    `${UNVERIFIED}\n`,
    `Platform: ${platform}`,
    ...notes.map((note) => `- ${note}`),
    '\nThe issuer, unless it is registered already:\n',
    indented(issuerCommand(suggestion)),
    ...(isClientNamed ? [] : ['\nThe client that it stands for, unless it is there already:\n', indented(client)]),
    '\nThe rule:\n',
    indented(ruleCommand(suggestion)),
    `\nWhat it may do then: countersign permission create --client ${rule.as.client} --resource <name> --scope <scope>`,
  ]
  return `${blocks.join('\n').split('\n').map(plain).join('\n')}\n`
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ')
}

function issuerCommand({ issuer, isPinned }: Suggestion): string {
  const { max_lifetime_seconds: lifetime } = issuer
  return shellCommand(
    ['countersign', 'issuer', 'create', issuer.name],
    [
      ['--issuer', issuer.issuer],
      ...issuer.algorithms.map((alg) => ['--algorithm', alg] as const),
      ...(issuer.profile === 'plain' ? [] : [['--profile', issuer.profile] as const]),
      ...(issuer.kubernetes === null ? [] : [['--kubernetes', issuer.kubernetes.mode] as const]),
      ...(isPinned ? [['--jwks-file', `${issuer.name}.jwks.json`] as const] : []),
      ...(lifetime === undefined ? [] : [['--max-lifetime', `${lifetime / 3600}h`] as const]),
    ],
  )
}

function ruleCommand({ trust_rule: { name, issuer, match, as } }: Suggestion): string {
  return shellCommand(
    ['countersign', 'trust', 'create', name],
    [
      ['--issuer', issuer],
      ...Object.entries(match).map(([claim, value]) => claimOption(claim, value)),
      ['--client', as.client],
    ],
  )
}

/** What is no text stands behind `:=`. */
function claimOption(claim: string, value: unknown): readonly [flag: string, value: string] {
  if (claim === 'sub' && typeof value === 'string') return ['--sub', value]
  return ['--claim', `${claim}${typeof value === 'string' ? '=' : ':='}${value}`]
}
