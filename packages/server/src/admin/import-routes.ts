import { CredentialImport, CredentialImported, ForeignPrefixes, PageQuery } from '@countersign/admin-api'
import { createRoute } from '@hono/zod-openapi'
import type { AdminDeps } from './deps.ts'
import { foreignPrefixes, importCredentials } from './importing.ts'
import { answer, callerOf, named, newRoutes, PROBLEM, sent } from './operation.ts'

const tags = ['credentials']
const EXAMPLE = {
  prefix: 'glpat-',
  digest: 'sha256',
  credentials: [{ digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', owner: 'user:alice' }],
}

const create = createRoute({
  method: 'post',
  path: '/credentials/import',
  tags,
  summary: 'Let credentials that another system issued go on working',
  description:
    'By their digests; the credentials themselves are not sent. The first import of a prefix says for ever how its ' +
    'digests are made, and takes `resources:write` too. What was imported before stays as it is. From then on whatever ' +
    'begins with the prefix is one of these or refused: it is not passed on to upstreams as foreign.',
  request: sent(CredentialImport, EXAMPLE),
  responses: { 200: answer('All of them are known.', named('CredentialImported', CredentialImported)), ...PROBLEM },
})
const list = createRoute({
  method: 'get',
  path: '/credentials/foreign-prefixes',
  tags,
  summary: 'List what imported credentials begin with',
  request: { query: PageQuery },
  responses: {
    200: answer('By prefix, and how many there are.', named('ForeignPrefixes', ForeignPrefixes)),
    ...PROBLEM,
  },
})

/** To be put before the routes of credentials: what stands here is no credential of that id. */
export function importRoutes(deps: AdminDeps) {
  return newRoutes()
    .openapi(create, async (c) => c.json(await importCredentials(deps, callerOf(c), c.req.valid('json')), 200))
    .openapi(list, async (c) => c.json(await foreignPrefixes(deps, c.req.valid('query')), 200))
}
