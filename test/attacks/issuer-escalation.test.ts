// Rights that whoever may write issuers, trust rules or resources must not come by, since they do not hold them.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PUBLIC_URL, startApp, type TestApp, withWebdav } from '../support/app.ts'
import { IDP, type PinnedIssuer, pinnedIssuer, register, trust } from '../support/pinned-issuer.ts'
import { workOf } from './work.ts'

type Body = Readonly<Record<string, unknown>>
const ESCALATES = [403, 'would_escalate']
const LACKS_SCOPE = [403, 'scope_missing']
const DONE = [200, undefined]

let on: TestApp
let corp: PinnedIssuer
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'issuer-files-'))
})
afterEach(async () => {
  await on.close()
  rmSync(dir, { recursive: true })
})

async function start(env: Readonly<Record<string, string>> = {}, fields: Body = {}): Promise<void> {
  on = await startApp(env)
  await withWebdav(on)
  corp = pinnedIssuer(on)
  await register(on, corp, fields)
}

/** Calls as a client that holds these scopes at the management API, and no role. */
async function having(...scopes: string[]) {
  const id = `operator-${scopes.length}`
  await on.api('POST', '/api/v1/clients', { id })
  await on.api('POST', '/api/v1/permissions', { client: id, resource: 'countersign', scopes })
  const { body } = await on.api('POST', `/api/v1/clients/${id}/keys`, { resources: ['countersign'] })
  return async (method: string, path: string, sent?: unknown) => {
    const answer = await on.api(method, `/api/v1${path}`, sent, String(body.key))
    return [answer.status, answer.body.code]
  }
}

/** A group whose members administer, and a client that does. */
async function withAdmins(): Promise<void> {
  await on.api('POST', '/api/v1/groups', { name: 'admins' })
  await on.api('POST', '/api/v1/permissions', { group: 'admins', resource: 'countersign', roles: ['admin'] })
  await on.api('POST', '/api/v1/clients', { id: 'boss' })
  await on.api('POST', '/api/v1/permissions', { client: 'boss', resource: 'countersign', roles: ['admin'] })
}

const ask = async (token: string, method = 'GET') =>
  (await on.ask({ method, headers: { Authorization: `Bearer ${token}` } })).status
const evil = () => pinnedIssuer(on, IDP, 'evil')
const twin = (issuer: string, keys = evil()) => ({ name: 'evil', issuer, algorithms: ['ES256'], jwks: keys.jwks })

describe('the table of groups of the instance', () => {
  const MAPPED = { COUNTERSIGN_GROUP_MAPPINGS: '{"admins":["git-admins"]}' }

  test('counts as that of an issuer which has none, whatever of it is changed', async () => {
    await start(MAPPED)
    await withAdmins()
    await trust(on, { as: { client: 'canister' } })
    const call = await having('issuers:write', 'credentials:write')
    for (const change of [{ jwks: evil().jwks }, { groups_claims: ['nickname'] }, { disabled: true }]) {
      expect([change, await call('PATCH', '/issuers/corp', change)]).toEqual([change, ESCALATES])
    }
    expect(await call('PATCH', '/issuers/corp', { group_mappings: {} })).toEqual(ESCALATES)
    expect((await on.api('PATCH', '/api/v1/issuers/corp', { group_mappings: {} })).status).toBe(200)
    expect(await call('PATCH', '/issuers/corp', { tolerance_seconds: 1 })).toEqual(DONE)
    expect(await call('PATCH', '/issuers/corp', { group_mappings: null })).toEqual(ESCALATES)
  })

  test('is not taken for an issuer of one’s own, when a group of it administers', async () => {
    await start(MAPPED)
    await withAdmins()
    const call = await having('issuers:write', 'trust-rules:write', 'credentials:write')
    const own = twin('https://evil.example.com')
    expect(await call('POST', '/issuers', own)).toEqual(ESCALATES)
    expect(await call('POST', '/issuers', { ...own, group_mappings: {} })).toEqual([201, undefined])
  })
})

