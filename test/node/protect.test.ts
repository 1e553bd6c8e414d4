// The guard of an API on Node: the built library believes what a real Countersign issues and what an identity provider
// signs, each asked over the network, and refuses all else.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { buildLibrary } from '../../scripts/build.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { signedBy, strangersKey } from '../support/forging.ts'
import { change } from '../support/people.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const API = 'https://usage.example.com'
const STATIC = 'a-static-key-of-forty-characters-0123456'
const OWN = 'usage_0123456789abcdef'
const idpKey = strangersKey()
const teardown = new Teardown()
let server: CountersignServer
let idp: string
let keyId: string
let key: string
let token: string
let introspectorSecret: string

beforeAll(async () => {
  await buildLibrary('resource-server')
  server = await startCountersign(await teardown.temporaryDirectory('data'))
  teardown.add(server.stop)
  const listener = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ url }) =>
      Response.json(url.endsWith('/keys') ? { keys: [idpKey.jwk] } : { issuer: idp, jwks_uri: `${idp}/keys` }),
  })
  teardown.add(() => listener.stop(true))
  idp = `http://127.0.0.1:${listener.port}`

  await server.make('/resources', {
    name: 'usage',
    identifier: API,
    hosts: ['usage.example.com'],
    scopes: ['usage:read'],
    rules: [{ path: '/**' }],
  })
  for (const id of ['usage', 'nightly']) await server.make('/clients', { id })
  await server.make('/permissions', { client: 'nightly', resource: 'usage', scopes: ['usage:read'], roles: ['reader'] })
  await change(server, '/resources/usage', { introspectors: ['usage'] })
  introspectorSecret = String((await server.make('/clients/usage/secrets', {})).secret)
  const secret = String((await server.make('/clients/nightly/secrets', {})).secret)
  const made = await server.make('/clients/nightly/keys', {})
  keyId = String(made.id)
  key = String(made.key)
  const answer = await fetch(`${server.url}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`nightly:${secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  token = String(((await answer.json()) as { access_token: string }).access_token)
}, PATIENCE_MS)
afterAll(() => teardown.run(), PATIENCE_MS)

const ofIdp = (claims: object = {}) => {
  const now = Math.floor(Date.now() / 1000)
  const said = { iss: idp, sub: 'machine-7', aud: API, iat: now, exp: now + 300, ...claims }
  return signedBy(idpKey.privateKey, { alg: 'ES256', kid: idpKey.jwk.kid }, said)
}

type Told = Record<string, unknown>
/** What the guard on Node says of these credentials; undefined: of none. */
async function askOnNode(credentials: readonly (string | undefined)[], changed: object = {}): Promise<Told[]> {
  const digest = createHash('sha256').update(OWN).digest('hex')
  const own = { id: 'k1', owner: 'alice', scopes: null, projects: null, expiresAt: null, revokedAt: null }
  const alice = { kind: 'user', id: 'alice', name: 'Alice', disabled: false, roles: [], scopes: ['usage:read'] }
  const options = {
    resource: {
      name: 'usage',
      identifier: API,
      scopes: ['usage:read'],
      rules: [{ path: '/**', require: { scopes: ['usage:read'] } }],
    },
    countersign: {
      issuer: server.url,
      introspection: { clientId: 'usage', clientSecret: introspectorSecret },
      cacheSeconds: 0,
    },
    issuers: [
      { name: 'corp', issuer: idp, trust: [{ name: 'seven', match: { sub: 'machine-7' }, scopes: ['usage:read'] }] },
    ],
    store: { prefix: 'usage_', credentials: { [digest]: own }, owners: { alice } },
    staticKeys: [{ fromEnv: 'USAGE_KEY', principal: { kind: 'client', id: 'backup' }, scopes: ['usage:read'] }],
    absent: 'continue',
    ...changed,
  }
  const requests = credentials.map((text) => ({
    url: `${API}/accounts/acme`,
    headers: text === undefined ? {} : { authorization: `Bearer ${text}` },
  }))
  const node = Bun.spawn(['node', join(import.meta.dir, 'answer-guard.mjs')], {
    stdin: new Blob([JSON.stringify({ options, requests })]),
    stdout: 'pipe',
    stderr: 'pipe',
    // As an application has it: static keys are read there.
    env: { ...process.env, USAGE_KEY: STATIC },
  })
  const [out, errors] = await Promise.all([new Response(node.stdout).text(), new Response(node.stderr).text()])
  expect(errors).toBe('')
  return JSON.parse(out) as Told[]
}

test(
  'every kind of credential is believed there',
  async () => {
    const answers = await askOnNode([key, token, ofIdp(), OWN, STATIC, undefined, key, token])
    const nightly = { kind: 'client', id: 'nightly', name: 'nightly' }
    expect(answers.slice(0, 6)).toMatchObject([
      { principal: nightly, credential: { kind: 'issued', id: keyId }, roles: ['reader'], client: 'nightly' },
      { principal: nightly, credential: { kind: 'access_token' }, scopes: ['usage:read'], projects: null },
      { principal: { kind: 'workload', id: 'corp:machine-7' }, credential: { kind: 'external' } },
      { principal: { kind: 'user', id: 'alice' }, credential: { kind: 'own', id: 'k1' } },
      { principal: { kind: 'client', id: 'backup' }, credential: { kind: 'static', id: 'static:USAGE_KEY' } },
      { outcome: 'continue' },
    ])
    expect(answers.slice(6)).toEqual(answers.slice(0, 2))
  },
  PATIENCE_MS,
)

test(
  'nothing else is',
  async () => {
    const good = ofIdp()
    const bad: [string, string][] = [
      [`${key.slice(0, -1)}`, 'credential_mistyped'],
      [`${token.slice(0, -8)}AAAAAAAA`, 'token_unverified'],
      [`${good.slice(0, -8)}AAAAAAAA`, 'external_token_refused'],
      [`${good}=`, 'token_malformed'],
      [ofIdp({ sub: 'machine-8' }), 'trust_rule_missing'],
      [ofIdp({ aud: 'https://other.example.com' }), 'audience_refused'],
      [ofIdp({ iss: 'https://else.example.com' }), 'credential_foreign'],
      [`${OWN}0`, 'credential_unknown'],
      [`${STATIC}0`, 'credential_foreign'],
    ]
    const answers = await askOnNode(bad.map(([text]) => text))
    expect(answers.map(({ code, status }) => [code, status])).toEqual(bad.map(([, code]) => [code, 401]))
    expect(new Set(answers.map(({ challenge }) => challenge)).size).toBe(1)
  },
  PATIENCE_MS,
)

test(
  'an outage of Countersign is 503, and a key that was revoked is refused at the next request',
  async () => {
    const unreachable = { issuer: 'http://127.0.0.1:9', introspection: { clientId: 'usage', clientSecret: 's' } }
    expect(await askOnNode([key], { countersign: unreachable })).toMatchObject([
      { code: 'store_unavailable', status: 503 },
    ])
    const wrong = { issuer: server.url, introspection: { clientId: 'usage', clientSecret: 'wrong' } }
    expect(await askOnNode([key], { countersign: wrong })).toMatchObject([
      { code: 'store_unavailable', status: 503, detail: { because: 'it answered 401' } },
    ])
    await server.call('POST', `/credentials/${keyId}/revoke`, {})
    expect(await askOnNode([key])).toMatchObject([{ code: 'credential_unknown', status: 401 }])
  },
  PATIENCE_MS,
)
