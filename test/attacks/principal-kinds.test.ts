// A service has no account. Whatever needs a user, and whatever lies in a project that is not the caller's, is refused to
// a client, a workload and the bootstrap key, however they show who they are, by the one decision that refuses everybody.
//
// The routes are not listed here: they are made of the rules of the management API and of the examples' resources.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Caller,
  decide,
  grantOf,
  isDenied,
  type MatchedRule,
  parseRequestTarget,
  ruleFor,
} from '@countersign/resource-server'
import type { Resource } from '../../packages/server/src/domain/resource.ts'
import { BOOTSTRAP_KEY, tokenFor, withSecret } from '../support/app.ts'
import { ROOT } from '../support/guide.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

type Declared = { readonly name: string; readonly identifier: string; readonly hosts: readonly string[] } & {
  readonly scopes: readonly string[]
  readonly rules: readonly { methods?: readonly string[]; path: string; require?: { project?: string } }[]
}
type Route = {
  readonly resource: Resource
  readonly method: string
  readonly uri: string
  readonly matched: MatchedRule
}

const yaml = (text: string) => (Bun.YAML.parse(text) as { resources: Declared[] }).resources
const example = (path: string) => readFileSync(join(ROOT, 'examples', path), 'utf8')
const EXAMPLES: readonly Declared[] = [
  ...yaml(example('usage-api/countersign.yaml')),
  JSON.parse(example('surfaces/resource.json')),
  {
    name: 'studio',
    identifier: 'https://studio.example.com',
    hosts: ['studio.example.com'],
    scopes: ['files:read'],
    rules: [
      { methods: ['GET'], path: '/git/:project.git/info/refs' },
      { path: '/git/:project{1,3}.git/**' },
      { path: '/profile/**', require: { principals: ['user'] } as object },
      { path: '/:project/settings', require: { principals: ['user'] } as object },
      { path: '/:project/**' },
    ],
  },
]
/** The accounts, repositories and so on that are the caller's; those of the routes never are. */
const OWN = 'own'
const NOBODYS = 'elsewhere'
const METHODS = ['GET', 'POST', 'DELETE', 'PROPFIND']

let stage: Stage
const routes: Route[] = []
const needsUser = ({ matched }: Route) => matched.rule.require.principals.join() === 'user'
const needsProject = ({ matched }: Route) => matched.project !== undefined

function addRoute(resource: Resource, method: string, uri: string): void {
  const target = parseRequestTarget(uri)
  const matched = target && ruleFor(resource, method, target)
  if (matched === undefined || isDenied(matched)) throw new Error(`${resource.name}: no rule for ${method} ${uri}`)
  const route = { resource, method, uri, matched }
  if (needsUser(route) || needsProject(route)) routes.push(route)
}

/** A path that the rule is about: `/git/:project.git/**` → `/git/elsewhere.git/x`. */
function pathOf(rule: string): string {
  const segments = rule.split('/').map((segment) => {
    if (segment === '*' || segment === '**') return 'x'
    return segment.replace(/^:\w+(\{\d+,\d+\})?/, (name) => (name.startsWith(':project') ? NOBODYS : 'x'))
  })
  return segments.join('/')
}

beforeAll(async () => {
  stage = await Stage.open()
  const { directory } = stage.test.app.edge.verify
  for (const declared of EXAMPLES) {
    await stage.make('/resources', declared)
    const resource = directory.resource(declared.name)
    if (resource === undefined) throw new Error(declared.name)
    for (const { methods = METHODS, path } of declared.rules) {
      for (const method of methods) addRoute(resource, method, pathOf(path))
    }
  }
  const { paths } = (await stage.call('GET', '/openapi.json')) as { paths: Record<string, object> }
  for (const [path, operations] of Object.entries(paths)) {
    for (const method of Object.keys(operations)) {
      addRoute(directory.management, method.toUpperCase(), path.replace(/\{\w+\}/, NOBODYS))
    }
  }
})
afterAll(() => stage.close())

