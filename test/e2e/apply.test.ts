// Declared files, applied by the command line to the real app: what they make, what they leave alone, where they stop.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { type Ran, ran, type World } from '../../packages/cli/src/testing/test-terminal.ts'
import { MANAGEMENT_SCOPES } from '../../packages/server/src/domain/management.ts'
import { BOOTSTRAP_KEY, startApp, type TestApp } from '../support/app.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const FORGE = `
name: platform
groups:
  - { name: developers, description: Whoever writes code }
resources:
  - name: forge
    identifier: https://forge.example.com
    hosts: [forge.example.com]
    scopes: [repo:read, repo:write]
    rules:
      - { methods: [GET], path: /**, require: { scopes: [repo:read] } }
      - { path: /**, require: { scopes: [repo:write] } }
clients:
  - { id: ci, groups: [developers] }
users:
  - { username: alice, email: alice@example.com, groups: [developers], password_file: secrets/alice }
permissions:
  - { group: developers, resource: forge, scopes: [repo:read, repo:write] }
`
const PASSWORD = 'correct horse battery staple'

let app: TestApp
let calls: string[]
let listener: ReturnType<typeof Bun.serve>

const open = async () => {
  app = await startApp()
  calls = []
  listener = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => {
      if (request.method !== 'GET') calls.push(`${request.method} ${new URL(request.url).pathname.slice(7)}`)
      return app.app.publicRoutes.fallback(request, '127.0.0.1')
    },
  })
}
const shut = async () => {
  await listener.stop(true)
  await app.close()
}

/** Runs `apply` on this file, and notes the calls that change something. */
async function apply(yaml: string, options = '', world: World = {}): Promise<Ran> {
  calls = []
  const env = { COUNTERSIGN_SERVER: `http://127.0.0.1:${listener.port}`, COUNTERSIGN_KEY: BOOTSTRAP_KEY, ...world.env }
  const files = { 'etc/f.yaml': yaml, [`${process.cwd()}/etc/secrets/alice`]: `${PASSWORD}\n`, ...world.files }
  return ran(`apply -f etc/f.yaml ${options}`.trim(), { ...world, env, files })
}
async function get(path: string) {
  const { status, body } = await app.api('GET', `/api/v1${path}`)
  return status === 200 ? body : undefined
}
async function hand(method: string, path: string, body?: unknown) {
  const answer = await app.api(method, `/api/v1${path}`, body)
  expect(answer.status).toBeLessThan(300)
  return answer.body
}
const permissions = async () => ((await get('/permissions?resource=forge'))?.items ?? []) as Record<string, unknown>[]

describe('a declared file', () => {
  beforeEach(open)
  afterEach(shut)

  test('is made, and applied again it changes nothing', async () => {
    const first = await apply(FORGE)
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toEndWith('Done: 5 made.\n')
    expect(calls).toEqual(['POST /groups', 'POST /resources', 'POST /clients', 'POST /users', 'POST /permissions'])
    expect(await get('/users/alice')).toMatchObject({ managed_by: 'platform', has_password: true, roles: ['user'] })
    expect(await get('/clients/ci')).toMatchObject({ managed_by: 'platform', groups: ['developers'] })
    expect(await permissions()).toMatchObject([{ group: 'developers', managed_by: 'platform' }])

    const again = await apply(FORGE)
    expect(again).toEqual({ code: 0, out: 'Nothing to do; 5 things are as declared.\n', err: '' })
    expect(calls).toEqual([])
  })

  test('says nothing of a password, and sets it only once', async () => {
    const { out, err } = await apply(FORGE, '--json')
    expect(out + err).not.toContain('horse')
    await hand('PATCH', '/users/alice', { password: null })
    const again = await apply(FORGE.replace('secrets/alice', 'secrets/gone'))
    expect([again.out, calls]).toEqual(['Nothing to do; 5 things are as declared.\n', []])
    expect(await get('/users/alice')).toMatchObject({ has_password: false })
  })

  test('is shown and not applied by a dry run, whose check fails where there is something to do', async () => {
    const dry = await apply(FORGE, '--dry-run')
    expect(dry).toMatchObject({ code: 0, err: '' })
    expect(dry.out).toContain('+ permission group developers at forge: repo:read, repo:write\nTo do: 5 to make.\n')
    expect((await apply(FORGE, '--check')).code).toBe(1)
    expect([await get('/groups/developers'), calls]).toEqual([undefined, []])
    await apply(FORGE)
    expect((await apply(FORGE, '--check')).code).toBe(0)
  })

  test('declares how clients get tokens, which tokens, and who may ask about them', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x, y } = publicKey.export({ format: 'jwk' })
    const usage = (ttl: number) => `
name: usage
resources:
  - name: usage-api
    identifier: https://usage.example.com
    scopes: [account:usage:read]
    rules: [{ path: /**, require: { scopes: [account:usage:read] } }]
    access_token: { format: opaque, ttl_seconds: ${ttl} }
    introspectors: [usage-api]
clients:
  - id: usage-api
    grants: []
    token_endpoint_auth_methods: [client_secret_basic]
  - id: billing
    token_endpoint_auth_methods: [private_key_jwt]
    jwks: { keys: [{ kty: EC, crv: P-256, x: ${x}, y: ${y}, kid: one, alg: ES256 }] }
    default_resource: usage-api
    access_token_ttl_seconds: 120
    listener: internal
    networks: [10.0.0.0/8]
  - { id: reports, token_endpoint_auth_methods: [private_key_jwt], jwks_uri: https://reports.example.com/jwks }
permissions:
  - { client: billing, resource: usage-api, scopes: [account:usage:read] }
`
    expect((await apply(usage(300))).code).toBe(0)
    expect(calls.slice(0, 2)).toEqual(['POST /clients', 'POST /resources'])
    const access_token = { format: 'opaque', ttl_seconds: 300 }
    expect(await get('/resources/usage-api')).toMatchObject({ access_token, introspectors: ['usage-api'] })
    expect(await get('/clients/billing')).toMatchObject({
      ...{ token_endpoint_auth_methods: ['private_key_jwt'], jwks: { keys: [{ x, y, kid: 'one' }] } },
      ...{ default_resource: 'usage-api', access_token_ttl_seconds: 120, listener: 'internal' },
    })
    expect(await get('/clients/reports')).toMatchObject({ jwks_uri: 'https://reports.example.com/jwks' })
    expect(await apply(usage(300))).toMatchObject({ out: 'Nothing to do; 5 things are as declared.\n' })

    await hand('PATCH', '/clients/billing', { jwks: null, jwks_uri: 'https://elsewhere.example.com/jwks' })
    const { out } = await apply(usage(60))
    expect(out).toContain('jwks_uri: https://elsewhere.example.com/jwks → none')
    expect(calls).toEqual(['PATCH /resources/usage-api', 'PATCH /clients/billing'])
    expect(await get('/clients/billing')).toMatchObject({ jwks: { keys: [{ x, y }] }, jwks_uri: null })
    expect(await get('/resources/usage-api')).toMatchObject({ access_token: { format: 'opaque', ttl_seconds: 60 } })
  })

  test('leaves the default resource of a client to its first permission', async () => {
    const file = `${FORGE}  - { client: ci, resource: forge, scopes: [repo:read] }\n`
    await apply(file)
    expect(await get('/clients/ci')).toMatchObject({ default_resource: 'forge' })
    expect((await apply(file)).out).toBe('Nothing to do; 6 things are as declared.\n')
  })

  test('puts right what was changed by hand, in those fields alone', async () => {
    await apply(FORGE)
    await hand('PATCH', '/users/alice', { email: 'al@example.com', name: 'Al' })
    await hand('PATCH', '/resources/forge', { rules: [], preflight: 'pass' })
    const { out } = await apply(FORGE)
    expect(out).toContain('~ user alice\n    email: al@example.com → alice@example.com\n    name: Al → alice\n')
    expect(out).toContain('      + GET /**  scopes repo:read\n')
    expect(calls).toEqual(['PATCH /resources/forge', 'PATCH /users/alice'])
    expect(await apply(FORGE)).toMatchObject({ out: 'Nothing to do; 5 things are as declared.\n' })
  })

  test('lets nobody in again whom somebody shut out by hand, unless it says so', async () => {
    await apply(FORGE)
    await hand('PATCH', '/users/alice', { disabled: true })
    expect((await apply(FORGE)).out).toBe('Nothing to do; 5 things are as declared.\n')
    expect(await get('/users/alice')).toMatchObject({ disabled: true })
    const { out } = await apply(FORGE.replace('{ username: alice', '{ username: alice, disabled: false'))
    expect(out).toContain('~ user alice\n    disabled: true → false\n')
  })

  test('takes a right that it no longer says, after it gave what it says now', async () => {
    await apply(FORGE)
    await apply(FORGE.replace('scopes: [repo:read, repo:write] }\n', 'scopes: [repo:read] }\n'))
    expect(calls.map((call) => call.split('/perm_')[0])).toEqual(['POST /permissions', 'DELETE /permissions'])
    expect(await permissions()).toMatchObject([{ scopes: ['repo:read'] }])
  })

  test('deletes only by pruning, and only what it made', async () => {
    await apply(FORGE)
    await hand('POST', '/users', { username: 'bob', groups: ['developers'] })
    const kept = await apply('name: platform')
    expect(kept.out).toStartWith('Nothing to do')
    expect(kept.err).toContain('--prune deletes:\n')
    expect(await get('/users/alice')).toBeDefined()

    const refused = await apply('name: platform', '--prune', { answer: 'n' })
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('5 things that are no longer declared will be deleted')
    expect(calls).toEqual([])

    expect((await apply('name: platform', '--prune', { answer: 'y' })).code).toBe(0)
    expect([await get('/users/alice'), await get('/resources/forge'), await permissions()]).toEqual([
      undefined,
      undefined,
      [],
    ])
    expect(await get('/users/bob')).toMatchObject({ groups: [] })
  })

  test('gives a resource another name, with its hosts, where it may prune', async () => {
    await apply(FORGE)
    const renamed = FORGE.replace('name: forge', 'name: smithy').replace('resource: forge', 'resource: smithy')
    const stopped = await apply(renamed)
    expect([stopped.code, calls]).toEqual([1, ['POST /resources']])
    expect(stopped.err).toContain('resource smithy, resources[0] (line 6): The name is taken.')
    expect((await apply(renamed, '--prune')).out).toEndWith('Done: 2 made, 2 deleted; 3 things are as declared.\n')
    expect(await get('/resources/smithy')).toMatchObject({ hosts: ['forge.example.com'] })
    expect((await apply(renamed, '--prune')).out).toStartWith('Nothing to do')
  })

  test('stops at what was made elsewhere, until it is told to adopt it', async () => {
    await hand('POST', '/groups', { name: 'developers' })
    await hand('POST', '/clients', { id: 'ci' })
    const stopped = await apply(FORGE)
    expect(stopped.code).toBe(2)
    expect(stopped.err).toContain('groups[0] (line 4): group developers is there already, made by hand')
    expect(stopped.err).toContain('clients[0] (line 14): client ci is there already')
    expect(calls).toEqual([])

    expect((await apply(`${FORGE}adopt: true\n`)).code).toBe(0)
    expect(await get('/clients/ci')).toMatchObject({ managed_by: 'platform', groups: ['developers'] })
    expect((await apply(FORGE)).out).toStartWith('Nothing to do')
  })

  test('leaves alone what a file of another name made', async () => {
    await apply(FORGE)
    const other = 'name: other\ngroups: [{ name: readers }]'
    await apply(other, '--prune')
    expect(await get('/groups/developers')).toBeDefined()
    expect((await apply(FORGE, '--prune')).out).toStartWith('Nothing to do')
  })

  test('that is broken, or whose secret is not there, changes nothing', async () => {
    const broken = await apply(FORGE.replace('alice@example.com', 'alice'))
    expect(broken.code).toBe(2)
    expect(broken.err).toContain('users[0].email (line 16): expected an e-mail address')
    const bare = await apply(FORGE.replace('secrets/alice', 'secrets/gone'))
    expect(bare.code).toBe(2)
    expect(bare.err).toContain('users[0].password_file (line 16): the file cannot be read')
    expect(calls).toEqual([])
  })

  test('takes a password from a variable too, and never one that the server would refuse', async () => {
    const file = FORGE.replace('password_file: secrets/alice', 'password_env: ALICE')
    expect((await apply(file)).err).toContain('users[0].password_env (line 16): the variable is not set')
    const short = await apply(file, '', { env: { ALICE: 'shorty' } })
    expect(short.err).toContain('what it holds is no password: expected 8 to 256 characters')
    expect([short.err.includes('shorty'), calls]).toEqual([false, []])
    await apply(file, '', { env: { ALICE: PASSWORD } })
    expect(await get('/users/alice')).toMatchObject({ has_password: true })
  })

  test('comes from stdin as well', async () => {
    const env = { COUNTERSIGN_SERVER: `http://127.0.0.1:${listener.port}`, COUNTERSIGN_KEY: BOOTSTRAP_KEY }
    expect((await ran('apply -f -', { env, stdin: 'groups: [{ name: media }]' })).out).toEndWith('Done: 1 made.\n')
    expect((await ran('apply -f gone.yaml', { env })).err).toContain('The file gone.yaml cannot be read.')
  })

  test('with a scope that its resource does not declare is told so before anything is done', async () => {
    const stopped = await apply(FORGE.replace('scopes: [repo:read, repo:write] }\n', 'scopes: [repo:admin] }\n'))
    expect(stopped).toMatchObject({ code: 2, out: '' })
    expect(stopped.err).toContain(
      'permissions[0].scopes[0] (line 18): is no scope of forge; it declares repo:read, repo:write',
    )
    expect(calls).toEqual([])
  })

  test('stopped half way by the server says where, and goes on from there', async () => {
    await hand('POST', '/users', { username: 'alicia' })
    await hand('DELETE', '/users/alicia')
    // Whoever may read the events is told before anything is done.
    const told = await apply(FORGE.replace('username: alice,', 'username: alicia,'))
    expect([told.code, told.err]).toEqual([
      2,
      expect.stringContaining('user alicia was deleted, and its name is never'),
    ])
    expect((await apply(FORGE, '--check')).code).toBe(1)
    const scopes = MANAGEMENT_SCOPES.filter((scope) => scope !== 'audit-events:read')
    await hand('POST', '/clients', { id: 'deployer' })
    await hand('POST', '/permissions', { client: 'deployer', resource: 'countersign', scopes })
    const { key } = await hand('POST', '/clients/deployer/keys', { resources: ['countersign'] })
    const env = { COUNTERSIGN_KEY: String(key) }
    const stopped = await apply(FORGE.replace('username: alice,', 'username: alicia,'), '', { env })
    expect(stopped.code).toBe(1)
    expect(stopped.err).toStartWith('Stopped: 3 of 5 steps were done, the others were not. Run it again to go on.\n')
    expect(stopped.err).toContain('A user alicia was deleted; choose another name. (409 id_retired)')
    expect((await apply(FORGE)).out).toEndWith('Done: 2 made; 3 things are as declared.\n')
  })

  test('tells a program its steps, and how many of them were done', async () => {
    const dry = JSON.parse((await apply(FORGE, '--dry-run --json')).out)
    expect(dry).toMatchObject({ done: 0, unchanged: 0, undeclared: [] })
    expect(dry.steps[0]).toEqual({
      ...{ action: 'create', noun: 'group', name: 'developers', path: 'groups[0]' },
      body: { name: 'developers', description: 'Whoever writes code', managed_by: 'platform' },
    })
    expect(JSON.parse((await apply(FORGE, '--json')).out)).toMatchObject({ done: 5, steps: { length: 5 } })
  })

  test('shows what looks like a mistake in the rules of a resource', async () => {
    const lax = FORGE.replace('- { path: /**, require: { scopes: [repo:write] } }', '- { path: /** }')
    expect((await apply(lax)).err).toContain('resource forge: rules[0] asks more than rules[1]')
  })

  test('is refused to whoever may not read what is there', async () => {
    await apply(FORGE)
    const { key } = await hand('POST', '/clients/ci/keys', {})
    const { code, err } = await apply(FORGE, '', { env: { COUNTERSIGN_KEY: String(key) } })
    expect(code).toBe(5)
    expect(err).toContain('resource_not_granted')
    expect(calls).toEqual([])
  })
})

describe('a thousand users in one file', () => {
  beforeAll(open)
  afterAll(shut)
  const users = Array.from({ length: 1000 }, (_, n) => `  - { username: user-${n}, groups: [crew] }\n`)

  test(
    'are made, counted on the way, found again page by page, and pruned',
    async () => {
      const file = `groups: [{ name: crew }]\nusers:\n${users.join('')}`
      const made = await apply(file, '', { answer: 'y' })
      expect(made).toMatchObject({ code: 0 })
      expect(made.err).toMatch(/\d+ of 1001: user user-\d+/)
      expect(made.err).toEndWith('\r\x1b[K')
      expect((await apply(file)).out).toBe('Nothing to do; 1001 things are as declared.\n')
      expect((await apply(`groups: [{ name: crew }]\nusers:\n${users.slice(0, 900).join('')}`, '--prune')).code).toBe(0)
      expect(calls).toHaveLength(100)
    },
    PATIENCE_MS,
  )
})
