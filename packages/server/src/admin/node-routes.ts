import { type Node, NodePage, PageQuery } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { readRevision } from '../store/change-log.ts'
import type { StoredNode } from '../store/nodes.ts'
import type { AdminDeps } from './deps.ts'
import { answer, newRoutes, PROBLEM } from './operation.ts'
import { pageOfAll } from './whole-list.ts'

/** A node says how far it is at least every two seconds. */
const SILENT_MS = 10_000

const list = createRoute({
  method: 'get',
  path: '/nodes',
  tags: ['nodes'],
  summary: 'List the servers on this database',
  description:
    'How far each has followed. A change is in force everywhere once no node that is not `silent` has ' +
    'a smaller `revision` than the `Countersign-Revision` of the answer to that change, and at the latest when the ' +
    'longest `lease_seconds` have passed: a node that knows nothing of it by then answers 503.',
  request: { query: PageQuery },
  responses: { 200: answer('The servers by name.', NodePage), ...PROBLEM },
})

export function nodeRoutes(deps: AdminDeps) {
  return newRoutes().openapi(list, async (c) => {
    // Read first: whoever has reached what was newest before they were asked is current.
    const newest = await readRevision(deps.store.reader)
    const items = (await deps.nodes.list()).map((node) => toNode(node, newest, deps))
    return c.json(
      pageOfAll(items, c.req.valid('query'), ({ name, id }) => `${name} ${id}`),
      200,
    )
  })
}

function toNode(node: StoredNode, newest: number, { nodes, store }: AdminDeps): Node {
  const isCurrent = node.revision >= newest
  return {
    ...{ id: node.id, name: node.name, version: node.version, revision: node.revision },
    state: node.silentMs >= SILENT_MS ? 'silent' : isCurrent ? 'current' : 'behind',
    is_this: node.id === nodes.self.id,
    lease_seconds: node.leaseMs / 1000,
    started_at: node.startedAt.toISOString(),
    seen_at: new Date(store.clock().getTime() - Math.max(0, node.silentMs)).toISOString(),
  }
}
