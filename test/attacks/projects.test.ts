// A personal access token that is confined to projects, used on others: by host, by path, by header. Each time 403, and
// there the chain stops.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Stage } from './stage.ts'
import { type Asked, bearer, type Expected, type Line } from './vectors/vector.ts'

const OTHER: Expected = ['S403', 'project_not_granted']
const UNTOLD: Expected = ['S403', 'project_not_captured']
const NO_RULE: Expected = ['F403', 'rule_missing']
const MALFORMED: Expected = ['R400', 'target_malformed']
const AMBIGUOUS: Expected = ['R400', 'target_ambiguous']

const HUB = 'hub.example.com'
const reads = { scopes: ['repo:read'] }
const writes = { scopes: ['repo:write'] }
/** A captured project with a suffix, ones of several segments, and routes that name none. */
const RULES = [
  { methods: ['GET', 'HEAD'], path: '/git/:project.git/**', require: reads },
  { path: '/git/:project.git/**', require: writes },
  { path: '/api/projects', require: reads },
  { methods: ['GET'], path: '/api/search', require: { ...reads, project: 'any' } },
  { methods: ['POST'], path: '/api/search', require: { ...writes, project: 'any' } },
  { path: '/api/search', require: { scopes: ['repo:write', 'repo:admin'], project: 'any' } },
  { path: '/api/status', require: { public: true } },
  { path: '/groups/:project{1,4}/-/**', require: reads },
  { path: '/:project{1,4}.git/**', require: reads },
]
const resource = (name: string, hosts: string[]) => ({
  ...{ name, hosts, identifier: `https://${name}.example.com` },
  ...{ scopes: ['repo:read', 'repo:write', 'repo:admin'], rules: RULES },
})

let stage: Stage
/** Alice may everything at both; her tokens are confined. Carol's permissions are. */
const tokens: Record<string, string> = {}
beforeAll(async () => {
  stage = await Stage.open()
  await stage.make('/resources', resource('hub', [HUB, '*.hub.example.com']))
  await stage.make('/resources', resource('mirror', ['mirror.example.com']))
  await stage.make('/groups', { name: 'team' })
  for (const username of ['alice', 'carol']) await stage.make('/users', { username, groups: ['team'] })
  for (const name of ['hub', 'mirror']) {
    await stage.make('/permissions', { user: 'alice', resource: name, scopes: ['repo:*'] })
  }
  await stage.make('/permissions', { user: 'carol', resource: 'hub', scopes: ['repo:*'], projects: ['app', 'lib'] })

  const newToken = async (name: string, username: string, narrowing: object) => {
    tokens[name] = String((await stage.make(`/users/${username}/tokens`, narrowing)).token)
  }
  const confinedTo = (...projects: string[]) => ({ resources: ['hub'], projects })
  await newToken('full', 'alice', {})
  await newToken('app', 'alice', confinedTo('app'))
  await newToken('deep', 'alice', confinedTo('group/sub/project'))
  await newToken('both', 'alice', confinedTo('app', 'group/sub'))
  await newToken('carol', 'carol', {})
  await newToken('carolLib', 'carol', confinedTo('lib', 'other'))
})
afterAll(() => stage.close())

