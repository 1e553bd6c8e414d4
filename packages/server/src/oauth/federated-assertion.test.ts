// Tokens of other issuers at the token endpoint: in place of a client's secret, and beside it.
import { afterAll, beforeEach, expect, test } from 'bun:test'
import { startApp, type TestApp, withSecret, withWebdav } from '../../../../test/support/app.ts'
import { type PinnedIssuer, pinnedIssuer, register, trust } from '../../../../test/support/pinned-issuer.ts'

const ASSERTION = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }

let on: TestApp
let corp: PinnedIssuer

beforeEach(async () => {
  await on?.close()
  on = await startApp()
  corp = pinnedIssuer(on)
  await withWebdav(on)
})
afterAll(() => on.close())

const fetchToken = (client_assertion: string, form: Record<string, string> = {}, headers = {}) =>
  on.oauth('/oauth/token', { grant_type: 'client_credentials', ...ASSERTION, client_assertion, ...form }, { headers })
const ask = async (token: unknown) => (await on.ask({ headers: { Authorization: `Bearer ${String(token)}` } })).status
const patch = async (path: string, body: object) => {
  const answer = await on.api('PATCH', path, body)
  if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
}
/** Status, and why as the operator is told. */
async function outcome(answer: ReturnType<typeof fetchToken>): Promise<unknown> {
  const { status, headers, body } = await answer
  if (status === 200) return 200
  const decision = await on.api('GET', `/api/v1/decisions/${headers.get('countersign-decision')}`)
  return [status, body.error, decision.body.code]
}

test('a trusted token gets the client of its rule an access token, with and without client_id', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' } })
  for (const form of [{}, { client_id: 'canister' }]) {
    const { status, body } = await fetchToken(corp.assertion(), form)
    expect([status, body.scope]).toEqual([200, 'files:read files:write'])
    const answer = await on.ask({ headers: { Authorization: `Bearer ${String(body.access_token)}` } })
    expect([answer.status, answer.headers.get('remote-user')]).toEqual([200, 'client:canister'])
  }
  expect(await outcome(fetchToken(corp.assertion(), { client_id: 'another' }))).toEqual([
    401,
    'invalid_client',
    'trust_rule_missing',
  ])
})

test('the rule narrows what is minted, and the end of the assertion ends it', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' }, scopes: ['files:read'] })
  const { body } = await fetchToken(corp.assertion({ exp: corp.now() + 30 }))
  expect(body.scope).toBe('files:read')
  expect(body.expires_in).toBeLessThanOrEqual(90)
})

test('no token that is for a resource is traded, and none that is traded is good for a resource', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' } })
  for (const aud of [
    'https://webdav.example.com',
    ['http://127.0.0.1:8420', 'https://webdav.example.com'],
    ['http://127.0.0.1:8420', 'http://127.0.0.1:8420'],
    'http://127.0.0.1:8420/',
    'http://127.0.0.1:8420/oauth/token',
    [],
    undefined,
  ]) {
    expect([aud, await outcome(fetchToken(corp.token({ aud })))]).toEqual([
      aud,
      [401, 'invalid_client', 'assertion_refused'],
    ])
  }
  expect(await ask(corp.assertion())).toBe(401)
})

test('a dead, early, forged or unknown one is refused, and reads like a wrong secret', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' } })
  const stranger = pinnedIssuer(on)
  const refused: Record<string, string> = {
    expired: corp.assertion({ iat: corp.now() - 700, exp: corp.now() - 61 }),
    early: corp.assertion({ nbf: corp.now() + 61 }),
    forged: stranger.assertion(),
    'for a workload': corp.assertion({ sub: 'another' }),
    'of a stranger': corp.assertion({ iss: 'https://elsewhere.example.com' }),
    'too long a life': corp.assertion({ exp: corp.now() + 86_401 }),
  }
  const bodies = new Set<string>()
  for (const [what, assertion] of Object.entries(refused)) {
    const { status, body } = await fetchToken(assertion)
    expect([what, status]).toEqual([what, 401])
    bodies.add(JSON.stringify(body))
  }
  expect(bodies.size).toBe(1)
})

test('a rule to a workload or to a user authenticates no client', async () => {
  await register(on, corp)
  await trust(on)
  expect(await outcome(fetchToken(corp.assertion(), { client_id: 'canister' }))).toEqual([
    401,
    'invalid_client',
    'trust_rule_missing',
  ])
})

test('what is for a single use is used once, and else as often as it lives', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' } })
  const reused = corp.assertion()
  expect(await outcome(fetchToken(reused))).toBe(200)
  expect(await outcome(fetchToken(reused))).toBe(200)
  await patch('/api/v1/issuers/corp', { single_use_assertions: true })
  const single = corp.assertion()
  expect(await outcome(fetchToken(single))).toBe(200)
  expect(await outcome(fetchToken(single))).toEqual([401, 'invalid_client', 'assertion_replayed'])
  expect(await outcome(fetchToken(corp.assertion({ jti: undefined })))).toEqual([
    401,
    'invalid_client',
    'external_token_refused',
  ])
})

test('whoever changes or deletes the rule, or the issuer, ends what was minted by it', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' } })
  const changes: [string, object][] = [
    ['/api/v1/trust-rules/machine', { mode: 'off' }],
    ['/api/v1/trust-rules/machine', { mode: 'enforce' }],
    ['/api/v1/issuers/corp', { disabled: true }],
    ['/api/v1/issuers/corp', { disabled: false }],
    ['/api/v1/issuers/corp', { jwks: corp.jwks, tolerance_seconds: 30 }],
  ]
  let minted: unknown
  for (const [path, body] of changes) {
    if (minted !== undefined) expect(await ask(minted)).toBe(200)
    await patch(path, body)
    if (minted !== undefined) expect([path, body, await ask(minted)]).toEqual([path, body, 401])
    const again = await fetchToken(corp.assertion())
    minted = again.status === 200 ? again.body.access_token : undefined
  }
  expect(await ask(minted)).toBe(200)
  await on.api('DELETE', '/api/v1/trust-rules/machine')
  expect(await ask(minted)).toBe(401)
})

