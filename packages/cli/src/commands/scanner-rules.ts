import { type Command, Option } from 'commander'
import { examples } from '../options.ts'
import { gitHubPatterns, gitHubText, gitleaksRules, truffleHogDetectors } from '../scanner-rules.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

const FORMATS = ['gitleaks', 'trufflehog', 'github'] as const

const PLACES = `Where the answer goes:
  gitleaks     into .gitleaks.toml at the root of the repository, beneath:
                 [extend]
                 useDefault = true
               Then: gitleaks git --config .gitleaks.toml
  trufflehog   into a file of its own: trufflehog git file://. --config countersign.yaml
  github       Settings, Advanced Security, Secret scanning, Custom patterns, New pattern (of a repository, an
               organisation or an enterprise); one pattern for each kind of credential. Turn push protection on there.
What is found: countersign leak report. Imported credentials keep the form of the system that issued them.`

export function addScannerRules(program: Command, terminal: Terminal): void {
  const rules = program
    .command('scanner-rules')
    .description('print patterns that find leaked credentials of Countersign; asks no server')
    .addOption(new Option('--format <scanner>', 'for which scanner').choices(FORMATS).default('gitleaks'))
    .action(({ format }: { format: (typeof FORMATS)[number] }, command: Command) => {
      const { print } = openSession(terminal, command)
      if (format === 'github') return print(gitHubPatterns(), () => gitHubText())
      return terminal.out(format === 'gitleaks' ? gitleaksRules() : truffleHogDetectors())
    })
  rules.addHelpText('after', `\n${PLACES}`)
  examples(rules, [
    'countersign scanner-rules >> .gitleaks.toml',
    'countersign scanner-rules --format trufflehog > countersign.yaml',
    'countersign scanner-rules --format github',
    'countersign scanner-rules --format github --json',
  ])
}