const asking = (token: string, asks: Partial<Asked>, lines: readonly Line[] = []) => ({
  asks: { host: HUB, ...asks },
  lines: [bearer(tokens[token] ?? ''), ...lines],
})
type Row = readonly [token: string, uri: string, expected: Expected]

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  'a capture with a suffix': [
    ['app', '/git/app.git/info/refs?service=git-upload-pack', 'OK'],
    ['app', '/git/app.git', 'OK'],
    ['app', '/git/app.git/', 'OK'],
    ['app', '/git/app%2Egit/info/refs', 'OK'],
    ['app', '/git/%61pp.git/info/refs', 'OK'],
    ['app', '/git/other.git/info/refs', OTHER],
    ['app', '/git/%6fther.git/info/refs', OTHER],
    ['app', '/git/other.git/info/refs?project=app&x=/git/app.git/', OTHER],
    ['app', '/git/other.git/git/app.git', OTHER],
    ['app', '/git/app.git.git/info/refs', OTHER],
    ['app', '/git/app2.git/info/refs', OTHER],
    ['app', '/git/ap.git/info/refs', OTHER],
    ['app', '/git/App.git/info/refs', OTHER],
    ['app', '/git/app%20.git/info/refs', OTHER],
    ['app', '/git/%EF%BD%81pp.git/info/refs', OTHER],
    ['app', '/git/app%CC%81.git/info/refs', OTHER],
    ['app', '/git/*.git/info/refs', OTHER],
    ['app', '/git/app%2Cother.git/info/refs', OTHER],
    ['app', '/git/none.git/info/refs', OTHER],
    ['app', '/git/app.GIT/info/refs', NO_RULE],
    ['app', '/git/app/info/refs', NO_RULE],
    ['app', '/git/app.gitx/info/refs', NO_RULE],
    ['app', '/GIT/app.git/info/refs', OTHER],
    ['app', '/git/.git/info/refs', NO_RULE],
    ['app', '/git/app.git/../other.git/info/refs', MALFORMED],
    ['app', '/git/app.git/%2e%2e/other.git/info/refs', MALFORMED],
    ['app', '/git/app.git/..%2fother.git/info/refs', MALFORMED],
    ['app', '/git/app.git/..;/other.git/info/refs', MALFORMED],
    ['app', '/git/app.git\\..\\other.git', MALFORMED],
    ['app', '/git/app.git/%5c../other.git', MALFORMED],
    ['app', '/git/app%252egit/info/refs', NO_RULE],
    ['app', '/git/app.git;/info/refs', AMBIGUOUS],
    ['app', '/git//app.git/info/refs', AMBIGUOUS],
    ['app', '//git/app.git/info/refs', AMBIGUOUS],
    ['app', '/git%2fapp.git/info/refs', AMBIGUOUS],
  ],
  'a capture of several segments': [
    ['deep', '/group/sub/project.git/info/refs', 'OK'],
    ['deep', '/group/sub/project.git', 'OK'],
    ['deep', '/groups/group/sub/project/-/tree/main', 'OK'],
    ['deep', '/group/sub/project/more.git/info/refs', OTHER],
    ['deep', '/more/group/sub/project.git/info/refs', OTHER],
    ['deep', '/sub/project.git/info/refs', OTHER],
    ['deep', '/project.git/info/refs', OTHER],
    ['deep', '/group/sub.git/info/refs', OTHER],
    ['deep', '/group/sub.git/project.git/info/refs', OTHER],
    ['deep', '/group/sub/Project.git/info/refs', OTHER],
    ['deep', '/groups/group/sub/-/project/-/tree', OTHER],
    ['deep', '/groups/other/-/group/sub/project/-/tree', OTHER],
    ['deep', '/a/b/group/sub/project.git/info/refs', NO_RULE],
    ['deep', '/group/sub/project/info/refs', NO_RULE],
    ['deep', '/group%2fsub%2fproject.git/info/refs', AMBIGUOUS],
    ['deep', '/group/sub%2Fproject.git/info/refs', AMBIGUOUS],
    ['deep', '/group//sub/project.git/info/refs', AMBIGUOUS],
    ['deep', '/group/./sub/project.git/info/refs', MALFORMED],
    ['deep', '/group/x/../sub/project.git/info/refs', MALFORMED],
    // Of two ways to read it the shorter is taken: what follows lies inside the first repository.
    ['both', '/group/sub.git/project.git/info/refs', 'OK'],
    ['both', '/group/sub/project.git/info/refs', OTHER],
    ['both', '/git/app.git/info/refs', 'OK'],
  ],
  'a route that names no project': [
    ['app', '/api/projects', UNTOLD],
    ['app', '/api/projects?project=app', UNTOLD],
    ['app', '/api/status', UNTOLD],
    ['app', '/api/search', 'OK'],
    ['full', '/api/projects', 'OK'],
    ['full', '/api/status', 'OK'],
    ['full', '/api/search', 'OK'],
    ['full', '/git/other.git/info/refs', 'OK'],
  ],
  'permissions that are confined': [
    ['carol', '/git/app.git/info/refs', 'OK'],
    ['carol', '/git/lib.git/info/refs', 'OK'],
    ['carol', '/git/other.git/info/refs', OTHER],
    ['carol', '/api/projects', UNTOLD],
    ['carol', '/api/search', 'OK'],
    ['carol', '/api/status', 'OK'],
    // Credential ∩ permission: neither what it names beyond its owner, nor what its owner has beyond it.
    ['carolLib', '/git/lib.git/info/refs', 'OK'],
    ['carolLib', '/git/app.git/info/refs', OTHER],
    ['carolLib', '/git/other.git/info/refs', OTHER],
  ],
}