test('all of a client that is revoked ends the assertion and what it minted', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' } })
  const assertion = corp.assertion()
  const { body } = await fetchToken(assertion)
  await on.api('POST', '/api/v1/clients/canister/revoke-credentials', { reason: 'lost' })
  expect(await ask(body.access_token)).toBe(401)
  expect(await outcome(fetchToken(assertion))).toEqual([401, 'invalid_client', 'credential_revoked'])
})

test('a client that requires a workload mints nothing by its secret alone', async () => {
  await register(on, corp)
  await trust(on, { name: 'beside', match: { sub: 'sidecar' } })
  const { secret } = await withSecret(on)
  const bySecret = (form: Record<string, string> = {}) =>
    on.oauth('/oauth/token', {
      ...{ grant_type: 'client_credentials', client_id: 'canister', client_secret: secret },
      ...form,
    })
  expect(await outcome(bySecret())).toBe(200)
  await patch('/api/v1/clients/canister', { requires_workload: 'beside' })
  const refused = [401, 'invalid_client', 'workload_required']
  expect(await outcome(bySecret())).toEqual(refused)
  expect(await outcome(bySecret({ workload_token: corp.assertion() }))).toEqual(refused)
  expect(await outcome(bySecret({ workload_token: corp.token({ sub: 'sidecar' }) }))).toEqual(refused)
  expect(await outcome(bySecret({ workload_token: corp.assertion({ sub: 'sidecar' }) }))).toBe(200)
  const dead = corp.assertion({ sub: 'sidecar', iat: corp.now() - 900, exp: corp.now() - 300 })
  expect(((await outcome(bySecret({ workload_token: dead }))) as unknown[])[0]).toBe(401)
})

test('a client that requires the very rule by which it authenticates needs nothing more', async () => {
  await register(on, corp)
  await trust(on, { as: { client: 'canister' } })
  await patch('/api/v1/clients/canister', { requires_workload: 'machine' })
  expect(await outcome(fetchToken(corp.assertion()))).toBe(200)
})

test('what a client gets with its workload dies with the rule, the issuer, and the token that was shown', async () => {
  await register(on, corp)
  await trust(on, { name: 'beside', match: { sub: 'sidecar' } })
  const { secret } = await withSecret(on)
  await patch('/api/v1/clients/canister', { requires_workload: 'beside' })
  const accompanied = async (workload_token = corp.assertion({ sub: 'sidecar' })) => {
    const form = { grant_type: 'client_credentials', client_id: 'canister', client_secret: secret, workload_token }
    const { body } = await on.oauth('/oauth/token', form)
    expect(await ask(body.access_token)).toBe(200)
    return body.access_token
  }
  const endings: [name: string, end: (workloadToken: string) => Promise<unknown>][] = [
    ['rule', () => patch('/api/v1/trust-rules/beside', { mode: 'off' })],
    ['issuer', () => patch('/api/v1/issuers/corp', { disabled: true })],
    ['its own', (credential) => on.api('POST', '/api/v1/leaks', { credential }, null)],
  ]
  for (const [name, end] of endings) {
    await patch('/api/v1/trust-rules/beside', { mode: 'enforce' })
    await patch('/api/v1/issuers/corp', { disabled: false })
    const shown = corp.assertion({ sub: 'sidecar' })
    const token = await accompanied(shown)
    await end(shown)
    expect([name, await ask(token)]).toEqual([name, 401])
  }
})

test('nothing is minted by what was changed while the keys of the workload were waited for', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>()
  const keys = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch() {
      isAsked()
      await gate
      return Response.json(corp.jwks)
    },
  })
  try {
    await on.close()
    on = await startApp({ COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8' })
    corp = pinnedIssuer(on)
    await withWebdav(on)
    await register(on, corp, { jwks: undefined, jwks_uri: `http://127.0.0.1:${keys.port}/keys` })
    await trust(on, { name: 'beside', match: { sub: 'sidecar' } })
    const { secret } = await withSecret(on)
    await patch('/api/v1/clients/canister', { requires_workload: 'beside' })
    const form = { grant_type: 'client_credentials', client_id: 'canister', client_secret: secret }
    const workload_token = corp.assertion({ sub: 'sidecar' })
    const waiting = outcome(on.oauth('/oauth/token', { ...form, workload_token }))
    await asked
    await patch('/api/v1/issuers/corp', { disabled: true })
    open()
    expect(await waiting).toEqual([401, 'invalid_client', 'workload_required'])
  } finally {
    await keys.stop(true)
  }
})

test('an assertion for a single use has an id that every database keeps as it is', async () => {
  await register(on, corp, { single_use_assertions: true })
  await trust(on, { as: { client: 'canister' } })
  for (const jti of [undefined, '', 'a\u0000b', '\ud800', 'ü', 'x'.repeat(257)]) {
    const refused = [401, 'invalid_client', 'external_token_refused']
    expect([jti, await outcome(fetchToken(corp.assertion({ jti })))]).toEqual([jti, refused])
  }
  expect(await outcome(fetchToken(corp.assertion()))).toBe(200)
})
