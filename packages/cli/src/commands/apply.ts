import { declarationSchema } from '@countersign/admin-api'
import { type Command, CommanderError } from 'commander'
import { type ApplyOptions, applyFile } from '../apply/apply-file.ts'
import { type DeclaredFile, parseDeclaredFile } from '../apply/declared-file.ts'
import { UsageError } from '../exit.ts'
import { examples } from '../options.ts'
import { online } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { readTextFile } from '../text-file.ts'

const FILE_HELP = `The file is YAML, or JSON, with any of the lists groups, issuers, resources, clients, users,
trust_rules and permissions:

  name: platform
  groups:
    - name: developers
  users:
    - { username: alice, groups: [developers], password_file: alice.password }
  permissions:
    - { group: developers, resource: forge, scopes: [repo:read] }

An entry has the fields of the call that makes it, and is the whole of what it declares: what it leaves out has its
default. What the file makes is managed by its name. What was made elsewhere is changed only if the entry, or the
file, says "adopt: true". The guide is docs/guides/declared-files.md.`

export function addApply(program: Command, terminal: Terminal): void {
  const apply = program
    .command('apply')
    .description('make what is there as a file declares it')
    .requiredOption('-f, --file <path>', 'the declared file, - for stdin')
    .option('--dry-run', 'show what would be done, and change nothing')
    .option('--check', 'the same, but fail where something is to be done')
    .option('--prune', 'delete what this file made and no longer declares')
    .option('--yes', 'do not ask before deleting, for scripts')
    .option('--schema', 'print what a file may hold as JSON Schema, for editors, and do nothing else')
    .on('option:schema', () => {
      terminal.out(`${JSON.stringify(declarationSchema(), null, 2)}\n`)
      // As --help ends: it needs no file, and no server.
      throw new CommanderError(0, 'countersign.schema', '')
    })
    .action(async (options: ApplyOptions, command: Command) => {
      const file = await readDeclaredFile(terminal, options.file)
      await online(terminal, command, (session) => applyFile(session, file, options))
    })
  apply.addHelpText('after', `\n${FILE_HELP}`)
  examples(apply, [
    'countersign apply -f countersign.yaml --dry-run',
    'countersign apply -f countersign.yaml',
    'countersign apply -f countersign.yaml --prune --yes',
    'countersign apply -f countersign.yaml --prune --check',
    'countersign apply --schema > countersign.schema.json',
  ])
}

async function readDeclaredFile(terminal: Terminal, path: string): Promise<DeclaredFile> {
  const parsed = parseDeclaredFile(await readTextFile(terminal, path))
  if (!('problems' in parsed)) return parsed
  throw new UsageError(`${path}: the file is not acceptable. Nothing was changed:`, parsed.problems)
}
