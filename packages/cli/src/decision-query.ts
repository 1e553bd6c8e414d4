import type { Decision, DecisionQuery, Page } from '@countersign/admin-api'
import type { Command } from 'commander'
import { present } from './options.ts'
import type { OnlineSession } from './session.ts'

export type DecisionFilter = { readonly client?: string; readonly resource?: string; readonly code?: string }

/** The API knows no filter by client: that one looks through a page, the largest there is. */
const LARGEST_PAGE = 200

export function decisionFilters(command: Command): Command {
  return command
    .option('--client <id>', `only those of this client, among the newest ${LARGEST_PAGE} of the others asked for`)
    .option('--resource <name>', 'only those at this resource')
    .option('--code <code>', 'only this refusal, like scope_missing')
}

/** A page of what was decided, newest first. */
export async function filteredDecisions(
  { api, hint }: OnlineSession,
  { client, resource, code }: DecisionFilter,
  query: Partial<DecisionQuery> & { limit: number },
): Promise<Page<Decision>> {
  const asked = { ...query, ...present({ resource, code }) }
  if (client === undefined) return api.decisions.list(asked)
  const page = await api.decisions.list({ ...asked, limit: LARGEST_PAGE })
  const items = page.items.filter(({ principal }) => principal === `client:${client}`).slice(0, query.limit)
  if (items.length < query.limit && page.next_cursor !== null) {
    hint(`Only the newest ${page.items.length} were looked through. Narrow them: --resource <name> or --code <code>`)
  }
  return { items, next_cursor: null }
}