/** A client that may do everything: everywhere, or in projects of its own alone. */
async function client(id: string, resource: Resource, projects: readonly string[] | undefined): Promise<string> {
  const { name, scopes } = resource
  const isManagement = resource === stage.test.app.edge.verify.directory.management
  const roles = isManagement ? ['admin'] : []
  await stage.make('/clients', { id })
  const given = isManagement ? { roles } : { scopes, roles, ...(projects && { projects }) }
  await stage.make('/permissions', { client: id, resource: name, ...given })
  return id
}

const answerOf = async ({ resource, method, uri }: Route, credential: string) => {
  if (resource.hosts.length === 0) {
    const body = method === 'GET' ? undefined : {}
    const answer = await stage.send(method, uri.replace('/api/v1', ''), [bearer(credential)], body)
    return { status: answer.status, decision: answer.headers.get('countersign-decision') }
  }
  const asks = { method, host: resource.hosts[0] ?? '', uri }
  const answer = await stage.ask('forward', { asks, lines: [bearer(credential)] })
  return { status: answer.status, decision: answer.headers.get('countersign-decision') }
}

async function codeOf(route: Route, credential: string): Promise<string> {
  const { status, decision } = await answerOf(route, credential)
  return `${status} ${decision === null ? 'no decision' : (await stage.why(decision)).code}`
}

/** What each of these routes answers, that is not what it should. */
async function unexpected(of: readonly Route[], credentialAt: (resource: Resource) => string, expected: string) {
  const found: string[] = []
  for (const route of of) {
    const code = await codeOf(route, credentialAt(route.resource))
    if (code !== expected) found.push(`${route.resource.name}: ${route.method} ${route.uri}: ${code}`)
  }
  return found
}

const isManaged = ({ resource }: Route) => resource.hosts.length === 0
const resourcesOf = (of: readonly Route[]) => [...new Set(of.map(({ resource }) => resource))]

type Shown = 'key' | 'secret as JWT' | 'secret as opaque token'
/** By resource, what a client of this name shows there. */
async function credentials(name: string, shown: Shown, of: readonly Route[], projects?: readonly string[]) {
  const made = new Map<string, string>()
  for (const resource of resourcesOf(of)) {
    const id = await client(`${name}-${resource.name}`, resource, projects)
    const narrowing = { resources: [resource.name] }
    if (shown === 'key') {
      made.set(resource.name, (await stage.newKey(id, narrowing)).key)
      continue
    }
    if (resource.hosts.length > 0) {
      const format = shown === 'secret as JWT' ? 'jwt' : 'opaque'
      await stage.call('PATCH', `/resources/${resource.name}`, { access_token: { format } })
    }
    const { headers } = await withSecret(stage.test, id, narrowing)
    const token = await tokenFor(stage.test, headers, { resource: resource.identifier })
    stage.oracle.keepSecret(token)
    made.set(resource.name, token)
  }
  return (resource: Resource) => made.get(resource.name) ?? 'none'
}

test('there are routes to try: of the management API and of each kind of example', () => {
  expect(resourcesOf(routes.filter(needsUser)).map(({ name }) => name)).toEqual(['usage', 'studio', 'countersign'])
  expect(resourcesOf(routes.filter(needsProject)).map(({ name }) => name)).toEqual(['usage', 'studio'])
  expect(routes.filter(isManaged).map(({ method, uri }) => `${method} ${uri}`)).toEqual([
    'GET /api/v1/me/tokens',
    'POST /api/v1/me/tokens',
    `POST /api/v1/me/tokens/${NOBODYS}/rotate`,
    `POST /api/v1/me/tokens/${NOBODYS}/revoke`,
  ])
})

