import { LeakAnswer, LeakReport } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import type { AdminDeps } from './deps.ts'
import { reportLeak } from './leaks.ts'
import { answer, named, newRoutes, PROBLEM, sent } from './operation.ts'

const report = createRoute({
  method: 'post',
  path: '/leaks',
  tags: ['credentials'],
  summary: 'Have a leaked credential revoked at once',
  description:
    'Whoever holds a credential may report it; no other is needed. It is revoked with everything that it minted. The ' +
    'bootstrap key cannot be revoked: the client `bootstrap` is disabled.',
  security: [],
  request: sent(LeakReport, {
    credential: 'cs_pat_<43 characters><6 of checksum>',
    found_at: 'https://git.example.com/infra/deploy, line 12',
  }),
  responses: { 200: answer('What became of it.', named('LeakAnswer', LeakAnswer)), ...PROBLEM },
})

export function leakRoutes(deps: AdminDeps) {
  return newRoutes().openapi(report, async (c) => c.json(await reportLeak(deps, c.req.valid('json')), 200))
}
