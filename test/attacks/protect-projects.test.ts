// What a guard learns by introspection, where the rights of a caller differ by project: it lets in nobody whom Countersign
// would refuse behind a proxy, and tells no handler of a right that does not hold in each of the projects that it names.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Guard, type ProtectFetch, protect, type RuleDefinition } from '@countersign/resource-server'
import { PUBLIC_URL, withSecret } from '../support/app.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

const HOST = 'shelf.example.com'
const SCOPES = ['books:read', 'books:write']
const PROJECTS = ['a', 'b', 'c', 'nowhere']
const reads = { scopes: ['books:read'] }
const writes = { scopes: ['books:write'] }
const RULES: readonly RuleDefinition[] = [
  { path: '/p/:project/read', require: reads },
  { path: '/p/:project/write', require: writes },
  { path: '/p/:project/keep', require: { roles: ['keeper'] } },
  { path: '/p/:project/public', require: { public: true } },
  { path: '/p/:project' },
  { path: '/all/read', require: reads },
  { path: '/all/write', require: writes },
  { path: '/any/read', require: { ...reads, project: 'any' } },
  { path: '/any/write', require: { ...writes, project: 'any' } },
  { path: '/any/keep', require: { roles: ['keeper'], project: 'any' } },
  { path: '/public', require: { public: true } },
]
const PATHS = [
  ...PROJECTS.flatMap((project) => ['', '/read', '/write', '/keep', '/public'].map((end) => `/p/${project}${end}`)),
  ...['/all/read', '/all/write', '/any/read', '/any/write', '/any/keep', '/public'],
]

type Given = { readonly scopes?: readonly string[]; readonly roles?: readonly string[]; readonly projects?: string[] }
/** What callers were given, by their name. */
const GIVEN: Readonly<Record<string, readonly Given[]>> = {
  everywhere: [{ scopes: ['books:read'] }],
  'reads-all-writes-a': [{ scopes: ['books:read'] }, { scopes: ['books:write'], projects: ['a'] }],
  'keeps-a-reads-b': [
    { roles: ['keeper'], projects: ['a'] },
    { scopes: ['books:read'], projects: ['b'] },
  ],
  overlapping: [
    { scopes: SCOPES, roles: ['keeper'], projects: ['a', 'b'] },
    { scopes: ['books:read'], projects: ['b', 'c'] },
  ],
  confined: [{ scopes: SCOPES, projects: ['a'] }],
}
/** What keys are narrowed to. */
const NARROWINGS = [
  {},
  { projects: ['a'] },
  { projects: ['a', 'b'] },
  { projects: ['nowhere'] },
  { scopes: ['books:read'] },
]

let stage: Stage
let guard: Guard
const keys: { readonly name: string; readonly key: string }[] = []
beforeAll(async () => {
  stage = await Stage.open()
  await stage.make('/clients', { id: 'api' })
  const { secret } = await withSecret(stage.test, 'api')
  const resource = { name: 'shelf', identifier: `https://${HOST}`, scopes: SCOPES, rules: RULES }
  await stage.make('/resources', { ...resource, hosts: [HOST], introspectors: ['api'] })
  for (const [id, permissions] of Object.entries(GIVEN)) {
    await stage.make('/clients', { id })
    for (const given of permissions) await stage.make('/permissions', { client: id, resource: 'shelf', ...given })
    for (const narrowing of NARROWINGS) {
      const { key } = await stage.newKey(id, { resources: ['shelf'], ...narrowing })
      keys.push({ name: `${id} ${JSON.stringify(narrowing)}`, key })
    }
  }
  const introspection = { clientId: 'api', clientSecret: secret }
  guard = protect({ resource, countersign: { issuer: PUBLIC_URL, introspection }, fetch: asking(stage) })
})
afterAll(() => stage.close())

/** Countersign itself, without sockets. */
function asking({ test: { app } }: Stage): ProtectFetch {
  return async (uri, init) => {
    const handler = app.publicRoutes.exact[uri.slice(PUBLIC_URL.length)]
    if (handler === undefined) throw new Error(`no route ${uri}`)
    return handler(new Request(uri, init), '127.0.0.1')
  }
}
const byGuard = (path: string, key: string) =>
  guard(new Request(`https://${HOST}${path}`, { headers: { authorization: `Bearer ${key}` } }))
const isLetIn = async (path: string, key: string) =>
  (await stage.ask('forward', { asks: { host: HOST, uri: path }, lines: [bearer(key)] })).status === 200

describe('by introspection, a guard', () => {
  test('lets in nobody whom Countersign refuses', async () => {
    const loose: string[] = []
    let both = 0
    for (const { name, key } of keys) {
      for (const path of PATHS) {
        if ((await byGuard(path, key)).outcome !== 'allow') continue
        if (await isLetIn(path, key)) both++
        else loose.push(`${name} at ${path}`)
      }
    }
    expect(loose).toEqual([])
    expect(both).toBeGreaterThan(100)
  })

  test('tells handlers of rights and projects that hold together', async () => {
    const untrue: string[] = []
    let told = 0
    for (const { name, key } of keys) {
      for (const path of PATHS) {
        const answer = await byGuard(path, key)
        if (answer.outcome !== 'allow') continue
        const { scopes, roles, projects, project } = answer
        const there = project === undefined ? (projects ?? PROJECTS) : [project]
        const rights = [
          ...[...scopes].map((scope) => scope.replace('books:', '')),
          ...(roles.has('keeper') ? ['keep'] : []),
        ]
        for (const [where, right] of there.flatMap((one) => rights.map((right) => [one, right] as const))) {
          told++
          if (!(await isLetIn(`/p/${where}/${right}`, key))) untrue.push(`${name} at ${path}: ${right} in ${where}`)
        }
      }
    }
    expect(untrue).toEqual([])
    expect(told).toBeGreaterThan(100)
  })

  test('lets in whoever has the same rights in all of their projects where Countersign does, but for public rules', async () => {
    const strict: string[] = []
    for (const { name, key } of keys.filter((one) => /^(everywhere|confined) /.test(one.name))) {
      for (const path of PATHS.filter((one) => !one.endsWith('public'))) {
        if ((await isLetIn(path, key)) && (await byGuard(path, key)).outcome !== 'allow')
          strict.push(`${name} at ${path}`)
      }
    }
    expect(strict).toEqual([])
  })
})