const KINDS: readonly [id: string, shown: Shown][] = [
  ['by-key', 'key'],
  ['by-jwt', 'secret as JWT'],
  ['by-opaque', 'secret as opaque token'],
]
for (const [id, shown] of KINDS) {
  describe(`a client that may do everything, by its ${shown}`, () => {
    test('is refused as what it is wherever a user is needed', async () => {
      const of = routes.filter(needsUser)
      expect(await unexpected(of, await credentials(id, shown, of), '403 principal_kind_refused')).toEqual([])
    })

    test('is refused in every project that is not its own', async () => {
      const of = routes.filter(needsProject)
      const credentialAt = await credentials(`${id}-confined`, shown, of, [OWN])
      expect(await unexpected(of, credentialAt, '403 project_not_granted')).toEqual([])
    })

    test('passes in its own, so that it is the project that refuses', async () => {
      const of = routes.filter((route) => needsProject(route) && !needsUser(route))
      const credentialAt = await credentials(`${id}-inside`, shown, of, [OWN])
      for (const route of of) {
        const inside = { ...route, uri: route.uri.replace(NOBODYS, OWN) }
        expect([inside.uri, (await answerOf(inside, credentialAt(route.resource))).status]).toEqual([inside.uri, 200])
      }
    })
  })
}

test('the bootstrap key is a client: it has no tokens of its own, and reaches no service', async () => {
  const here = routes.filter(isManaged)
  expect(await unexpected(here, () => BOOTSTRAP_KEY, '403 principal_kind_refused')).toEqual([])
  const elsewhere = routes.filter((route) => !isManaged(route))
  expect(elsewhere.length).toBeGreaterThan(0)
  expect(await unexpected(elsewhere, () => BOOTSTRAP_KEY, '403 resource_not_granted')).toEqual([])
})

describe('a workload that may do everything', () => {
  const NARROWED_BY_NOTHING = { resources: null, scopes: null, projects: null }
  const workload = ({ name, scopes }: Resource, projects: readonly string[] | null): Caller => {
    const permission = { id: 'perm_1', resource: name, scopes: [...scopes], roles: ['admin'], projects }
    return {
      principal: { kind: 'workload', id: 'workload:k8s:atlas', issuer: 'k8s', subject: 'atlas' },
      credential: {
        id: 'jwt',
        notBefore: null,
        expiresAt: null,
        narrowing: { ...NARROWED_BY_NOTHING, resources: [name] },
        audience: null,
        networks: [],
      },
      revocation: undefined,
      owner: { disabled: false, networks: [] },
      groups: new Set(['workloads']),
      grant: grantOf([permission], NARROWED_BY_NOTHING, scopes),
    }
  }
  const circumstances = {
    now: new Date('2030-01-01T00:00:00Z'),
    listener: 'internal',
    clientAddress: () => undefined,
  } as const
  const verdictOf = ({ resource, matched }: Route, projects: readonly string[] | null) => {
    const verdict = decide(workload(resource, projects), resource, matched, circumstances)
    return verdict.outcome === 'allow' ? 'allow' : verdict.code
  }

  test('is refused as what it is wherever a user is needed', () => {
    for (const route of routes.filter(needsUser)) expect(verdictOf(route, null)).toBe('principal_kind_refused')
  })

  test('is refused in every project that is not its own', () => {
    const of = routes.filter((route) => needsProject(route) && !needsUser(route))
    for (const route of of)
      expect([verdictOf(route, [OWN]), verdictOf(route, null)]).toEqual(['project_not_granted', 'allow'])
  })
})

test('one line of the code refuses a kind of principal, and no other', async () => {
  const found: string[] = []
  for await (const path of new Bun.Glob('packages/*/src/**/*.ts').scan(ROOT)) {
    const text = readFileSync(join(ROOT, path), 'utf8')
    if (!path.endsWith('.test.ts') && text.includes("deny('principal_kind_refused'")) found.push(path)
  }
  expect(found).toEqual(['packages/resource-server/src/decide.ts'])
})
