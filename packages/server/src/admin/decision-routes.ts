import { Decision, DecisionPage, DecisionQuery, Explain, Explanation } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { pageOf, sliceOf } from './cursor.ts'
import type { AdminDeps } from './deps.ts'
import { answer, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import { Rejected, rejectedField } from './problem.ts'

const tags = ['decisions']

const namedDecision = named('Decision', Decision)
const namedExplanation = named('Explanation', Explanation)

const list = createRoute({
  method: 'get',
  path: '/decisions',
  tags,
  summary: 'List what was decided',
  request: { query: DecisionQuery },
  responses: { 200: answer('Decisions, newest first.', DecisionPage), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path: '/decisions/{id}',
  tags,
  summary: 'Show why something was decided',
  request: { params: idParameter('The id in `Countersign-Decision`.', 'dec_01JABCDEFGHJKMNPQRSTVWXYZ0') },
  responses: { 200: answer('The decision.', namedDecision), ...PROBLEM },
})
const explain = createRoute({
  method: 'post',
  path: '/explain',
  tags,
  summary: 'Show how a request would be decided',
  description: 'The same code as for a real one. Nothing is recorded or spent.',
  request: sent(Explain, { method: 'GET', url: 'https://webdav.example.com/photos/1.jpg' }),
  responses: { 200: answer('Every step, and the answer.', namedExplanation), ...PROBLEM },
})

export function decisionRoutes({ decisions, explain: explainRequest }: AdminDeps) {
  return newRoutes()
    .openapi(list, async (c) => {
      const query = c.req.valid('query')
      const { outcome, resource, credential, code } = query
      const { after: before, limit } = sliceOf(query)
      const found = await decisions.list({ outcome, resource, credential, code, before, limit })
      return c.json(
        pageOf(found, query.limit, ({ id }) => id),
        200,
      )
    })
    .openapi(get, async (c) => {
      const decision = await decisions.find(c.req.valid('param').id)
      if (decision !== undefined) return c.json(decision, 200)
      throw new Rejected(
        'not_found',
        'There is no record of this id: decisions are kept for some days, and not all are.',
      )
    })
    .openapi(explain, async (c) => {
      const explanation = await explainRequest(c.req.valid('json'))
      if (explanation !== undefined) return c.json(explanation, 200)
      throw rejectedField('credential_id', 'there is no credential of this id; GET /api/v1/credentials lists them')
    })
}