describe('an issuer', () => {
  test('by which the management API is reached is changed by an admin alone, and so is its rule', async () => {
    await start()
    await trust(on, { as: { workload: { groups: [] } }, resources: ['countersign', 'webdav'] })
    const call = await having('issuers:write', 'trust-rules:write', 'credentials:write')
    expect(await call('PATCH', '/issuers/corp', { jwks: evil().jwks })).toEqual(ESCALATES)
    expect(await call('PATCH', '/issuers/corp', { disabled: true })).toEqual(ESCALATES)
    expect(await call('PATCH', '/trust-rules/machine', { mode: 'off' })).toEqual(ESCALATES)
    expect(await call('DELETE', '/trust-rules/machine')).toEqual(ESCALATES)
  })

  test('whose tokens stand for themselves alone takes the scope of credentials, to be enabled too', async () => {
    await start()
    await trust(on, { as: { workload: { groups: [] } } })
    const call = await having('issuers:write')
    for (const change of [{ jwks: evil().jwks }, { group_mappings: { media: ['x'] } }, { groups_claims: ['x'] }]) {
      expect([change, await call('PATCH', '/issuers/corp', change)]).toEqual([change, LACKS_SCOPE])
    }
    expect(await call('PATCH', '/issuers/corp', { disabled: true })).toEqual(DONE)
    expect(await call('PATCH', '/issuers/corp', { disabled: false })).toEqual(LACKS_SCOPE)
    expect(
      await (await having('issuers:write', 'credentials:write'))('PATCH', '/issuers/corp', { disabled: false }),
    ).toEqual(DONE)
  })

  test('to which users are linked takes the scope of credentials, before any rule', async () => {
    await start()
    await on.api('POST', '/api/v1/users', { username: 'alice', links: [{ issuer: 'corp', subject: 'a' }] })
    const change = { jwks: evil().jwks }
    expect(await (await having('issuers:write'))('PATCH', '/issuers/corp', change)).toEqual(LACKS_SCOPE)
  })

  test('that is the second factor of an admin is changed by an admin alone, and so is its rule', async () => {
    await start()
    await withAdmins()
    await trust(on, { as: { workload: { groups: [] } } })
    await on.api('PATCH', '/api/v1/clients/boss', { requires_workload: 'machine' })
    const call = await having('issuers:write', 'trust-rules:write', 'credentials:write')
    expect(await call('PATCH', '/issuers/corp', { jwks: evil().jwks })).toEqual(ESCALATES)
    expect(await call('PATCH', '/trust-rules/machine', { match: { sub: 'me' } })).toEqual(ESCALATES)
    await on.api('PATCH', '/api/v1/clients/boss', { requires_workload: null })
    expect(await call('PATCH', '/issuers/corp', { jwks: evil().jwks })).toEqual(DONE)
  })

  test('is judged by as many queries for many linked users as for few', async () => {
    await start()
    await trust(on, { as: { user: 'linked' } })
    const costs: number[] = []
    const more = async (count: number) => {
      for (const _ of Array(count)) {
        const subject = crypto.randomUUID()
        await on.api('POST', '/api/v1/users', { username: subject, links: [{ issuer: 'corp', subject }] })
      }
      for (const [path, change] of [
        ['/issuers/corp', { tolerance_seconds: count }],
        ['/trust-rules/machine', { scopes: ['files:read'] }],
      ] as const) {
        const { queries } = await workOf(() => on.api('PATCH', `/api/v1${path}`, change))
        costs.push(queries.length)
      }
    }
    await more(2)
    await more(20)
    expect(costs.slice(2)).toEqual(costs.slice(0, 2))
  })

  test('by which a user administers, herself or by a group, is changed by an admin alone', async () => {
    await start()
    await withAdmins()
    await trust(on, { as: { user: 'linked' } })
    const call = await having('issuers:write', 'trust-rules:write', 'credentials:write')
    const both = async () => [
      await call('PATCH', '/issuers/corp', { tolerance_seconds: 1 }),
      await call('PATCH', '/trust-rules/machine', { description: 'x' }),
    ]
    await on.api('POST', '/api/v1/users', { username: 'alice', links: [{ issuer: 'corp', subject: 'a' }] })
    expect(await both()).toEqual([DONE, DONE])
    await on.api('POST', '/api/v1/users', { username: 'root', roles: ['auditor'] })
    expect(await both()).toEqual([DONE, DONE])
    await on.api('PATCH', '/api/v1/users/root', { links: [{ issuer: 'corp', subject: 'r' }] })
    expect(await both()).toEqual([ESCALATES, ESCALATES])
    await on.api('PATCH', '/api/v1/users/root', { roles: [] })
    expect(await both()).toEqual([DONE, DONE])
    await on.api('PATCH', '/api/v1/users/root', { groups: ['admins'] })
    expect(await both()).toEqual([ESCALATES, ESCALATES])
  })
})

