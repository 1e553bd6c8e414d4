// Story 4. An internal service reads what accounts used, with short-lived tokens and no account of its own. One test per
// statement.

import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AccessTokenOptions, accessTokenVerifier } from '@countersign/resource-server'
import {
  type Answer,
  basicOf,
  PUBLIC_URL,
  type Question,
  startApp,
  type TestApp,
  tokenFor,
  withSecret,
} from '../support/app.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const READ = 'account:usage:read'
const USAGE = {
  name: 'usage',
  identifier: 'https://usage.example.com',
  hosts: ['usage.example.com'],
  scopes: [READ, 'account:usage:write'],
  rules: [
    { methods: ['GET'], path: '/api/internal/accounts/:project/usage', require: { scopes: [READ] } },
    { methods: ['GET'], path: '/api/accounts/mine', require: { principals: ['user'], scopes: [READ], project: 'any' } },
    { methods: ['DELETE'], path: '/api/internal/accounts/:project/usage', require: { listener: 'internal' } },
    { methods: ['GET'], path: '/api/internal/report', require: { scopes: [READ], networks: ['10.0.0.0/8'] } },
  ],
}

/** What each service may: one in every account, one in two of them. */
const PERMISSIONS = { billing: { scopes: [READ] }, 'acme-portal': { scopes: [READ], projects: ['acme', 'apex'] } }

async function openUsage(env: Readonly<Record<string, string>> = {}): Promise<TestApp> {
  const app = await startApp(env)
  const make = async (path: string, body: object) => {
    const answer = await app.api('POST', `/api/v1${path}`, body)
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }
  await make('/resources', USAGE)
  for (const [id, given] of Object.entries(PERMISSIONS)) {
    await make('/clients', { id })
    await make('/permissions', { client: id, resource: 'usage', ...given })
  }
  return app
}

const usageOf = (account: string): Question => ({
  host: 'usage.example.com',
  uri: `/api/internal/accounts/${account}/usage`,
})
const shown = (question: Question, token: string): Question => ({
  ...question,
  headers: { authorization: `Bearer ${token}` },
})
const codeOf = async (app: TestApp, answer: Response | Answer) => {
  const { body } = await app.api('GET', `/api/v1/decisions/${answer.headers.get('countersign-decision')}`)
  return body.code
}

