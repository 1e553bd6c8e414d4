import { LintedTrustRule, NewTrustRule, TrustRuleChange, TrustRulePage, TrustRuleQuery } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import { listTrustRuleNames, listTrustRules } from '../store/trust-rules.ts'
import { pageOf, sliceOf } from './cursor.ts'
import type { AdminDeps } from './deps.ts'
import { answer, callerOf, DONE, idParameter, named, newRoutes, PROBLEM, sent } from './operation.ts'
import { changeTrustRule, createTrustRule, describeTrustRule, removeTrustRule } from './trust-rules.ts'
import { toTrustRule } from './wire.ts'

const tags = ['trust-rules']
const params = idParameter('The name of the trust rule.', 'atlas')
const one = { request: { params } }
const namedRule = named('TrustRule', LintedTrustRule)

const EXAMPLE = {
  name: 'atlas',
  issuer: 'corp',
  match: { sub: 'system:serviceaccount:atlas-production:atlas' },
  as: { client: 'atlas' },
  mode: 'enforce',
}
const WARNED = 'What trusts strangers is refused; what looks wider than it is meant comes back as `warnings`.'

const list = createRoute({
  method: 'get',
  path: '/trust-rules',
  tags,
  summary: 'List trust rules',
  request: { query: TrustRuleQuery },
  responses: { 200: answer('Trust rules by name.', TrustRulePage), ...PROBLEM },
})
const create = createRoute({
  method: 'post',
  path: '/trust-rules',
  tags,
  summary: 'Make a trust rule',
  description: `Has subjects of an issuer stand for somebody. It takes the scope credentials:write too. ${WARNED}`,
  request: sent(NewTrustRule, EXAMPLE),
  responses: { 201: answer('The rule.', namedRule), ...PROBLEM },
})
const get = createRoute({
  method: 'get',
  path: '/trust-rules/{id}',
  tags,
  summary: 'Show a trust rule, with what the linter says of it',
  ...one,
  responses: { 200: answer('The rule.', namedRule), ...PROBLEM },
})
const change = createRoute({
  method: 'patch',
  path: '/trust-rules/{id}',
  tags,
  summary: 'Change a trust rule',
  description:
    'Only the fields sent change. Access tokens that were minted by it end. But for its description, it takes the scope ' +
    `credentials:write too: subjects that a rule lets go fall to a wider one. ${WARNED}`,
  request: { params, ...sent(TrustRuleChange, { mode: 'off' }) },
  responses: { 200: answer('The rule as it is now.', namedRule), ...PROBLEM },
})
const remove = createRoute({
  method: 'delete',
  path: '/trust-rules/{id}',
  tags,
  summary: 'Delete a trust rule',
  description:
    'Nobody is trusted by it any more, and what was minted by it ends. It takes the scope credentials:write too. Refused ' +
    'while clients require it (`requires_workload`). Its name is never given again.',
  ...one,
  responses: DONE,
})

export function trustRuleRoutes(deps: AdminDeps) {
  const { reader } = deps.store
  return newRoutes()
    .openapi(list, async (c) => {
      const query = c.req.valid('query')
      const names = await listTrustRuleNames(reader, sliceOf(query), query.issuer)
      const found = names.length === 0 ? [] : await listTrustRules(reader, names)
      return c.json(
        pageOf(found.map(toTrustRule), query.limit, ({ name }) => name),
        200,
      )
    })
    .openapi(create, async (c) => c.json(await createTrustRule(deps, callerOf(c), c.req.valid('json')), 201))
    .openapi(get, async (c) => c.json(await describeTrustRule(reader, c.req.valid('param').id), 200))
    .openapi(change, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await changeTrustRule(deps, callerOf(c), id, c.req.valid('json')), 200)
    })
    .openapi(remove, async (c) => {
      await removeTrustRule(deps, callerOf(c), c.req.valid('param').id)
      return c.body(null, 204)
    })
}