describe.each(['forward', 'nginx'] as const)('at /verify/%s', (dialect) => {
  const asked = (expected: Expected, question: ReturnType<typeof asking>) => {
    const [kind, code] = expected === 'OK' ? (['OK', undefined] as const) : expected
    return stage.expect(kind, code, dialect, question)
  }

  for (const [what, rows] of Object.entries(ROWS)) {
    describe(what, () => {
      for (const [token, uri, expected] of rows) {
        test(`OPQ-16 the token ${token} at ${uri}: ${expected === 'OK' ? 'allowed' : expected[1]}`, async () => {
          await asked(expected, asking(token, { uri }))
        })
      }
    })
  }

  const OWN = '/git/app.git/info/refs'
  const FOREIGN = '/git/other.git/info/refs'
  const SPELLINGS: readonly Partial<Asked>[] = [
    { host: HUB.toUpperCase() },
    { host: `${HUB}.` },
    { host: `${HUB}:443` },
    { host: `${HUB}:80`, proto: 'http' },
    { host: 'app.hub.example.com' },
    { host: 'other.hub.example.com' },
  ]
  for (const asks of SPELLINGS) {
    test(`OPQ-16 the host is no way around: ${asks.proto ?? 'https'}://${asks.host}`, async () => {
      await asked('OK', asking('app', { ...asks, uri: OWN }))
      await asked(OTHER, asking('app', { ...asks, uri: FOREIGN }))
    })
  }

  test('OPQ-16 a project of the same name at another service is another project', async () => {
    await asked(['S403', 'resource_not_granted'], asking('app', { host: 'mirror.example.com', uri: OWN }))
    await asked('OK', asking('full', { host: 'mirror.example.com', uri: OWN }))
  })

  test('OPQ-16 two hosts in a list are none', async () => {
    const code = dialect === 'nginx' ? 'target_malformed' : 'request_malformed'
    await asked(['R400', code], asking('app', { host: `${HUB}, mirror.example.com`, uri: FOREIGN }))
  })

  const CLAIMS: readonly Line[] = [
    ['X-Project', 'app'],
    ['Remote-Project', 'app'],
    ['Remote_Project', 'app'],
    ['X-Forwarded-Prefix', '/git/app.git'],
    ['X-Forwarded-Path', '/git/app.git'],
    ['X-Rewrite-URL', '/git/app.git'],
    ['X-HTTP-Method-Override', 'OPTIONS'],
    ['Referer', '/git/app.git'],
    ['Cookie', 'project=app; session=of-somebody-who-may-everything'],
  ]
  for (const claim of CLAIMS) {
    test(`OPQ-16 a header of the caller is no way around: ${claim[0]}`, async () => {
      await asked(OTHER, asking('app', { uri: FOREIGN }, [claim]))
      await asked('OK', asking('app', { uri: OWN }, [claim]))
    })
  }

  test('OPQ-16 every method is held to the project', async () => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT']) {
      await asked('OK', asking('app', { uri: OWN, method }))
      await asked(OTHER, asking('app', { uri: FOREIGN, method }))
    }
  })

  test('OPQ-16 nothing is moved or copied into another project', async () => {
    for (const method of ['COPY', 'MOVE']) {
      const to = (destination: string): Line[] => [['Destination', `https://${HUB}${destination}`]]
      await asked('OK', asking('app', { uri: OWN, method }, to('/git/app.git/x')))
      await asked(OTHER, asking('app', { uri: OWN, method }, to(FOREIGN)))
      await asked(OTHER, asking('app', { uri: FOREIGN, method }, to(OWN)))
      await asked(UNTOLD, asking('app', { uri: OWN, method }, to('/api/projects')))
    }
  })

  test('OPQ-16 the service is told what the token is confined to, also where it has to look for itself', async () => {
    const projectsAt = async (token: string, uri: string) =>
      (await asked('OK', asking(token, { uri }))).headers.get('remote-project')
    expect(await projectsAt('app', OWN)).toBe('app')
    expect(await projectsAt('both', '/api/search')).toBe('app,group/sub')
    expect(await projectsAt('carol', '/api/search')).toBe('app,lib')
    expect(await projectsAt('carolLib', '/api/search')).toBe('lib')
    expect(await projectsAt('full', '/api/search')).toBe('*')
  })

  test('OPQ-16 a project that is there and one that is not are refused alike', async () => {
    const refusals = ['/git/lib.git/info/refs', '/git/of-nobody.git/info/refs'].map(async (uri) => {
      const { status, headers, body } = await asked(OTHER, asking('app', { uri }))
      return JSON.stringify([status, [...headers], body]).replaceAll(/dec_\w+/g, 'dec_')
    })
    const [first, second] = await Promise.all(refusals)
    expect(first).toBe(second ?? '')
    expect(first).not.toContain('app')
  })
})