describe('service tokens: a service of ours calls another', () => {
  let app: TestApp
  let billing: Readonly<Record<string, string>>
  beforeAll(async () => {
    app = await openUsage()
    billing = (await withSecret(app, 'billing')).headers
  })
  afterAll(() => app.close())

  test('a token lives ten minutes, or shorter where resource or client say so, whatever its form', async () => {
    for (const format of ['jwt', 'opaque']) {
      await app.api('PATCH', '/api/v1/resources/usage', { access_token: { format } })
      const answer = await app.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers: billing })
      expect(answer.body).toMatchObject({ token_type: 'Bearer', expires_in: 600 })
      const token = String(answer.body.access_token)
      expect((await app.ask(shown(usageOf('acme'), token))).status).toBe(200)
      app.clock.advance(599_000)
      expect((await app.ask(shown(usageOf('acme'), token))).status).toBe(200)
      app.clock.advance(1000)
      const late = await app.ask(shown(usageOf('acme'), token))
      expect([late.status, await codeOf(app, late)]).toEqual([401, 'credential_expired'])
    }
    await app.api('PATCH', '/api/v1/resources/usage', { access_token: { format: 'jwt' } })
    await app.api('PATCH', '/api/v1/clients/billing', { access_token_ttl_seconds: 60 })
    const answer = await app.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers: billing })
    expect(answer.body.expires_in).toBe(60)
    await app.api('PATCH', '/api/v1/clients/billing', { access_token_ttl_seconds: null })
  })

  test('one secret of one service reaches every account, and no credential of a customer is stored', async () => {
    const token = await tokenFor(app, billing)
    for (const account of ['acme', 'boreas', 'cirrus']) {
      const answer = await app.ask(shown(usageOf(account), token))
      expect([answer.status, answer.headers.get('remote-project')]).toEqual([200, '*'])
    }
    const { body } = await app.api('GET', '/api/v1/credentials')
    const kept = (body.items as { owner: object; kind: string }[]).filter(({ kind }) => kind !== 'at')
    expect(kept.map(({ owner, kind }) => [owner, kind])).toEqual([[{ kind: 'client', id: 'billing' }, 'secret']])
  })

  test('a client is a principal of its own kind: the service is told so, and of no account', async () => {
    const answer = await app.ask(shown(usageOf('acme'), await tokenFor(app, billing)))
    const told = ['user', 'principal', 'client', 'groups'].map((name) => answer.headers.get(`remote-${name}`))
    expect(told).toEqual(['client:billing', 'client', 'billing', 'clients'])
    const [, claims = ''] = (answer.headers.get('countersign-assertion') ?? '').split('.')
    const assertion = JSON.parse(Buffer.from(claims, 'base64url').toString())
    expect(assertion).toMatchObject({ sub: 'client:billing', principal: 'client', client_id: 'billing' })
    expect(Object.keys(assertion)).not.toContain('email')
  })

  test('what needs an account answers a service 403, at one place', async () => {
    const answer = await app.ask(
      shown({ host: 'usage.example.com', uri: '/api/accounts/mine' }, await tokenFor(app, billing)),
    )
    expect([answer.status, await codeOf(app, answer)]).toEqual([403, 'principal_kind_refused'])
    expect(answer.headers.get('www-authenticate')).toBeNull()
  })

  test('who it is comes from what it showed: one look-up, and none by the id that was sent', async () => {
    const { secret } = await withSecret(app, 'billing')
    const lookUps = spyOn(app.app.edge.verify.directory, 'client')
    const owners = spyOn(app.app.edge.verify.directory, 'owner')
    try {
      const ask = (headers: Readonly<Record<string, string>>) =>
        app.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers })
      expect((await ask(basicOf('billing', secret))).status).toBe(200)
      expect(lookUps.mock.calls).toEqual([['billing']])

      const refused = await ask(basicOf('acme-portal', secret))
      expect([refused.status, refused.body.error]).toEqual([401, 'invalid_client'])
      expect([lookUps.mock.calls, owners.mock.calls].flat(2).map((one) => JSON.stringify(one))).not.toContainEqual(
        expect.stringContaining('acme-portal'),
      )
      expect(await codeOf(app, refused)).toBe('client_mismatch')
    } finally {
      lookUps.mockRestore()
      owners.mockRestore()
    }
  })

  test('no client can be called what would be taken for somebody else', async () => {
    const make = (id: string) => app.api('POST', '/api/v1/clients', { id })
    for (const id of ['bootstrap', 'anonymous', 'countersign', 'countersign-admin', 'users', 'clients', 'workloads']) {
      expect([id, (await make(id)).status]).toEqual([id, 400])
    }
    for (const id of ['none', 'client:billing', 'Billing', 'billing ', '*', ''])
      expect((await make(id)).status).toBe(400)
    expect((await make('billing')).status).toBe(409)
  })

  test('an id that was deleted comes to mean nobody else', async () => {
    await app.api('POST', '/api/v1/clients', { id: 'retired' })
    expect((await app.api('DELETE', '/api/v1/clients/retired')).status).toBe(204)
    const again = await app.api('POST', '/api/v1/clients', { id: 'retired' })
    expect([again.status, again.body.code]).toEqual([409, 'id_retired'])
  })

  test('a scope names resource and action, and none says «of any account»', async () => {
    const declare = (scope: string) => app.api('PATCH', '/api/v1/resources/usage', { scopes: [...USAGE.scopes, scope] })
    for (const scope of ['account:usage:any', 'account:any:read', 'any:read', 'usage']) {
      expect([scope, (await declare(scope)).status]).toEqual([scope, 400])
    }
    const refused = await app.oauth(
      '/oauth/token',
      { grant_type: 'client_credentials', scope: 'account:any:read' },
      { headers: billing },
    )
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_scope'])
  })

  test('the accounts come from the permission: elsewhere 403, and the service is told which they are', async () => {
    const { headers } = await withSecret(app, 'acme-portal')
    const token = await tokenFor(app, headers)
    const inside = await app.ask(shown(usageOf('apex'), token))
    expect([inside.status, inside.headers.get('remote-project')]).toEqual([200, 'acme,apex'])
    const outside = await app.ask(shown(usageOf('boreas'), token))
    expect([outside.status, await codeOf(app, outside)]).toEqual([403, 'project_not_granted'])
  })

  test('the accounts stand in a JWT too, so that an API which asks nobody keeps to them', async () => {
    const jwks = await app.app.publicRoutes.exact['/.well-known/jwks.json']?.(new Request(PUBLIC_URL), null)
    const keys = (await jwks?.json()) as NonNullable<AccessTokenOptions['keys']>
    const whoCalls = accessTokenVerifier({
      issuer: PUBLIC_URL,
      resource: USAGE.identifier,
      keys,
      now: () => app.clock.now,
    })
    const seen = async (client: string, narrowing: Record<string, unknown> = {}, form: object = {}) => {
      const { headers } = await withSecret(app, client, narrowing)
      const token = await tokenFor(app, headers, form)
      const caller = await whoCalls(new Headers({ authorization: `Bearer ${token}` }))
      return caller.outcome === 'allow' ? caller.projects : caller
    }
    expect(await seen('billing')).toBeNull()
    expect(await seen('acme-portal')).toEqual(['acme', 'apex'])
    const narrowing = { resources: ['usage'], projects: ['apex', 'boreas'] }
    expect(await seen('acme-portal', narrowing)).toEqual(['apex'])
    expect(await seen('billing', narrowing)).toEqual(['apex', 'boreas'])

    await app.api('POST', '/api/v1/clients', { id: 'mixed' })
    const give = (given: object) =>
      app.api('POST', '/api/v1/permissions', { client: 'mixed', resource: 'usage', ...given })
    await give({ scopes: [READ], projects: ['acme', 'apex'] })
    await give({ scopes: ['account:usage:write'], projects: ['apex'] })
    // Reads in both and writes in one: a token for both scopes is for the one where both hold.
    expect(await seen('mixed')).toEqual(['apex'])
    expect(await seen('mixed', {}, { scope: READ })).toEqual(['acme', 'apex'])
    await give({ scopes: ['account:usage:write'], projects: ['boreas'] })
    expect(await seen('mixed', {}, { scope: 'account:usage:write' })).toEqual(['apex', 'boreas'])
  })

  test('a token reaches no account that its client lost meanwhile', async () => {
    const { headers } = await withSecret(app, 'acme-portal')
    const token = await tokenFor(app, headers)
    expect((await app.ask(shown(usageOf('apex'), token))).status).toBe(200)
    const { body } = await app.api('GET', '/api/v1/permissions?client=acme-portal')
    const [{ id } = { id: '' }] = body.items as { id: string }[]
    await app.api('DELETE', `/api/v1/permissions/${id}`)
    await app.api('POST', '/api/v1/permissions', {
      client: 'acme-portal',
      resource: 'usage',
      scopes: [READ],
      projects: ['acme'],
    })
    expect((await app.ask(shown(usageOf('apex'), token))).status).toBe(403)
    expect((await app.ask(shown(usageOf('acme'), token))).status).toBe(200)
  })

  test('where it may be used from is fenced by networks, of the rule and of the client', async () => {
    const report = { host: 'usage.example.com', uri: '/api/internal/report' }
    const token = await tokenFor(app, billing)
    expect((await app.ask({ ...shown(report, token), from: '10.1.2.3' })).status).toBe(200)
    const outside = await app.ask({ ...shown(report, token), from: '192.0.2.7' })
    expect([outside.status, await codeOf(app, outside)]).toEqual([403, 'network_refused'])

    await app.api('PATCH', '/api/v1/clients/billing', { networks: ['10.0.0.0/8'] })
    const stolen = await app.ask({ ...shown(usageOf('acme'), token), from: '192.0.2.7' })
    expect([stolen.status, await codeOf(app, stolen)]).toEqual([401, 'credential_network_refused'])
    const asked = { grant_type: 'client_credentials' }
    const issued = async (peer: string) => (await app.oauth('/oauth/token', asked, { headers: billing, peer })).status
    expect([await issued('192.0.2.7'), await issued('10.1.2.3')]).toEqual([401, 200])
    await app.api('PATCH', '/api/v1/clients/billing', { networks: null })
  })

  test('a rule for the internal listener lets nobody in where there is none', async () => {
    const answer = await app.ask({ ...shown(usageOf('acme'), await tokenFor(app, billing)), method: 'DELETE' })
    expect([answer.status, await codeOf(app, answer)]).toEqual([403, 'listener_refused'])
  })
})