describe('our own projected token', () => {
  const shown = () => ({
    mode: 'jwks',
    api_server: 'https://kube.example.com',
    token_file: join(dir, 'token'),
  })
  test('is shown to nobody whom no admin named', async () => {
    await start({ COUNTERSIGN_ISSUER_FILE_DIRS: dir })
    const call = await having('issuers:write', 'credentials:write')
    for (const mode of ['jwks', 'token_review']) {
      const cluster = { ...twin('https://evil.example.com'), kubernetes: { ...shown(), mode } }
      expect([mode, await call('POST', '/issuers', cluster)]).toEqual([mode, ESCALATES])
    }
    expect(await call('PATCH', '/issuers/corp', { kubernetes: shown() })).toEqual(ESCALATES)
    expect((await on.api('PATCH', '/api/v1/issuers/corp', { kubernetes: shown() })).status).toBe(200)
    for (const change of [
      { kubernetes: { ...shown(), api_server: 'https://evil.example.com' } },
      { kubernetes: { ...shown(), mode: 'token_review' } },
      { kubernetes: { ...shown(), token_file: join(dir, 'other') } },
      { ca_file: join(dir, 'ca.pem') },
    ]) {
      expect([change, await call('PATCH', '/issuers/corp', change)]).toEqual([change, ESCALATES])
    }
    expect(await call('PATCH', '/issuers/corp', { tolerance_seconds: 1, kubernetes: shown() })).toEqual(DONE)
    expect(await call('PATCH', '/issuers/corp', { kubernetes: null })).toEqual(DONE)
  })
})

describe('whoever signs as another issuer does', () => {
  test('is judged as if they changed that one, at once and later', async () => {
    await start()
    await trust(on)
    const nameless = () => corp.token({}, { kid: undefined })
    expect(await ask(nameless())).toBe(200)
    const call = await having('issuers:write')
    expect(await call('POST', '/issuers', twin(IDP))).toEqual(LACKS_SCOPE)
    expect(await call('POST', '/issuers', twin('https://evil.example.com'))).toEqual([201, undefined])
    expect(await call('PATCH', '/issuers/evil', { issuer: IDP })).toEqual(LACKS_SCOPE)
    expect(await ask(nameless())).toBe(200)
    const trusted = await having('issuers:write', 'credentials:write')
    expect(await trusted('PATCH', '/issuers/evil', { issuer: IDP })).toEqual(DONE)
  })

  test('is judged so where the keys of that one are in a file too, whose key ids nobody compares', async () => {
    await start({ COUNTERSIGN_ISSUER_FILE_DIRS: dir })
    await withAdmins()
    writeFileSync(join(dir, 'keys.json'), JSON.stringify(corp.jwks))
    await on.api('PATCH', '/api/v1/issuers/corp', { jwks_file: join(dir, 'keys.json') })
    await trust(on, { as: { client: 'boss' }, resources: ['countersign'] })
    const call = await having('issuers:write', 'credentials:write')
    expect(await call('POST', '/issuers', twin(IDP, pinnedIssuer(on, IDP, 'k1')))).toEqual(ESCALATES)
    const token = corp.token({ aud: `${PUBLIC_URL}/api/v1` })
    expect((await on.api('GET', '/api/v1/me', undefined, token)).status).toBe(200)
  })
})

