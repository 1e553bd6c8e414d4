import type { Command } from 'commander'
import { decisionDetails } from '../decision-details.ts'
import { UsageError } from '../exit.ts'
import { examples } from '../options.ts'
import { type OnlineSession, online } from '../session.ts'
import type { Terminal } from '../terminal.ts'

export function addWhy(program: Command, terminal: Terminal): void {
  const why = program
    .command('why [decision-id]')
    .description('say why a request was refused or allowed')
    .option('--last', 'the newest refusal')
    .action((id: string | undefined, { last }: { last?: true }, command: Command) => {
      if ((id === undefined) === (last === undefined)) {
        throw new UsageError(
          'Expected the id of a decision (the Countersign-Decision header of the refusal), or --last.',
        )
      }
      return online(terminal, command, async (session) => {
        const decision = id === undefined ? await newestRefusal(session) : await session.api.decisions.get(id)
        if (decision === undefined) {
          session.print(null, () => '')
          session.hint('Nothing was refused yet.')
          return
        }
        session.print(decision, () => decisionDetails(terminal, decision, decision.id))
      })
    })
  examples(why, [
    'countersign why dec_01JABCDEFGHJKMNPQRSTVWXYZ0',
    'countersign why --last',
    'countersign why --last --json',
  ])
}

async function newestRefusal({ api }: OnlineSession) {
  const { items } = await api.decisions.list({ outcome: 'deny', limit: 1 })
  return items[0]
}
