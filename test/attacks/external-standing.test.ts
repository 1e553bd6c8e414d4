// Tokens of other issuers at the whole server: whom they stand for, and everything that ends that.
import { afterAll, beforeEach, expect, test } from 'bun:test'
import { startApp, type TestApp, withWebdav } from '../support/app.ts'
import { type PinnedIssuer, pinnedIssuer, register, trust } from '../support/pinned-issuer.ts'

let on: TestApp
let corp: PinnedIssuer

beforeEach(async () => {
  await on?.close()
  on = await startApp()
  corp = pinnedIssuer(on)
  await withWebdav(on)
})
afterAll(() => on.close())

const ask = (token: string, method = 'GET') => on.ask({ method, headers: { Authorization: `Bearer ${token}` } })
const patch = async (path: string, body: object) => {
  const answer = await on.api('PATCH', path, body)
  if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
}
/** Status, and why as the operator is told. */
async function outcome(token: string, method?: string): Promise<unknown> {
  const answer = await ask(token, method)
  if (answer.status === 200) return 200
  const id = answer.headers.get('countersign-decision')
  const { body } = await on.api('GET', `/api/v1/decisions/${id}`)
  return [answer.status, body.code]
}

test('a workload stands for itself, in the groups of its rule, with every identity header', async () => {
  await register(on, corp)
  await trust(on)
  const answer = await ask(corp.token({ sub: 'machine' }))
  expect(answer.status).toBe(200)
  const { headers } = answer
  expect(headers.get('remote-user')).toBe('workload:corp:machine')
  expect(headers.get('remote-name')).toBe('machine')
  expect(headers.get('remote-email')).toMatch(/^[0-9a-f]{32}@workloads\.127\.0\.0\.1$/)
  expect(headers.get('remote-groups')).toBe('media,workloads')
  expect(headers.get('remote-principal')).toBe('workload')
  expect(headers.get('remote-client')).toBe('none')
  expect(headers.get('remote-credential')).toBe('jwt')
  expect(headers.get('remote-scopes')).toBe('files:read,files:write')
})

test('a client stands for itself by a rule, narrowed by it, and its token has a public id', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' }, scopes: ['files:read'] })
  const answer = await ask(corp.token())
  expect(answer.status).toBe(200)
  expect(answer.headers.get('remote-user')).toBe('client:canister')
  expect(answer.headers.get('remote-client')).toBe('canister')
  expect(answer.headers.get('remote-scopes')).toBe('files:read')
  expect(answer.headers.get('remote-credential')).toMatch(/^jwt_[0-9A-Z]{26}$/)
  expect(await outcome(corp.token(), 'PUT')).toEqual([403, 'scope_missing'])
})

test('a user stands for herself when she is linked to the subject, and nobody does otherwise', async () => {
  await register(on, corp)
  await trust(on, { match: { sub: { in: ['alice-at-corp', 'eve-at-corp'] } }, as: { user: 'linked' } })
  await on.api('POST', '/api/v1/users', {
    username: 'alice',
    name: 'Alice',
    email: 'alice@example.com',
    groups: ['media'],
  })
  const token = corp.token({ sub: 'alice-at-corp', email: 'alice@example.com' })
  expect(await outcome(token)).toEqual([401, 'trust_rule_missing'])
  await patch('/api/v1/users/alice', { links: [{ issuer: 'corp', subject: 'alice-at-corp' }] })
  expect((await ask(token)).headers.get('remote-user')).toBe('alice')
  expect(await outcome(corp.token({ sub: 'eve-at-corp' }))).toEqual([401, 'trust_rule_missing'])
  await patch('/api/v1/users/alice', { links: [] })
  expect(await outcome(token)).toEqual([401, 'trust_rule_missing'])
})

