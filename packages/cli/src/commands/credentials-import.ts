import { CredentialImport, FOREIGN_DIGESTS } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { requireBody } from '../body-file.ts'
import { UsageError } from '../exit.ts'
import { digestOf, type ForeignDigest, hmacKeyIn } from '../foreign-digest.ts'
import { sendImport } from '../import-batches.ts'
import { importFile } from '../import-file.ts'
import { examples, present } from '../options.ts'
import { online, openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type DigestOptions = { readonly digest: ForeignDigest; readonly hmacKeyFile?: string }
type ImportOptions = DigestOptions & { readonly prefix: string; readonly dryRun?: true }

const FILE_HELP = `The file holds digests, never the credentials: one a line, either as CSV with a header,
  digest,owner,name,resources,scopes,projects,expires_at
  9f86d081…0a08,user:alice,ci,forge,repo:read,team/app other/app,2030-01-31T12:00:00Z
or as JSON, {"digest":"9f86d081…0a08","owner":"user:alice","resources":["forge"]}. Needed are digest and owner. Where a
cell holds a list, blanks part its words. What is left empty narrows nothing. Without an end they get that of a new
token or key; "never" is no end. What is imported already stays as it is: run it again as often as you like.
From the first import on, whatever begins with the prefix is one of these or refused, also where a resource passes
foreign credentials on.`

export function addCredentialsImport(credentials: Command, terminal: Terminal): void {
  const imports = credentials
    .command('import <file>')
    .description('let credentials that another system issued go on working, by their digests')
    .requiredOption('--prefix <prefix>', 'what all of them begin with, like glpat- (required)')
    .option('--dry-run', 'check the file alone: ask no server, change nothing')
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const { prefix, digest, dryRun } = options
      const lines = await importFile(terminal, file)
      const hmac_key = hmacKeyOf(terminal, options)
      const terms = { prefix, digest, ...present({ hmac_key: hmac_key && Buffer.from(hmac_key).toString('base64') }) }
      requireBody(CredentialImport, { ...terms, credentials: lines.slice(0, 1).map(({ credential }) => credential) })
      if (!dryRun) return online(terminal, command, (session) => sendImport(session, terms, lines))
      const { print } = openSession(terminal, command)
      print({ lines: lines.length }, () => `${lines.length} lines are good. Nothing was sent.\n`)
    })
  digestOptions(imports).addHelpText('after', `\n${FILE_HELP}`)
  examples(imports, [
    'countersign credentials import --prefix glpat- tokens.csv --dry-run',
    'countersign credentials import --prefix glpat- --digest sha256 tokens.csv',
    'countersign credentials import --prefix acme_ --digest hmac-sha256 --hmac-key-file hmac.key - < tokens.jsonl',
  ])

  const digests = digestOptions(credentials.command('digest'))
    .description('print the digests of credentials on stdin, one a line, as an import takes them; asks no server')
    .action(async (options: DigestOptions, command: Command) => {
      const key = hmacKeyOf(terminal, options)
      if (options.digest === 'hmac-sha256' && key === undefined)
        throw new UsageError('Expected --hmac-key-file <path>.')
      const made = credentialsIn(await terminal.readStdin()).map((credential) => digestOf(credential, key))
      openSession(terminal, command).print({ digests: made }, () => made.map((digest) => `${digest}\n`).join(''))
    })
  examples(digests, [
    'countersign credentials digest < old.token',
    'countersign credentials digest --digest hmac-sha256 --hmac-key-file hmac.key < old.token',
  ])
}

function digestOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--digest <digest>', 'how the digests were made').choices(FOREIGN_DIGESTS).default(FOREIGN_DIGESTS[0]),
    )
    .option('--hmac-key-file <path>', 'the key of hmac-sha256; in a text, the line break at its end does not count')
}

function hmacKeyOf(terminal: Terminal, { digest, hmacKeyFile }: DigestOptions): Uint8Array | undefined {
  if (hmacKeyFile === undefined) return undefined
  if (digest !== 'hmac-sha256') throw new UsageError('--hmac-key-file goes with --digest hmac-sha256.')
  return hmacKeyIn(terminal, hmacKeyFile)
}

/** Security: what is wrong with a line is said by its number; the line is a secret. */
function credentialsIn(text: string): string[] {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/)
  const odd = lines.findIndex((line) => !/^[\x21-\x7e]+$/.test(line))
  if (odd !== -1) throw new UsageError(`Line ${odd + 1} on stdin: expected one credential, without blanks.`)
  return lines
}
