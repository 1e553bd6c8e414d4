import { parseIssuedCredential } from '@countersign/resource-server'
import type { Command } from 'commander'
import { AnswerIsNo, UsageError } from '../exit.ts'
import { examples } from '../options.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

const KINDS: Record<string, string> = {
  key: 'an API key',
  pat: 'a personal access token',
  at: 'an access token',
  secret: 'a client secret',
}

/** What can be said of a credential without asking anyone: its form, never whether it is live. */
type Form = { form_of_ours: boolean; kind: string | null; well_formed: boolean; says: string }

export function addVerify(program: Command, terminal: Terminal): void {
  const verify = program
    .command('verify <token>')
    .description('say offline what a credential is by its form; not whether it is live')
    .action(async (token: string, _options: object, command: Command) => {
      const text = token === '-' ? (await terminal.readStdin()).trim() : token
      if (text === '') throw new UsageError('There is nothing on stdin.')
      const form = credentialForm(text)
      openSession(terminal, command).print(form, () => `${form.says}\n`)
      if (!form.well_formed) throw new AnswerIsNo()
    })
  examples(verify, ['countersign verify - < canister.key', 'countersign verify - --json < canister.key'])
}

export function credentialForm(text: string): Form {
  const parsed = parseIssuedCredential(text)
  if (parsed === undefined) {
    const says =
      'Not a credential that Countersign issues: those begin with cs_key_, cs_pat_, cs_at_ or cs_secret_. ' +
      'A bootstrap key and tokens of other issuers have no such form.'
    return { form_of_ours: false, kind: null, well_formed: false, says }
  }
  if (parsed === 'mistyped') {
    const says =
      'Mistyped or cut: it begins like a credential of Countersign, but its length, alphabet or checksum is wrong. ' +
      'No server will believe it. Copy it again, whole.'
    return { form_of_ours: true, kind: null, well_formed: false, says }
  }
  const says =
    `Well formed: ${KINDS[parsed.kind] ?? parsed.kind}, and its checksum is right, so it was copied whole. ` +
    'That says nothing of whether it was issued, is live or may do anything: only the server knows. ' +
    'Ask it: countersign explain GET <url> --credential-stdin'
  return { form_of_ours: true, kind: parsed.kind, well_formed: true, says }
}
