import type { OpenAPIHono } from '@hono/zod-openapi'
import type { AdminEnv } from './operation.ts'

type Document = ReturnType<OpenAPIHono['getOpenAPI31Document']>

const TAGS = [
  { name: 'resources', description: 'What is protected: hosts, scopes and access rules.' },
  { name: 'clients', description: 'Software that calls.' },
  { name: 'users', description: 'People.' },
  { name: 'groups', description: 'Clients and users that may do the same.' },
  { name: 'permissions', description: 'Which holder may reach which resource, with which scopes and roles.' },
  {
    name: 'credentials',
    description: 'API keys, client secrets and tokens: made, listed, rotated, revoked. Never shown again.',
  },
  { name: 'signing-keys', description: 'What access tokens and assertions are signed with.' },
  { name: 'nodes', description: 'The servers on this database.' },
  { name: 'decisions', description: 'What was decided and why; how something would be decided.' },
  { name: 'audit-events', description: 'Who changed what.' },
  { name: 'me', description: 'The caller.' },
]

/** Adds the description of the routes of `api`, which anyone may ask for: so it is written once. */
export function describeAt(path: string, api: OpenAPIHono<AdminEnv>): void {
  api.openAPIRegistry.registerPath({
    method: 'get',
    path,
    tags: ['me'],
    summary: 'Show this description',
    security: [],
    responses: {
      200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
    },
  })
  let described: Document | undefined
  api.get(path, (c) => {
    described ??= withPlainPatterns(describe(api))
    return c.json({ ...described, servers: [{ url: originOf(c.req.url) }] })
  })
}

function describe(api: OpenAPIHono<AdminEnv>): Document {
  const schemes = {
    bearer: { type: 'http', scheme: 'bearer', description: 'An API key that names `countersign`.' },
    basic: { type: 'http', scheme: 'basic', description: 'The same key as the password; any user name.' },
    'X-Api-Key': { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'The same key.' },
  } as const
  for (const [name, scheme] of Object.entries(schemes)) {
    api.openAPIRegistry.registerComponent('securitySchemes', name, scheme)
  }
  return api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Countersign management API',
      version: '1',
      description:
        'Every answer to a write that was carried out has the header `Countersign-Revision`: `GET /nodes` tells which ' +
        'servers count with it.',
      license: { name: 'Apache-2.0' },
    },
    tags: TAGS,
    security: Object.keys(schemes).map((name) => ({ [name]: [] })),
  })
}

/** The generator writes a pattern's flags behind it, where JSON Schema knows none: `/u` is what it always means. */
function withPlainPatterns(document: Document): Document {
  const plain = (key: string, value: unknown) =>
    key === 'pattern' && typeof value === 'string' ? value.replace(/\$\/u$/, '$$') : value
  return JSON.parse(JSON.stringify(document, plain)) as Document
}

function originOf(url: string): string {
  return url.slice(0, url.indexOf('/', url.indexOf('://') + '://'.length))
}
