import type { Explanation } from '@countersign/admin-api'
import type { Command } from 'commander'
import { decisionDetails } from '../decision-details.ts'
import { UsageError } from '../exit.ts'
import { examples, present } from '../options.ts'
import { online, requirePublicId } from '../session.ts'
import { details, table } from '../table.ts'
import type { Terminal } from '../terminal.ts'

type Options = { credentialId?: string; credentialStdin?: true; clientAddress?: string }

const OUTCOMES = {
  pass: { text: 'pass', tone: 'good' },
  refuse: { text: 'refuse', tone: 'bad' },
  not_reached: { text: 'not reached', tone: 'quiet' },
} as const

export function addExplain(program: Command, terminal: Terminal): void {
  const explain = program
    .command('explain <method> <url>')
    .description('decide a request without making it, step by step; nothing is recorded or spent')
    .option('--credential-id <id>', 'as if this issued credential were shown')
    .option('--credential-stdin', 'as if the credential on stdin were shown')
    .option('--client-address <ip>', 'as if the call came from there (default: unknown)')
    .action((method: string, url: string, options: Options, command: Command) => {
      if (options.credentialId !== undefined && options.credentialStdin) {
        throw new UsageError('Expected at most one of --credential-id and --credential-stdin.')
      }
      return online(terminal, command, async ({ api, print }) => {
        const explanation = await api.explain({ method, url, ...(await shownCredential(terminal, options)) })
        print(explanation, () => explanationText(terminal, explanation))
      })
    })
  examples(explain, [
    'countersign explain GET https://webdav.example.com/photos/1.jpg --credential-id key_01JABCDEFGHJKMNPQRSTVWXYZ0',
    'countersign explain PUT https://webdav.example.com/new.txt --credential-stdin < canister.key',
    'countersign explain GET https://webdav.example.com/ --json',
  ])
}

async function shownCredential(terminal: Terminal, { credentialId, credentialStdin, clientAddress }: Options) {
  const credential_id = credentialId === undefined ? undefined : requirePublicId(credentialId)
  const credential = credentialStdin ? (await terminal.readStdin()).trim() : undefined
  if (credential === '') throw new UsageError('--credential-stdin: there is nothing on stdin.')
  return present({ credential_id, credential, client_address: clientAddress })
}

function explanationText(terminal: Terminal, { decision, steps, answer }: Explanation): string {
  const path = table(terminal, steps, [
    ['step', (step) => step.step],
    ['outcome', (step) => OUTCOMES[step.outcome]],
    ['says', (step) => step.says],
  ])
  const headers = Object.entries(answer.headers)
  const sent = headers.length === 0 ? '' : details(terminal, headers)
  return `${path}\n${decisionDetails(terminal, decision)}\nThe proxy is answered ${answer.status}\n${sent}`
}