test('OPQ-16 a permission that is confined anew, or taken away, shows on the next request', async () => {
  await stage.make('/users', { username: 'dave' })
  const give = async (projects: string[]) =>
    String((await stage.make('/permissions', { user: 'dave', resource: 'hub', scopes: ['repo:read'], projects })).id)
  const first = await give(['app'])
  tokens.dave = String((await stage.make('/users/dave/tokens', {})).token)
  const at = async (project: string, expected: Expected) => {
    const [kind, code] = expected === 'OK' ? (['OK', undefined] as const) : expected
    await stage.expect(kind, code, 'forward', asking('dave', { uri: `/git/${project}.git` }))
  }
  await at('app', 'OK')
  await at('lib', OTHER)
  const second = await give(['lib'])
  await stage.call('DELETE', `/permissions/${first}`)
  await at('app', OTHER)
  await at('lib', 'OK')
  await stage.call('DELETE', `/permissions/${second}`)
  await at('lib', ['S403', 'permission_missing'])
})

test('OPQ-16 scopes of one project do not hold in another', async () => {
  await stage.make('/users', { username: 'erin' })
  await stage.make('/permissions', { user: 'erin', resource: 'hub', scopes: ['repo:read'] })
  await stage.make('/permissions', { user: 'erin', resource: 'hub', scopes: ['repo:write'], projects: ['app'] })
  await stage.make('/permissions', { user: 'erin', resource: 'hub', scopes: ['repo:admin'], projects: ['lib'] })
  tokens.erin = String((await stage.make('/users/erin/tokens', {})).token)
  const post = (uri: string) => asking('erin', { uri, method: 'POST' })
  await stage.expect('OK', undefined, 'forward', post('/git/app.git/git-receive-pack'))
  await stage.expect('S403', 'scope_missing', 'forward', post('/git/lib.git/git-receive-pack'))
  await stage.expect('OK', undefined, 'forward', asking('erin', { uri: '/git/lib.git/info/refs' }))

  // Where the service looks for itself, it is told only of projects in which all that it is told holds.
  const told = async (method: string) => {
    const { headers } = await stage.expect('OK', undefined, 'forward', asking('erin', { uri: '/api/search', method }))
    return [headers.get('remote-project'), ...(headers.get('remote-scopes') ?? '').split(',').sort()]
  }
  expect(await told('GET')).toEqual(['*', 'repo:read'])
  expect(await told('POST')).toEqual(['app', 'repo:read', 'repo:write'])
  expect(await told('GET')).toEqual(['*', 'repo:read'])
  await stage.expect('S403', 'scope_missing', 'forward', asking('erin', { uri: '/api/search', method: 'DELETE' }))
})
