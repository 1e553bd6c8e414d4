import type { Command } from 'commander'
import { decisionDetails } from '../decision-details.ts'
import { type DecisionFilter, decisionFilters, filteredDecisions } from '../decision-query.ts'
import { UsageError } from '../exit.ts'
import { examples } from '../options.ts'
import { type OnlineSession, online } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type Options = DecisionFilter & { last?: true }

export function addWhy(program: Command, terminal: Terminal): void {
  const why = decisionFilters(program.command('why [decision-id]'))
    .description('say why a request was refused or allowed')
    .option('--last', 'the newest refusal')
    .action((id: string | undefined, { last, ...filter }: Options, command: Command) => {
      if ((id === undefined) === (last === undefined)) {
        throw new UsageError(
          'Expected the id of a decision (the Countersign-Decision header of the refusal), or --last.',
        )
      }
      if (id !== undefined && Object.keys(filter).length > 0) {
        throw new UsageError('--client, --user, --resource and --code go with --last, not with an id.')
      }
      return online(terminal, command, async (session) => {
        const decision = id === undefined ? await newestRefusal(session, filter) : await session.api.decisions.get(id)
        if (decision === undefined) {
          session.print(null, () => '')
          session.hint(Object.keys(filter).length > 0 ? 'Nothing was refused that fits.' : 'Nothing was refused yet.')
          return
        }
        session.print(decision, () => decisionDetails(terminal, decision, decision.id))
      })
    })
  examples(why, [
    'countersign why dec_01JABCDEFGHJKMNPQRSTVWXYZ0',
    'countersign why --last',
    'countersign why --last --client canister',
    'countersign why --last --user alice',
    'countersign why --last --resource webdav --code scope_missing --json',
  ])
}

async function newestRefusal(session: OnlineSession, filter: DecisionFilter) {
  const { items } = await filteredDecisions(session, filter, { outcome: 'deny', limit: 1 })
  return items[0]
}