describe('an alias of an audience', () => {
  const alias = async (audience: string) => {
    const aliases = [{ issuer: 'corp', audience }]
    const { status, body } = await on.api('PATCH', '/api/v1/resources/webdav', { audience_aliases: aliases })
    return [status, body.code]
  }

  test('is none of Countersign itself, so that nothing that is traded here is good at an API', async () => {
    await start()
    await trust(on)
    for (const audience of [PUBLIC_URL, `${PUBLIC_URL}/`, `${PUBLIC_URL}/api/v1`, `${PUBLIC_URL}/api/v1/`]) {
      expect([audience, await alias(audience)]).toEqual([audience, [409, 'name_taken']])
      expect(await ask(corp.token({ aud: audience }))).toBe(401)
    }
    expect(await alias('api://webdav')).toEqual(DONE)
  })

  test('is no identifier of another resource, whichever came first', async () => {
    await start()
    await trust(on)
    const pay = (identifier: string) =>
      on.api('POST', '/api/v1/resources', {
        name: 'pay',
        identifier,
        hosts: ['pay.example.com'],
        scopes: [],
        rules: [],
      })
    expect(await alias('https://pay.example.com')).toEqual(DONE)
    const refused = await pay('https://pay.example.com')
    expect([refused.status, refused.body.detail]).toEqual([
      409,
      'The identifier is an audience alias of resource webdav.',
    ])
    expect(await alias('https://other.example.com')).toEqual(DONE)
    expect((await pay('https://pay.example.com')).status).toBe(201)
    expect(await alias('https://pay.example.com')).toEqual([409, 'name_taken'])
    expect(await ask(corp.token({ aud: 'https://pay.example.com' }))).toBe(401)
  })
})

describe('a rule that is narrower than another', () => {
  const wide = { name: 'all', match: { sub: { prefix: 'ci:team:' } } }
  const narrow = { name: 'contractor', match: { sub: 'ci:team:contractor' }, as: { client: 'canister' } }
  const token = () => corp.token({ sub: 'ci:team:contractor' })

  test('is neither turned off nor deleted by who could not have made the wider one', async () => {
    await start()
    await trust(on, { ...wide, as: { client: 'canister' } })
    await trust(on, { ...narrow, scopes: ['files:read'] })
    const call = await having('trust-rules:write')
    expect(await ask(token(), 'PUT')).toBe(403)
    for (const change of [{ mode: 'off' }, { mode: 'shadow' }, { expires_at: '2029-01-01T00:00:00Z' }]) {
      expect([change, await call('PATCH', '/trust-rules/contractor', change)]).toEqual([change, LACKS_SCOPE])
    }
    expect(await call('DELETE', '/trust-rules/contractor')).toEqual(LACKS_SCOPE)
    expect(await ask(token(), 'PUT')).toBe(403)
    expect(await call('PATCH', '/trust-rules/contractor', { description: 'x' })).toEqual(DONE)
  })

  test('leaves its subjects to nobody with a say at countersign, but by an admin', async () => {
    await start()
    await withAdmins()
    await trust(on, { ...wide, as: { client: 'boss' } })
    await trust(on, narrow)
    await trust(on, { name: 'aside', match: { sub: 'ci:other:x' }, as: { client: 'canister' } })
    const call = await having('trust-rules:write', 'credentials:write')
    expect(await call('PATCH', '/trust-rules/contractor', { mode: 'off' })).toEqual(ESCALATES)
    expect(await call('PATCH', '/trust-rules/contractor', { match: { sub: 'ci:team:else' } })).toEqual(ESCALATES)
    expect(await call('DELETE', '/trust-rules/contractor')).toEqual(ESCALATES)
    expect(await call('DELETE', '/trust-rules/aside')).toEqual([204, undefined])
  })

  test('takes no subjects from somebody with a say at countersign, but by an admin', async () => {
    await start()
    await withAdmins()
    await trust(on, { ...wide, as: { client: 'boss' } })
    await trust(on, { name: 'root', match: { sub: 'ci:root:x' }, as: { client: 'boss' } })
    const call = await having('trust-rules:write', 'credentials:write')
    const made = (match: Body, name = 'contractor') =>
      call('POST', '/trust-rules', { ...narrow, name, issuer: 'corp', match })
    for (const match of [
      narrow.match,
      { sub: { in: ['x', 'ci:root:x'] } },
      { sub: { prefix: 'ci:team:a:' } },
      { tid: 't' },
    ]) {
      expect([match, await made(match)]).toEqual([match, ESCALATES])
    }
    expect(await made({ sub: { prefix: 'ci:root:' } })).toEqual([201, undefined])
    expect(await made({ sub: 'ci:root:y' }, 'aside')).toEqual([201, undefined])
    expect(await call('PATCH', '/trust-rules/contractor', { match: narrow.match })).toEqual(ESCALATES)
    expect(await call('PATCH', '/trust-rules/contractor', { match: narrow.match, mode: 'off' })).toEqual(DONE)
    expect(await call('PATCH', '/trust-rules/contractor', { mode: 'enforce' })).toEqual(ESCALATES)
    await on.api('DELETE', '/api/v1/trust-rules/all')
    expect(await made({ tid: 't' }, 'tenant')).toEqual([201, undefined])
  })
})