test('claims map to groups by the table of the issuer, else that of the instance', async () => {
  await register(on, corp, { group_mappings: { media: ['git-admins'] } })
  await trust(on, { as: { workload: { groups: [] } } })
  expect(await outcome(corp.token())).toEqual([403, 'permission_missing'])
  expect(await outcome(corp.token({ groups: ['media'] }))).toEqual([403, 'permission_missing'])
  expect(await outcome(corp.token({ groups: ['git-admins'] }))).toBe(200)
  expect(await outcome(corp.token({ roles: 'x git-admins' }))).toBe(200)
  expect(await outcome(corp.token({ _claim_names: { groups: 'src1' } }))).toEqual([403, 'groups_overage'])
})

test('the audience is that of the resource, or its alias for this issuer alone', async () => {
  const other = pinnedIssuer(on, 'https://other.example.com', 'o1')
  await register(on, corp)
  await register(on, other, { name: 'other', issuer: 'https://other.example.com' })
  await trust(on)
  await trust(on, { name: 'other-machine', issuer: 'other' })
  expect(await outcome(corp.token({ aud: ['x', 'https://webdav.example.com'] }))).toBe(200)
  for (const aud of [
    'https://webdav.example.com/',
    'HTTPS://webdav.example.com',
    'https://webdav.example.co',
    'api://1',
  ]) {
    expect([aud, await outcome(corp.token({ aud }))]).toEqual([aud, [401, 'audience_refused']])
  }
  await patch('/api/v1/resources/webdav', { audience_aliases: [{ issuer: 'corp', audience: 'api://1' }] })
  expect(await outcome(corp.token({ aud: 'api://1' }))).toBe(200)
  expect(await outcome(other.token({ aud: 'api://1' }))).toEqual([401, 'audience_refused'])
  expect(await outcome(corp.token({ aud: 'http://127.0.0.1:8420' }))).toEqual([401, 'audience_refused'])
})

test('what ends a token ends it at the next request: rule, issuer, group, client, revocation', async () => {
  await register(on, corp)
  await trust(on)
  const token = corp.token()
  const ended: [string, () => Promise<unknown>, () => Promise<unknown>, unknown][] = [
    [
      'the rule is off',
      () => patch('/api/v1/trust-rules/machine', { mode: 'off' }),
      () => patch('/api/v1/trust-rules/machine', { mode: 'enforce' }),
      [401, 'trust_rule_missing'],
    ],
    [
      'the rule names another',
      () => patch('/api/v1/trust-rules/machine', { match: { sub: 'another' } }),
      () => patch('/api/v1/trust-rules/machine', { match: { sub: 'machine' } }),
      [401, 'trust_rule_missing'],
    ],
    [
      'the issuer is disabled',
      () => patch('/api/v1/issuers/corp', { disabled: true }),
      () => patch('/api/v1/issuers/corp', { disabled: false }),
      [401, 'issuer_disabled'],
    ],
    [
      'its key is gone',
      () => patch('/api/v1/issuers/corp', { jwks: pinnedIssuer(on).jwks }),
      () => patch('/api/v1/issuers/corp', { jwks: corp.jwks }),
      [401, 'external_token_refused'],
    ],
    [
      'the group is disabled',
      () => patch('/api/v1/groups/media', { disabled: true }),
      () => patch('/api/v1/groups/media', { disabled: false }),
      [403, 'permission_missing'],
    ],
  ]
  for (const [what, end, undo, refused] of ended) {
    expect([what, await outcome(token)]).toEqual([what, 200])
    await end()
    expect([what, await outcome(token)]).toEqual([what, refused])
    await undo()
  }
  expect(await outcome(token)).toBe(200)
})

test('a token is revoked by its id, in whatever spelling it is shown again, and before it was ever seen', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' } })
  const token = corp.token({ jti: 'one' })
  const id = (await ask(token)).headers.get('remote-credential')
  expect(await on.api('POST', `/api/v1/credentials/${id}/revoke`, { reason: 'leaked' })).toMatchObject({ status: 200 })
  expect(await outcome(token)).toEqual([401, 'credential_revoked'])
  // Signed anew, it says the same: it is the same token.
  expect(await outcome(corp.token({ jti: 'one' }))).toEqual([401, 'credential_revoked'])
  expect(await outcome(corp.token({ jti: 'two' }))).toBe(200)
})

