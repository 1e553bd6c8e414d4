import type { Decision, DecisionQuery, Page } from '@countersign/admin-api'
import type { Command } from 'commander'
import { UsageError } from './exit.ts'
import { present } from './options.ts'
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
    .option('--client <id>', `only those of this client, among the newest ${LARGEST_PAGE} of the others asked for`)
    .option('--user <username>', 'only those of this user, likewise')
    .option('--resource <name>', 'only those at this resource')
    .option('--code <code>', 'only this refusal, like scope_missing')
}

/** A page of what was decided, newest first. */
export async function filteredDecisions(
  { api, hint }: OnlineSession,
  { client, user, resource, code }: DecisionFilter,
  query: Partial<DecisionQuery> & { limit: number },
): Promise<Page<Decision>> {
  const asked = { ...query, ...present({ resource, code }) }
  if (client !== undefined && user !== undefined) throw new UsageError('Expected --client or --user, not both.')
  // A user is called by the username alone there, as services are told of them.
  const caller = client === undefined ? user : `client:${client}`
  if (caller === undefined) return api.decisions.list(asked)
  const page = await api.decisions.list({ ...asked, limit: LARGEST_PAGE })
  const items = page.items.filter(({ principal }) => principal === caller).slice(0, query.limit)
  if (items.length < query.limit && page.next_cursor !== null) {
    hint(`Only the newest ${page.items.length} were looked through. Narrow them: --resource <name> or --code <code>`)
  }
  return { items, next_cursor: null }
}
