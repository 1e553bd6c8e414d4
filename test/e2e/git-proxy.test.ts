// An API without a proxy before it, with a full identity provider of a company.
import { afterAll, beforeAll, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { api } from '../../examples/git-proxy/api.ts'
import { ApiKeys } from '../../examples/git-proxy/api-keys.ts'
import { parseConfig } from '../../examples/git-proxy/config.ts'
import { listen } from '../../examples/git-proxy/listen.ts'
import { People } from '../../examples/git-proxy/people.ts'
import { whoCalls } from '../../examples/git-proxy/who-calls.ts'
import { type CompanyIdp, startCompanyIdp } from '../support/company-idp.ts'
import { ROOT } from '../support/guide.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const OPERATOR = 'a-key-from-the-environment-0123456789'
const CONFIG = readFileSync(join(ROOT, 'examples/git-proxy/git-proxy.yaml'), 'utf8')

describe('examples/git-proxy', () => {
  const teardown = new Teardown()
  let idp: CompanyIdp
  let alice: ConstructorParameters<typeof People>[0][number]
  let people: People
  let now: Date
  let log: string[]
  let answer: (request: Request) => Promise<Response>
  const started = (env: Record<string, string> = { GIT_PROXY_KEY: OPERATOR }, config = CONFIG) => {
    const keys = new ApiKeys()
    const clock = () => now
    const parsed = parseConfig(config.replace('https://idp.example.com', idp.issuer))
    return api({
      ...{ people, keys, publicOrigin: parsed.publicOrigin, now: clock },
      whoCalls: whoCalls({
        config: parsed,
        ...{ people, keys, env, now: clock, log: (line: string) => void log.push(line) },
      }),
    })
  }
  beforeAll(async () => {
    idp = await startCompanyIdp({
      machines: { deployer: ['git-admins'], dashboards: ['auditors', 'cafeteria'], kiosk: ['cafeteria', 'ADMIN'] },
      people: { alice: ['git-writers'] },
      resources: ['https://git.example.com', 'https://wiki.example.com'],
    })
    teardown.add(idp.stop)
    const passwordHash = await Bun.password.hash('correct horse')
    alice = { id: 'alice', name: 'Alice', email: 'alice@example.com', groups: ['git-writers'], passwordHash }
  }, PATIENCE_MS)
  afterAll(() => teardown.run())
  beforeEach(() => {
    people = new People([alice])
    now = new Date()
    log = []
    answer = started()
  })

  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
    answer(new Request(`https://git.example.com${path}`, { method, headers, ...(body !== undefined && { body }) }))
  const statusOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` })
  const may = async (headers: Record<string, string>) => {
    const asked = [
      ['GET', '/api/repos'],
      ['POST', '/api/repos'],
      ['GET', '/api/pushes'],
      ['POST', '/api/pushes/p1/approve'],
      ['GET', '/api/users'],
    ] as const
    return Promise.all(asked.map(([method, path]) => statusOf(method, path, headers)))
  }
  const signIn = async (password = 'correct horse') => {
    const answered = await ask('POST', '/login', {}, String(new URLSearchParams({ username: 'alice', password })))
    return { cookie: answered.headers.get('set-cookie')?.split(';')[0] ?? '' }
  }
  const newKey = async (body: object, headers?: Record<string, string>) => {
    const made = await ask('POST', '/api/me/keys', headers ?? (await signIn()), JSON.stringify(body))
    return { status: made.status, ...((await made.json().catch(() => ({}))) as { id: string; key: string }) }
  }

  test(
    'main.ts gives each caller what the README says, and ends by itself',
    async () => {
      const readme = readFileSync(join(ROOT, 'examples/git-proxy/README.md'), 'utf8')
      const [output] = /^\| +\| `GET \/`[\s\S]*\| somebody [^\n]*\|$/m.exec(readme) ?? ['no output']
      const done = await run([process.execPath, 'examples/git-proxy/main.ts'], {
        cwd: ROOT,
        env: { HOME: '/nonexistent' },
      })
      expect(done).toMatchObject({ exitCode: 0, stderr: '', stdout: `${output}\n` })
    },
    PATIENCE_MS,
  )

  test('machines of different groups may do what their roles may, and one without a mapped group nothing', async () => {
    expect(await may(bearer(await idp.machineToken('deployer')))).toEqual([200, 200, 200, 200, 200])
    expect(await may(bearer(await idp.machineToken('dashboards')))).toEqual([200, 403, 200, 403, 200])
    expect(await may(bearer(await idp.machineToken('kiosk')))).toEqual([403, 403, 403, 403, 403])
    expect(log.filter((line) => line.includes('permission_missing'))).toHaveLength(5)
  })

  test('a person is mapped by the same table, by a token as by the cookie of the login', async () => {
    const writer = [200, 403, 200, 200, 403]
    expect(await may(bearer(await idp.personToken('alice')))).toEqual(writer)
    expect(await may(await signIn())).toEqual(writer)
  })

  test('a token for another API of the company opens nothing here', async () => {
    const elsewhere = await idp.machineToken('deployer', 'https://wiki.example.com')
    expect(await statusOf('GET', '/api/repos', bearer(elsewhere))).toBe(401)
    expect(log).toEqual(['refused audience_refused GET /api/repos workload'])
  })

  test('the key of the environment works where there is no identity provider, and is off when unset', async () => {
    const alone = CONFIG.replace(/^issuers:\n( .*\n)+/m, '')
    answer = started({ GIT_PROXY_KEY: OPERATOR }, alone)
    expect(await may(bearer(OPERATOR))).toEqual([200, 200, 200, 200, 200])
    expect(await statusOf('GET', '/api/repos', bearer(await idp.machineToken('deployer')))).toBe(401)
    answer = started({}, alone)
    expect(await may(bearer(OPERATOR))).toEqual([401, 401, 401, 401, 401])
  })

  test.each(['', 'short'])('a key of the environment that is %p stops the start', (text) => {
    expect(() => started({ GIT_PROXY_KEY: text })).toThrow('GIT_PROXY_KEY')
  })

  test('a key of a user may what it says, what its owner may now, and no more than keys may', async () => {
    const { key } = await newKey({ scopes: ['pushes:read'] })
    expect(await may(bearer(key))).toEqual([403, 403, 200, 403, 403])
    const writing = await newKey({ scopes: ['pushes:read', 'pushes:write'] })
    expect(await may(bearer(writing.key))).toEqual([403, 403, 200, 200, 403])
    people.set({ ...alice, groups: ['git-readers'] })
    expect(await may(bearer(writing.key))).toEqual([403, 403, 200, 403, 403])
    people.set({ ...alice, groups: [] })
    expect(await may(bearer(writing.key))).toEqual([403, 403, 403, 403, 403])
  })

  test("an administrator's key that may only read does not bring along the role", async () => {
    people.set({ ...alice, groups: ['git-admins'] })
    const { key } = await newKey({ scopes: ['repos:read'] })
    expect(await may(bearer(key))).toEqual([200, 403, 403, 403, 403])
    expect(await newKey({ scopes: ['repos:write'] })).toMatchObject({ status: 400 })
  })

  test('a key ends by itself, when it is revoked, and when its owner is disabled; nobody is told which', async () => {
    const cookie = await signIn()
    const [ended, revoked, disabled] = [
      await newKey({ scopes: ['pushes:read'], expires_in_days: 1 }, cookie),
      await newKey({ scopes: ['pushes:read'] }, cookie),
      await newKey({ scopes: ['pushes:read'] }, cookie),
    ]
    expect(await statusOf('GET', '/api/pushes', bearer(revoked.key))).toBe(200)
    expect(await statusOf('DELETE', `/api/me/keys/${revoked.id}`, cookie)).toBe(204)
    now = new Date(now.getTime() + 86_400_000)
    const answers = [
      await ask('GET', '/api/pushes', bearer(ended.key)),
      await ask('GET', '/api/pushes', bearer(revoked.key)),
    ]
    people.set({ ...alice, disabled: true })
    answers.push(await ask('GET', '/api/pushes', bearer(disabled.key)))
    answers.push(await ask('GET', '/api/pushes', bearer('gitproxy_nobodys')))
    const said = answers.map(async (one) => [one.status, await one.text(), one.headers.get('www-authenticate')].join())
    expect(new Set(await Promise.all(said)).size).toBe(1)
    expect(log.map((line) => line.split(' ')[1])).toEqual([
      'credential_expired',
      'credential_revoked',
      'owner_disabled',
      'credential_unknown',
    ])
  })

  test('only who signed in makes keys: neither a key nor a machine does', async () => {
    const { key } = await newKey({ scopes: ['pushes:read'] })
    expect((await newKey({ scopes: ['pushes:read'] }, bearer(key))).status).toBe(403)
    expect((await newKey({ scopes: ['pushes:read'] }, bearer(await idp.machineToken('deployer')))).status).toBe(403)
    expect((await newKey({ scopes: ['pushes:read'] }, {})).status).toBe(401)
    expect((await newKey({ scopes: ['pushes:read'], expires_in_days: 400 })).status).toBe(400)
  })

  test('the dashboard keeps its login: its pages are for who signed in, and a machine opens none', async () => {
    const away = await ask('GET', '/')
    expect([away.status, away.headers.get('location')]).toEqual([303, '/login'])
    expect(await statusOf('GET', '/login')).toBe(200)
    expect((await signIn('wrong')).cookie).toBe('')
    const page = await ask('GET', '/', await signIn())
    expect([page.status, await page.text()]).toEqual([200, 'Hello, Alice.\n'])
    const machine = await ask('GET', '/', bearer(await idp.machineToken('deployer')))
    expect([machine.status, machine.headers.get('set-cookie')]).toEqual([403, null])
  })

  test('a bad credential beside a good cookie is refused, and never falls back to it', async () => {
    const cookie = await signIn()
    for (const authorization of ['Bearer expired', 'Bearer', `Bearer ${OPERATOR}x`, 'Bearer a.b.c', 'Basic !']) {
      expect([400, 401]).toContain(await statusOf('GET', '/api/repos', { ...cookie, authorization }))
    }
  })

  const elsewhere: [from: string, headers: Record<string, string>][] = [
    ['another site', { origin: 'https://evil.example.com' }],
    ['another site, as a browser says it', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour under the same domain', { 'sec-fetch-site': 'same-site' }],
    ['a frame without an origin', { origin: 'null' }],
    ['the same host without TLS', { origin: 'http://git.example.com' }],
    ['another port', { origin: 'https://git.example.com:8443' }],
  ]
  const here: [from: string, headers: Record<string, string>][] = [
    ['its own pages', { origin: 'https://git.example.com', 'sec-fetch-site': 'same-origin' }],
    ['what is no browser', {}],
  ]
  describe.each(['https://git.example.com', 'http://git.example.com', 'http://10.0.0.7:8080'])(
    'as it sees %s',
    (url) => {
      const send = (path: string, headers: Record<string, string>, body?: string) =>
        answer(new Request(`${url}${path}`, { method: 'POST', headers, ...(body !== undefined && { body }) }))
      const form = () => String(new URLSearchParams({ username: 'alice', password: 'correct horse' }))

      test.each(elsewhere)('a write with its cookie from %s is refused, and so is a login', async (_, headers) => {
        expect((await send('/api/pushes/p1/approve', { ...(await signIn()), ...headers })).status).toBe(401)
        const login = await send('/login', headers, form())
        expect([login.status, login.headers.get('set-cookie')]).toEqual([403, null])
      })

      test.each(here)('a write with its cookie from %s is done, and so is a login', async (_, headers) => {
        expect((await send('/api/pushes/p1/approve', { ...(await signIn()), ...headers })).status).toBe(200)
        const login = await send('/login', headers, form())
        expect([login.status, login.headers.get('set-cookie')]).toEqual([303, expect.stringMatching(/^session=/)])
      })
    },
  )

  test('a link on another site leads to the dashboard', async () => {
    expect(await statusOf('GET', '/', { ...(await signIn()), 'sec-fetch-site': 'cross-site' })).toBe(200)
  })

  test('a login costs one password hash of the same strength, whether there is such a person or not', async () => {
    people.set({ ...alice, id: 'bob', disabled: true })
    const verify = spyOn(Bun.password, 'verify')
    try {
      const answers = []
      for (const [username, password] of [
        ...[
          ['alice', 'wrong'],
          ['nobody', 'wrong'],
          ['nobody', ''],
          ['bob', 'correct horse'],
        ],
      ] as [string, string][]) {
        const answered = await ask('POST', '/login', {}, String(new URLSearchParams({ username, password })))
        answers.push([answered.status, await answered.text()].join(' '))
      }
      expect(new Set(answers)).toEqual(new Set(['403 That is not your password.\n']))
      const strengths = verify.mock.calls.map(([, hash]) => String(hash).split('$').slice(0, 4).join('$'))
      expect(strengths).toEqual(Array(4).fill(alice.passwordHash.split('$').slice(0, 4).join('$')))
    } finally {
      verify.mockRestore()
    }
  })

  test.each(['null', '[]', '"x"', '7', '{', ''])(
    'a key that is asked for by %p is a problem of the caller',
    async (body) => {
      const answered = await ask('POST', '/api/me/keys', await signIn(), body)
      expect([answered.status, answered.headers.get('content-type')]).toEqual([400, 'application/problem+json'])
      expect(await answered.json()).toMatchObject({ title: 'Bad Request', status: 400, detail: expect.any(String) })
    },
  )

  test.each([{}, { scopes: [] }, { scopes: 'pushes:read' }, { scopes: [null] }, { scopes: ['users:write'] }])(
    'and so is %j',
    async (body) => {
      const answered = await ask('POST', '/api/me/keys', await signIn(), JSON.stringify(body))
      expect([answered.status, ((await answered.json()) as { detail: string }).detail]).toEqual([
        ...[400, 'Expected scopes, of repos:read, pushes:read, pushes:write.'],
      ])
    },
  )

  test('a fault of its own is told to the log, and to the caller nothing but 500', async () => {
    const broken = async () => {
      throw new Error('the database is at 10.0.0.9')
    }
    const server = listen(broken, { hostname: '127.0.0.1', port: 0, log: (line) => void log.push(line) })
    try {
      const answered = await fetch(server.url, { headers: { accept: 'text/html' } })
      expect([answered.status, await answered.text()]).toEqual([500, ''])
      expect(log.join()).toContain('the database is at 10.0.0.9')
    } finally {
      await server.stop(true)
    }
  })

  test('while the identity provider cannot be reached a token is 503, and the key of the environment still works', async () => {
    const token = await idp.machineToken('deployer')
    answer = started({ GIT_PROXY_KEY: OPERATOR }, CONFIG.replace('https://idp.example.com', 'http://127.0.0.1:9'))
    const elsewhere = token.split('.')
    const claims = JSON.parse(Buffer.from(elsewhere[1] ?? '', 'base64url').toString())
    const moved = Buffer.from(JSON.stringify({ ...claims, iss: 'http://127.0.0.1:9' })).toString('base64url')
    expect(await statusOf('GET', '/api/repos', bearer([elsewhere[0], moved, elsewhere[2]].join('.')))).toBe(503)
    await until('the refusal and the fault', () => log.length > 1)
    expect(log.sort()).toEqual([
      expect.stringMatching(/^fault of issuer corp began it could not be asked/),
      'refused keys_unavailable GET /api/repos nobody',
    ])
    expect(await statusOf('GET', '/api/repos', bearer(OPERATOR))).toBe(200)
  })
})
