import { formatCredential, hintOf } from '@countersign/resource-server'
import type { Command } from 'commander'
import { requireWritten } from './issued.ts'
import { examples } from './options.ts'
import { openSession } from './session.ts'
import type { Terminal } from './terminal.ts'

/** As many as the server takes for those that it makes. */
const RANDOM_BYTES = 32

const WORD = { key: 'API key', secret: 'client secret' } as const

/** `key generate` and `secret generate`: one that no server knows, until a declared file makes it known to one. */
export function addGenerate(parent: Command, terminal: Terminal, kind: keyof typeof WORD): void {
  const generate = parent
    .command('generate')
    .description(`make one that no server knows yet, for a declared file; stdout gets the ${kind} alone`)
    .action(async (_options: object, command: Command) => {
      const { print, hint } = openSession(terminal, command)
      const text = formatCredential(kind, crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)))
      const known = { sha256: Bun.SHA256.hash(text, 'hex'), hint: hintOf(text) }
      hint(`This ${WORD[kind]} is known nowhere yet. To declare it, put this under ${kind}s of its client,`)
      hint('in the file that countersign apply or countersign serve --apply is given:')
      hint(`  - { name: <name>, sha256: ${known.sha256}, hint: ${known.hint} }`)
      hint(`or name the file or variable that holds it: secret_file: <path>, secret_env: <name>.`)
      print({ [kind]: text, ...known }, () => `${text}\n`)
      await requireWritten(terminal, WORD[kind])
    })
  examples(generate, [`countersign ${kind} generate > canister.${kind}`, `countersign ${kind} generate --json`])
}
