import type { Decision } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { callerFilter, type DecisionFilter, decisionFilters, filteredDecisions } from '../decision-query.ts'
import { UsageError } from '../exit.ts'
import { type FollowOptions, follow, followOption } from '../follow.ts'
import { instant } from '../moment.ts'
import { examples, pageOptions, pageQuery, present } from '../options.ts'
import { online, printPage, requirePublicId } from '../session.ts'
import type { Column } from '../table.ts'
import type { Terminal } from '../terminal.ts'

type ListOptions = FollowOptions & DecisionFilter & { outcome?: 'allow' | 'deny'; credential?: string }

const COLUMNS: readonly Column<Decision>[] = [
  ['time', ({ at }) => instant(new Date(at))],
  ['status', ({ status, outcome }) => ({ text: String(status), tone: outcome === 'allow' ? 'good' : 'bad' })],
  ['code', ({ code }) => code ?? 'allowed'],
  ['method', ({ request }) => request.method ?? '?'],
  ['asked for', ({ request }) => `${request.host ?? '?'}${request.path ?? ''}`],
  ['caller', ({ principal }) => principal ?? 'none'],
  ['id', ({ id }) => id],
]

export function addDecisionCommands(program: Command, terminal: Terminal): void {
  const decision = program.command('decision').description('decisions: what was answered, newest first')
  examples(decision, ['countersign decision list', 'countersign decision list --client canister'])

  const list = decisionFilters(decision.command('list').description('list what was decided'))
    .addOption(new Option('--outcome <outcome>', 'only these').choices(['allow', 'deny']))
    .option('--credential <id>', 'only those with this credential')
    .action((options: ListOptions, command: Command) => {
      if ((options.client ?? options.user) !== undefined && options.cursor !== undefined) {
        throw new UsageError('--cursor goes with the filters of the API, not with --client or --user.')
      }
      return online(terminal, command, async (session) => {
        const { outcome, limit = 50 } = options
        const credential = options.credential === undefined ? undefined : requirePublicId(options.credential)
        const filter = present({ outcome, credential })
        if (options.follow) {
          const { resource, code } = options
          const list = ({ since: _, ...part }: { since?: string }) =>
            session.api.decisions.list({ ...filter, ...present({ resource, code }), ...part })
          return follow(session, options, { list, fits: callerFilter(options), shape: COLUMNS })
        }
        const query = { ...pageQuery(options), ...filter, limit }
        const page = await filteredDecisions(session, options, query, options.all)
        printPage(session, command, page, COLUMNS, 'Nothing was decided that fits. Refusals and samples are kept.')
      })
    })
  examples(followOption(pageOptions(list)), [
    'countersign decision list',
    'countersign decision list --outcome deny --resource webdav --follow',
    'countersign decision list --client canister --code scope_missing',
    'countersign decision list --user alice',
    'countersign decision list --resource webdav --outcome deny --json',
  ])
}