test('a token that is revoked before its time comes stays dead, whoever revoked it, and whatever is allowed its clock', async () => {
  await register(on, corp, { tolerance_seconds: 300 })
  await trust(on, { as: { client: 'canister' } })
  const ahead = (jti: string) => corp.token({ jti, iat: corp.now() + 300, exp: corp.now() + 900 })
  const [leaked, revoked] = [ahead('leaked'), ahead('revoked')]
  expect((await on.api('POST', '/api/v1/leaks', { credential: leaked }, null)).body.outcome).toBe('revoked')
  const id = (await ask(revoked)).headers.get('remote-credential')
  expect(await on.api('POST', `/api/v1/credentials/${id}/revoke`, { reason: 'lost' })).toMatchObject({ status: 200 })
  const isDead = async () => {
    for (const token of [leaked, revoked]) expect(await outcome(token)).toEqual([401, 'credential_revoked'])
  }
  await isDead()
  on.clock.advance(300_000)
  await isDead()
  await patch('/api/v1/issuers/corp', { tolerance_seconds: 0 })
  await isDead()
})

test('all of a client is revoked with the tokens that stand for it; one issued later is good', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' } })
  const token = corp.token()
  expect(await outcome(token)).toBe(200)
  await on.api('POST', '/api/v1/clients/canister/revoke-credentials', { reason: 'lost' })
  expect(await outcome(token)).toEqual([401, 'credential_revoked'])
  on.clock.advance(120_000)
  expect(await outcome(corp.token())).toBe(200)
})

test('a rule in shadow trusts nobody and says that it would have; an expired one says that it expired', async () => {
  await register(on, corp)
  await trust(on, { mode: 'shadow' })
  const answer = await ask(corp.token())
  const { body } = await on.api('GET', `/api/v1/decisions/${answer.headers.get('countersign-decision')}`)
  expect(answer.status).toBe(401)
  expect(body).toMatchObject({
    code: 'trust_rule_missing',
    detail: { issuer: 'corp', subject: 'machine', shadow: 'machine' },
  })
  await patch('/api/v1/trust-rules/machine', { mode: 'enforce', expires_at: '2030-01-01T01:00:00Z' })
  const token = corp.token({ exp: corp.now() + 7200 })
  expect(await outcome(token)).toBe(200)
  on.clock.advance(3_600_000)
  expect(await outcome(token)).toEqual([401, 'trust_rule_missing'])
})

test('the near miss names the claim', async () => {
  await register(on, corp)
  await trust(on, { match: { sub: 'machine', env: 'prod' } })
  const answer = await ask(corp.token({ env: 'test' }))
  const { body } = await on.api('GET', `/api/v1/decisions/${answer.headers.get('countersign-decision')}`)
  expect(body).toMatchObject({ detail: { nearest: 'machine', claim: 'env' } })
  expect(body.sentence).toContain('env')
})

test('two issuers of one iss are told apart by the key, and neither signs for the other', async () => {
  const iss = 'https://kubernetes.default.svc.cluster.local'
  const east = pinnedIssuer(on, iss, 'east-1')
  const west = pinnedIssuer(on, iss, 'west-1')
  await register(on, east, { name: 'east', issuer: iss })
  await register(on, west, { name: 'west', issuer: iss })
  await trust(on, { name: 'east-machine', issuer: 'east' })
  expect((await ask(east.token())).headers.get('remote-user')).toBe('workload:east:machine')
  expect(await outcome(west.token())).toEqual([401, 'trust_rule_missing'])
  expect(await outcome(west.token({}, { kid: 'east-1' }))).toEqual([401, 'external_token_refused'])
  expect(await outcome(east.token({}, { kid: undefined }))).toEqual([401, 'external_token_refused'])
})

