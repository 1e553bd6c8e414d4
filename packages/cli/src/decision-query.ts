import type { Decision, DecisionQuery, Page } from '@countersign/admin-api'
import type { Command } from 'commander'
import { UsageError } from './exit.ts'
import { present } from './options.ts'
import { everything } from './pages.ts'
import type { OnlineSession } from './session.ts'

export type DecisionFilter = {
  readonly client?: string
  readonly user?: string
  readonly resource?: string
  readonly code?: string
}

/** The API knows no filter by caller: that one looks through a page, the largest there is. */
const LARGEST_PAGE = 200

export function decisionFilters(command: Command): Command {
  return command
    .option(
      '--client <id>',
      `only those of this client, among the newest ${LARGEST_PAGE} of the others asked for, or --all`,
    )
    .option('--user <username>', 'only those of this user, likewise')
    .option('--resource <name>', 'only those at this resource')
    .option('--code <code>', 'only this refusal, like scope_missing')
}

/** Whether a decision is of the client or user that was asked for. */
export function callerFilter({ client, user }: DecisionFilter): (decision: Decision) => boolean {
  if (client !== undefined && user !== undefined) throw new UsageError('Expected --client or --user, not both.')
  // A user is called by the username alone there, as services are told of them.
  const caller = client === undefined ? user : `client:${client}`
  return ({ principal }) => caller === undefined || principal === caller
}

/** A page of what was decided, newest first, or all of it. */
export async function filteredDecisions(
  session: OnlineSession,
  filter: DecisionFilter,
  query: Partial<DecisionQuery> & { limit: number },
  isAll = false,
): Promise<Page<Decision>> {
  const { api, hint } = session
  const { client, user, resource, code } = filter
  const asked = { ...query, ...present({ resource, code }) }
  const isOfCaller = callerFilter(filter)
  if (isAll) {
    const items = await everything(session, (part) => api.decisions.list({ ...asked, ...part }), query.cursor)
    return { items: items.filter(isOfCaller), next_cursor: null }
  }
  if ((client ?? user) === undefined) return api.decisions.list(asked)
  const page = await api.decisions.list({ ...asked, limit: LARGEST_PAGE })
  const items = page.items.filter(isOfCaller).slice(0, query.limit)
  if (items.length < query.limit && page.next_cursor !== null) {
    hint(`Only the newest ${page.items.length} were looked through. Narrow them: --resource <name> or --code <code>`)
  }
  return { items, next_cursor: null }
}
