// Story 5. A pod calls with the token that its cluster projected into a file. No secret is stored, here or there. One test
// per statement. A key pair of the test stands in for the cluster's.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createFetch, fileTokenSource, TokenRequestError, tokenFile, tokenSource } from '@countersign/client'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { ASSERTION, signedWith, testKey } from '../support/issuer-guide.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

type Words = Readonly<Record<string, unknown>>

const CLUSTER = 'https://kubernetes.default.svc.cluster.local'
const ATLAS = 'system:serviceaccount:atlas-production:atlas'
const READ = 'account:usage:read'

const teardown = new Teardown()
const key = testKey('RS256', 'production')
const strangers = testKey('RS256', 'production')
let server: CountersignServer
let home: string
/** Services that ask Countersign about each request, as a proxy before them would. Nobody permits anything at `ledger`. */
let usage: string
let ledger: string

beforeAll(async () => {
  home = await teardown.temporaryDirectory('pod')
  const env = { COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8' }
  server = await startCountersign(await teardown.temporaryDirectory('data'), env)
  teardown.add(server.stop)
  usage = guarded()
  ledger = guarded()
  for (const [name, identifier] of Object.entries({ usage, ledger })) {
    const rules = [{ methods: ['GET'], path: '/accounts/:project/usage', require: { scopes: [READ] } }]
    await server.make('/resources', { name, identifier, hosts: [new URL(identifier).host], scopes: [READ], rules })
  }
  await server.make('/issuers', {
    ...{ name: 'production', issuer: CLUSTER, algorithms: ['RS256'], jwks: { keys: [key.jwk] } },
    ...{ kubernetes: { mode: 'jwks' }, max_lifetime_seconds: 3600, tolerance_seconds: 0 },
  })
  await server.make('/clients', { id: 'atlas', token_endpoint_auth_methods: [] })
  await server.make('/permissions', { client: 'atlas', resource: 'usage', scopes: [READ] })
  await server.make('/trust-rules', {
    name: 'atlas',
    issuer: 'production',
    match: { sub: ATLAS },
    as: { client: 'atlas' },
  })
}, PATIENCE_MS)
afterAll(() => teardown.run(), PATIENCE_MS)

/** A service whose proxy asks /verify/forward; it answers what it was told of its caller. */
function guarded(): string {
  const listening = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch({ method, url, headers }) {
      const { pathname, host } = new URL(url)
      const sent = new Headers({ 'X-Forwarded-Method': method, 'X-Forwarded-Proto': 'http', 'X-Forwarded-Host': host })
      sent.set('X-Forwarded-Uri', pathname)
      sent.set('X-Forwarded-For', '192.0.2.1')
      for (const name of ['authorization', 'x-api-key']) if (headers.has(name)) sent.set(name, headers.get(name) ?? '')
      const answer = await fetch(`${server.url}/verify/forward`, { headers: sent })
      if (answer.status !== 200) return new Response(answer.body, answer)
      const told = ['user', 'principal', 'client', 'credential'].map((name) => [
        name,
        answer.headers.get(`remote-${name}`),
      ])
      return Response.json(Object.fromEntries(told))
    },
  })
  teardown.add(() => listening.stop(true))
  return `http://127.0.0.1:${listening.port}`
}

const now = () => Math.floor(Date.now() / 1000)