test('an issuer that is not registered is foreign, also once it was', async () => {
  expect(await outcome(corp.token())).toEqual([401, 'credential_foreign'])
  await register(on, corp)
  await trust(on)
  const token = corp.token()
  expect(await outcome(token)).toBe(200)
  await on.api('DELETE', '/api/v1/trust-rules/machine')
  expect((await on.api('DELETE', '/api/v1/issuers/corp')).status).toBe(204)
  expect(await outcome(token)).toEqual([401, 'credential_foreign'])
})

test('a token reaches the management API only where its rule names it', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' } })
  await on.api('POST', '/api/v1/permissions', { client: 'canister', resource: 'countersign', roles: ['auditor'] })
  const token = corp.token({ aud: ['http://127.0.0.1:8420/api/v1'] })
  expect((await on.api('GET', '/api/v1/me', undefined, token)).status).toBe(403)
  await patch('/api/v1/trust-rules/machine', { resources: ['countersign'] })
  expect(await on.api('GET', '/api/v1/me', undefined, token)).toMatchObject({
    status: 200,
    body: { principal: { kind: 'client', id: 'canister' }, credential: { kind: 'jwt' } },
  })
})

test('a workload in a group with a say at the management API acts there by a rule that names it, as long as it does', async () => {
  await register(on, corp)
  await on.api('POST', '/api/v1/groups', { name: 'operators' })
  await on.api('POST', '/api/v1/permissions', { group: 'operators', resource: 'countersign', roles: ['admin'] })
  await trust(on, { as: { workload: { groups: ['operators'] } }, resources: ['countersign'] })
  const token = corp.token({ aud: 'http://127.0.0.1:8420/api/v1' })
  expect(await on.api('GET', '/api/v1/me', undefined, token)).toMatchObject({
    status: 200,
    body: { principal: { kind: 'workload', id: 'corp:machine', name: 'machine' }, roles: ['admin'] },
  })
  expect((await on.api('POST', '/api/v1/clients', { id: 'made' }, token)).status).toBe(201)
  expect((await on.api('POST', '/api/v1/me/tokens', {}, token)).body.code).toBe('principal_kind_refused')
  await patch('/api/v1/groups/operators', { disabled: true })
  expect((await on.api('POST', '/api/v1/clients', { id: 'other' }, token)).status).toBe(403)
  await patch('/api/v1/groups/operators', { disabled: false })
  await patch('/api/v1/trust-rules/machine', { mode: 'shadow' })
  expect((await on.api('POST', '/api/v1/clients', { id: 'other' }, token)).status).toBe(401)
})

test('whoever finds a token reports it, and it is dead', async () => {
  await register(on, corp)
  await trust(on)
  const token = corp.token()
  expect(await outcome(token)).toBe(200)
  const { body } = await on.api('POST', '/api/v1/leaks', { credential: token }, null)
  expect(body).toMatchObject({ outcome: 'revoked', id: expect.stringMatching(/^jwt_/) })
  expect(await outcome(token)).toEqual([401, 'credential_revoked'])
  expect((await on.api('POST', '/api/v1/leaks', { credential: token }, null)).body.outcome).toBe('dead')
  const stranger = corp.token({ sub: 'nobody' })
  expect((await on.api('POST', '/api/v1/leaks', { credential: stranger }, null)).body.outcome).toBe('unknown')
})

test('explain tells the same of a token, and what it is', async () => {
  await register(on, corp)
  await trust(on)
  const { body } = await on.api('POST', '/api/v1/explain', {
    method: 'GET',
    url: 'https://webdav.example.com/',
    credential: corp.token(),
  })
  expect(body.decision).toMatchObject({
    outcome: 'allow',
    principal: 'workload:corp:machine',
    credential: { kind: 'jwt' },
  })
})