describe('service tokens beside an internal listener', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await openUsage({ COUNTERSIGN_INTERNAL_LISTEN: '127.0.0.1:8421' })
  })
  afterAll(() => app.close())

  const GRANT = { grant_type: 'client_credentials' }

  test('a client of the internal listener gets its tokens there, and looks unknown outside', async () => {
    await app.api('PATCH', '/api/v1/clients/billing', { listener: 'internal' })
    const { headers } = await withSecret(app, 'billing')
    const outside = await app.oauth('/oauth/token', GRANT, { headers })
    const unknown = await app.oauth('/oauth/token', GRANT, { headers: basicOf('nobody', 'cs_secret_wrong') })
    expect([outside.status, outside.body]).toEqual([unknown.status, unknown.body])
    expect(outside.body.error).toBe('invalid_client')
    const inside = await app.oauth('/oauth/token', GRANT, { headers, listener: 'internal' })
    expect(inside.status).toBe(200)
    const token = String(inside.body.access_token)
    expect((await app.ask(shown(usageOf('acme'), token))).status).toBe(200)
    expect((await app.ask({ ...shown(usageOf('acme'), token), method: 'DELETE' })).status).toBe(200)
  })
})

describe('service tokens that are issued on the internal listener alone', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await openUsage({ COUNTERSIGN_INTERNAL_LISTEN: '127.0.0.1:8421', COUNTERSIGN_TOKEN_LISTENER: 'internal' })
  })
  afterAll(() => app.close())

  test('outside there is no token endpoint, for whatever client', async () => {
    const { headers } = await withSecret(app, 'billing')
    const ask = (listener: 'public' | 'internal') =>
      app.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers, listener })
    expect([(await ask('public')).status, (await ask('internal')).status]).toEqual([404, 200])
  })
})