/** What the cluster would project into a pod of `atlas`; undefined takes a claim out. */
function projected(aud: string, claims: Words = {}, signer = key): string {
  const [, , namespace, name] = String(claims.sub ?? ATLAS).split(':')
  const said = {
    ...{ iss: CLUSTER, aud: [aud], iat: now(), nbf: now(), exp: now() + 600, jti: crypto.randomUUID(), sub: ATLAS },
    'kubernetes.io': {
      namespace,
      pod: { name: 'atlas-1' },
      serviceaccount: { name, uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
    },
    ...claims,
  }
  return signedWith(signer, { alg: 'RS256', kid: key.jwk.kid }, said)
}

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Words

/** Puts it where the pod finds it, at once for whoever reads, as the kubelet does. */
async function mount(token: string): Promise<string> {
  const path = join(home, 'token')
  await writeFile(`${path}.new`, token)
  await rename(`${path}.new`, path)
  return path
}

const call = (at: string, token: string) =>
  fetch(`${at}/accounts/acme/usage`, { headers: { authorization: `Bearer ${token}` } })
const trade = (assertion: string, form: Readonly<Record<string, string>> = {}) =>
  fetch(`${server.url}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', ...ASSERTION, client_assertion: assertion, ...form }),
  })
async function whyRefused(answer: Response): Promise<Words> {
  const { body } = await server.call('GET', `/decisions/${answer.headers.get('countersign-decision')}`)
  return body as Words
}
const setMode = async (mode: string) => {
  expect((await server.call('PATCH', '/trust-rules/atlas', { mode })).status).toBe(200)
}

describe('workload identity: a pod reads usage without a secret', () => {
  test('its token is good at the resource that it is for, as the client of the rule, and none is kept', async () => {
    const fetchUsage = createFetch(fileTokenSource({ path: await mount(projected(usage)) }))
    const answer = await fetchUsage(`${usage}/accounts/acme/usage`)
    expect(await answer.json()).toEqual({
      ...{ user: 'client:atlas', principal: 'client', client: 'atlas' },
      credential: expect.stringMatching(/^jwt_[0-9A-Z]{26}$/),
    })
    const { body } = await server.call('GET', '/credentials')
    expect((body as { items: { owner: unknown }[] }).items).toEqual([])
  })

  test('it is traded for an access token of the client, and the file is read anew when the kubelet replaces it', async () => {
    const authentication = tokenFile(await mount(projected(server.url)))
    const source = tokenSource({ issuer: server.url, clientId: 'atlas', authentication, resource: usage })
    const fetchUsage = createFetch(source, { origins: [usage] })
    const answer = await fetchUsage(`${usage}/accounts/acme/usage`)
    expect(await answer.json()).toMatchObject({ user: 'client:atlas', credential: expect.not.stringMatching(/^jwt_/) })
    const { scopes, resource } = await source.token()
    expect([scopes, resource]).toEqual([[READ], usage])

    await mount(projected(server.url, { exp: now() - 60, iat: now() - 120, nbf: now() - 120 }))
    await expect(source.token({ fresh: true })).rejects.toMatchObject({ error: 'invalid_client', status: 401 })
    await mount(projected(server.url))
    expect((await call(usage, (await source.token({ fresh: true })).token)).status).toBe(200)
  })

  test('a workload that stands for no client stands for itself, by the permissions of the groups of its rule', async () => {
    const sub = 'system:serviceaccount:reports:nightly'
    const target = { workload: { groups: ['usage-readers'] } }
    await server.make('/groups', { name: 'usage-readers' })
    await server.make('/trust-rules', { name: 'nightly', issuer: 'production', match: { sub }, as: target })
    const token = projected(usage, { sub })
    expect((await whyRefused(await call(usage, token))).code).toBe('permission_missing')
    await server.make('/permissions', { group: 'usage-readers', resource: 'usage', scopes: [READ] })
    expect(await (await call(usage, token)).json()).toEqual({
      ...{ user: `workload:production:${sub}`, principal: 'workload', client: 'none', credential: 'jwt' },
    })
    const traded = await trade(projected(server.url, { sub }))
    expect([traded.status, (await whyRefused(traded)).code]).toEqual([401, 'trust_rule_missing'])
  })

  test('keys that nobody pinned are found by what the issuer says of itself', async () => {
    const found = testKey('RS256', 'staging')
    const asked: string[] = []
    const publishing = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch({ url }) {
        const { pathname, origin } = new URL(url)
        asked.push(pathname)
        const document = { issuer: origin, jwks_uri: `${origin}/openid/v1/jwks` }
        return Response.json(pathname.startsWith('/.well-known/') ? document : { keys: [found.jwk] })
      },
    })
    teardown.add(() => publishing.stop(true))
    const issuer = `http://127.0.0.1:${publishing.port}`
    await server.make('/issuers', { name: 'staging', issuer, algorithms: ['RS256'], kubernetes: { mode: 'jwks' } })
    const fits = { match: { sub: ATLAS }, as: { client: 'atlas' } }
    await server.make('/trust-rules', { name: 'atlas-staging', issuer: 'staging', ...fits })
    expect(asked).toEqual([])
    const claims = { ...claimsOf(projected(usage)), iss: issuer }
    const shown = signedWith(found, { alg: 'RS256', kid: found.jwk.kid }, claims)
    expect(await (await call(usage, shown)).json()).toMatchObject({ user: 'client:atlas' })
    expect(asked).toEqual(['/.well-known/openid-configuration', '/openid/v1/jwks'])
  })

  test('it reaches exactly the resources that the permissions name', async () => {
    const direct = await call(ledger, projected(ledger))
    expect([direct.status, (await whyRefused(direct)).code]).toEqual([403, 'permission_missing'])
    const traded = await trade(projected(server.url), { resource: ledger })
    expect([traded.status, ((await traded.json()) as Words).error]).toEqual([400, 'invalid_target'])
  })

  const ONE_DAY = 86_400
  const rows: readonly [what: string, token: (aud: string) => string, code: string][] = [
    [
      'another namespace',
      (aud) => projected(aud, { sub: 'system:serviceaccount:atlas-staging:atlas' }),
      'trust_rule_missing',
    ],
    [
      'another ServiceAccount',
      (aud) => projected(aud, { sub: 'system:serviceaccount:atlas-production:default' }),
      'trust_rule_missing',
    ],
    ['a ServiceAccount whose name begins alike', (aud) => projected(aud, { sub: `${ATLAS}-2` }), 'trust_rule_missing'],
    [
      'a sub that is not the ServiceAccount',
      (aud) => projected(aud, { 'kubernetes.io': { namespace: 'x', serviceaccount: { name: 'atlas' } } }),
      'external_token_refused',
    ],
    ['another key', (aud) => projected(aud, {}, strangers), 'external_token_refused'],
    [
      'one that has expired',
      (aud) => projected(aud, { iat: now() - 900, nbf: now() - 900, exp: now() - 300 }),
      'credential_expired',
    ],
    ['one that is not valid yet', (aud) => projected(aud, { nbf: now() + 300 }), 'credential_not_yet_valid'],
    ['one without iat', (aud) => projected(aud, { iat: undefined }), 'external_token_refused'],
    ['one that lives too long', (aud) => projected(aud, { exp: now() + ONE_DAY }), 'external_token_refused'],
    [
      'the token of a Secret',
      (aud) => projected(aud, { 'kubernetes.io/serviceaccount/namespace': 'atlas-production' }),
      'external_token_refused',
    ],
  ]
  test.each(rows)(
    '%s is refused at the resource and at the token endpoint, and both callers learn nothing',
    async (_, token, code) => {
      const direct = await call(usage, token(usage))
      expect([direct.status, (await whyRefused(direct)).code]).toEqual([401, code])
      const unknown = await call(usage, projected(usage, {}, strangers))
      expect(direct.headers.get('www-authenticate')).toBe(unknown.headers.get('www-authenticate'))
      const traded = await trade(token(server.url))
      expect([traded.status, (await whyRefused(traded)).code]).toEqual([401, code])
      expect(await traded.json()).toMatchObject({
        error: 'invalid_client',
        error_description: 'Client authentication failed.',
      })
    },
  )

  test('the token for one place is refused at each other', async () => {
    const codeAt = async (answer: Promise<Response>) => [(await answer).status, (await whyRefused(await answer)).code]
    expect(await codeAt(call(usage, projected(ledger)))).toEqual([401, 'audience_refused'])
    expect(await codeAt(call(usage, projected(server.url)))).toEqual([401, 'audience_refused'])
    expect(await codeAt(call(usage, projected(CLUSTER)))).toEqual([401, 'audience_refused'])
    expect(await codeAt(trade(projected(usage)))).toEqual([401, 'assertion_refused'])
    expect(await codeAt(trade(projected(server.url, { aud: [server.url, usage] })))).toEqual([401, 'assertion_refused'])
  })

  test(
    'whoever runs Countersign is told which rule came nearest, and by what it was missed',
    async () => {
      const answer = await call(usage, projected(usage, { sub: 'system:serviceaccount:atlas-staging:atlas' }))
      const { stdout } = await server.countersign('why', answer.headers.get('countersign-decision') ?? '')
      const told = stdout.replace(/\s+/g, ' ')
      for (const word of ['atlas', 'sub', ATLAS, 'system:serviceaccount:atlas-staging:atlas'])
        expect(told).toContain(word)
    },
    PATIENCE_MS,
  )

  test('switching the rule off ends both at the next request', async () => {
    const own = projected(usage)
    const { access_token: traded } = (await (await trade(projected(server.url))).json()) as { access_token: string }
    const states = async () => [(await call(usage, own)).status, (await call(usage, traded)).status]
    expect(await states()).toEqual([200, 200])
    await setMode('off')
    expect(await states()).toEqual([401, 401])
    expect((await trade(projected(server.url))).status).toBe(401)

    await setMode('shadow')
    const refused = await call(usage, own)
    expect([refused.status, await whyRefused(refused)]).toMatchObject([401, { detail: { shadow: 'atlas' } }])
    await setMode('enforce')
    expect(await states()).toEqual([200, 401])
  })

  test('one token is ended by its id, and the others live on', async () => {
    const [stolen, another] = [projected(usage), projected(usage)]
    const { credential } = (await (await call(usage, stolen)).json()) as { credential: string }
    expect((await server.call('POST', `/credentials/${credential}/revoke`, { reason: 'leaked' })).status).toBe(200)
    expect([(await call(usage, stolen)).status, (await call(usage, another)).status]).toEqual([401, 200])
  })

  test('no secret of the client opens anything; where one must be kept, it is worth nothing without the pod', async () => {
    const { secret } = (await server.make('/clients/atlas/secrets', {})) as { secret: string }
    const withSecret = (form: Readonly<Record<string, string>> = {}) =>
      fetch(`${server.url}/oauth/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`atlas:${secret}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
      })
    expect((await whyRefused(await withSecret())).code).toBe('client_method_refused')

    const change = { token_endpoint_auth_methods: ['client_secret_basic'], requires_workload: 'atlas' }
    expect((await server.call('PATCH', '/clients/atlas', change)).status).toBe(200)
    expect((await whyRefused(await withSecret())).code).toBe('workload_required')
    expect((await withSecret({ workload_token: projected(server.url) })).status).toBe(200)
    await server.call('PATCH', '/clients/atlas', { token_endpoint_auth_methods: [], requires_workload: null })
  })

  test('the library says what is wrong, and shows no token', async () => {
    const token = projected(server.url, { sub: 'system:serviceaccount:atlas-staging:atlas' })
    const authentication = tokenFile(await mount(token))
    const refused = await tokenSource({ issuer: server.url, clientId: 'atlas', authentication })
      .token()
      .catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(TokenRequestError)
    expect(refused).toMatchObject({
      error: 'invalid_client',
      isTemporary: false,
      decisionId: expect.stringMatching(/^dec_/),
    })
    expect(Bun.inspect(refused)).not.toContain(token.split('.')[2] as string)
  })
})