test('an issuer becomes none that signs for everybody under rules that name no tenant', async () => {
  const github = 'https://token.actions.githubusercontent.com'
  await start()
  await trust(on, { name: 'deploy', match: { workflow: 'deploy' } })
  const { status, body } = await on.api('PATCH', '/api/v1/issuers/corp', { issuer: github })
  expect([status, body.detail]).toEqual([
    400,
    expect.stringMatching(/^issuer: expected one for which trust rule deploy would do \(match: .*signs for everybody/),
  ])
  await on.api('PATCH', '/api/v1/trust-rules/deploy', { match: { sub: { prefix: 'repo:octo-org/app:' } } })
  expect((await on.api('PATCH', '/api/v1/issuers/corp', { issuer: github })).status).toBe(200)
})

test('no user is linked to what no sub can be, and no rule asks for it', async () => {
  await start()
  const says = expect.stringContaining('one line without control characters')
  for (const text of ['a\0b', '\r\n', 'a\u2028b', '\ud800', 'a\udc00b']) {
    const links = [{ issuer: 'corp', subject: text }]
    const linked = await on.api('POST', '/api/v1/users', { username: 'alice', links })
    expect([text, linked.status, linked.body.detail]).toEqual([text, 400, says])
    for (const match of [{ sub: text }, { sub: { in: ['a', text] } }, { sub: { prefix: `${text}:a:` } }]) {
      const rule = { name: 'r', issuer: 'corp', match, as: { client: 'canister' } }
      const made = await on.api('POST', '/api/v1/trust-rules', rule)
      expect([text, made.status, made.body.detail]).toEqual([text, 400, says])
    }
  }
})

test('nobody takes the workload off a client who could not make it a credential', async () => {
  await start()
  await trust(on)
  const write = await having('clients:write')
  expect(await write('PATCH', '/clients/canister', { requires_workload: 'machine' })).toEqual(DONE)
  expect(await write('PATCH', '/clients/canister', { requires_workload: null })).toEqual(LACKS_SCOPE)
  expect(await write('PATCH', '/clients/canister', { name: 'Canister' })).toEqual(DONE)
  const both = await having('clients:write', 'credentials:write')
  expect(await both('PATCH', '/clients/canister', { requires_workload: null })).toEqual(DONE)
})