describeWith(['bash'], 'service clients from a declared file', () => {
  const teardown = new Teardown()
  let server: CountersignServer
  let file: string
  beforeAll(async () => {
    server = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(server.stop)
    file = join(await teardown.temporaryDirectory('declared'), 'countersign.yaml')
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const apply = async (clients: string) => {
    await writeFile(file, `clients:\n${clients}`)
    return await server.countersign('apply', '-f', file, '--yes')
  }

  test(
    'the file is refused as a whole when an id is reserved, stands there twice, or is somebody else’s',
    async () => {
      for (const [clients, says] of [
        ['  - id: billing\n  - id: bootstrap\n', /reserved/],
        ['  - id: billing\n  - id: countersign-billing\n', /reserved/],
        ['  - id: billing\n  - id: billing\n', /again/],
      ] as const) {
        const refused = await apply(clients)
        expect(refused.exitCode).not.toBe(0)
        expect(refused.stderr + refused.stdout).toMatch(says)
        expect((await server.call('GET', '/clients/billing')).status).toBe(404)
      }
      await server.make('/clients', { id: 'billing' })
      const refused = await apply('  - id: billing\n')
      expect(refused.exitCode).not.toBe(0)
      expect(refused.stderr + refused.stdout).toMatch(/adopt/)
    },
    PATIENCE_MS,
  )

  test(
    'a service that reaches every account shows * in its line',
    async () => {
      await server.make('/resources', USAGE)
      for (const [id, given] of Object.entries(PERMISSIONS)) {
        if (id !== 'billing') await server.make('/clients', { id })
        await server.make('/permissions', { client: id, resource: 'usage', ...given })
      }
      const { stdout: client } = await server.countersign('client', 'show', 'billing')
      expect(client).toMatch(/^ *permissions +usage: account:usage:read; projects \* \(perm_\w+\)$/m)
      const { stdout: list } = await server.countersign('permission', 'list', '--resource', 'usage')
      expect(list).toMatch(/ client:billing .* \*\n/)
      expect(list).toMatch(/ client:acme-portal .* acme, apex\n/)
    },
    PATIENCE_MS,
  )
})
