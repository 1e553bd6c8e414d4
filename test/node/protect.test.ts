// The guard of an API on Node: the built package, with the fetch, Web Crypto and environment of Node.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { buildLibrary } from '../../scripts/build.ts'
import { signedBy, strangersKey, twinOf } from '../support/forging.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const NOW = '2030-01-01T00:00:00.000Z'
const AUDIENCE = 'https://git.example.com'
const STATIC = 'a-key-from-the-environment-0123456789'
const OWN = 'git_alices-key'
const { privateKey, jwk } = strangersKey()
const teardown = new Teardown()
let discovered: string
beforeAll(() => {
  // An identity provider that Node asks for its keys.
  const idp = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch({ url }) {
      if (url.endsWith('/keys')) return Response.json({ keys: [jwk] })
      const isDocument = url.endsWith('/.well-known/openid-configuration')
      return isDocument
        ? Response.json({ issuer: discovered, jwks_uri: `${discovered}/keys` })
        : new Response('', { status: 404 })
    },
  })
  discovered = idp.url.origin
  teardown.add(() => idp.stop(true))
})
afterAll(() => teardown.run())

const token = (claims: object = {}, header: object = {}) => {
  const iat = Date.parse(NOW) / 1000
  const said = { iss: 'https://idp.example.com', sub: 'machine', aud: AUDIENCE, iat, exp: iat + 600, jti: 'one' }
  return signedBy(privateKey, { alg: 'ES256', kid: jwk.kid, ...header }, { groups: ['admins'], ...said, ...claims })
}

test(
  'lets in on Node whom it should, and nobody else',
  async () => {
    const corp = { name: 'corp', issuer: 'https://idp.example.com', jwks: { keys: [jwk] } }
    const options = {
      resource: { name: 'git', identifier: AUDIENCE, scopes: ['repo:read'], rules: [{ path: '/api/**' }] },
      issuers: [corp, { name: 'found', issuer: discovered }],
      roleMappings: { ADMIN: ['admins'] },
      staticKeys: [{ fromEnv: 'GUARD_TEST_KEY', principal: { kind: 'client', id: 'nightly' }, roles: ['ADMIN'] }],
      now: NOW,
    }
    const digest = createHash('sha256').update(OWN).digest('hex')
    const own = {
      prefix: 'git_',
      credentials: {
        [digest]: { id: 'k1', owner: 'alice', scopes: null, projects: null, expiresAt: '2030-02-01', revokedAt: null },
      },
      owners: {
        alice: { kind: 'user', id: 'alice', name: 'Alice', disabled: false, roles: [], scopes: ['repo:read'] },
      },
    }
    const asked = (text: string | undefined, changed: object = {}, path = '/api/x') => ({
      options: { ...options, ...changed },
      own,
      request: { url: `${AUDIENCE}${path}`, headers: text === undefined ? {} : { authorization: `Bearer ${text}` } },
    })
    const allowed = ['allow', 'workload', 'corp:machine', ['ADMIN'], [], 'external', expect.stringMatching(/^jwt_/)]
    const bad = (code: string) => [code, 401, 'The credential is not valid.\n']
    const rows: [object, unknown][] = [
      [asked(token()), allowed],
      [asked(twinOf(token())), allowed],
      [asked(token({ iss: discovered })), expect.arrayContaining(['allow', 'found:machine'])],
      [asked(STATIC), ['allow', 'client', 'nightly', ['ADMIN'], [], 'static', 'static:GUARD_TEST_KEY']],
      [asked(OWN), ['allow', 'user', 'alice', [], ['repo:read'], 'own', 'k1']],
      [asked('git_nobodys'), bad('credential_unknown')],
      [asked(OWN, { now: '2030-02-01T00:00:00Z' }), bad('credential_expired')],
      [asked(`${STATIC}x`), bad('credential_foreign')],
      [asked(`${token()}=`), bad('token_malformed')],
      [asked(token({ aud: 'https://other.example.com' })), bad('audience_refused')],
      [asked(token({}, { alg: 'RS256' })), bad('external_token_refused')],
      [asked(token({}, { kid: 'other' })), bad('external_token_refused')],
      [asked(`${token().slice(0, -6)}AAAAAA`), bad('external_token_refused')],
      [asked(token({ exp: Date.parse(NOW) / 1000 + 10 ** 7 })), bad('external_token_refused')],
      [asked(token(), { now: '2030-01-01T00:11:00Z' }), bad('credential_expired')],
      [asked(token({ groups: ['ADMIN'] })), ['permission_missing', 403, 'No permission on this resource.\n']],
      [asked(token(), {}, '/else'), ['rule_missing', 403, 'No rule allows this request.\n']],
      [asked(undefined), ['credential_missing', 401, 'Authentication is required.\n']],
      [asked(undefined, { absent: 'continue' }), ['continue']],
      [
        asked(token({ iss: 'http://127.0.0.1:9' }), { issuers: [{ name: 'silent', issuer: 'http://127.0.0.1:9' }] }),
        ['keys_unavailable', 503, 'The credential cannot be checked right now.\n'],
      ],
      [asked(token(), { issuers: [{ ...corp, algorithms: ['HS256'] }] }), ['issuers[0].algorithms']],
    ]
    const answers = await onNode(rows.map(([one]) => one))
    expect(answers).toEqual(rows.map(([, expected]) => expected))
  },
  PATIENCE_MS,
)

async function onNode(cases: readonly object[]): Promise<unknown[]> {
  await buildLibrary('resource-server')
  const node = Bun.spawn(['node', join(import.meta.dir, 'answer-guard.mjs')], {
    env: { ...process.env, GUARD_TEST_KEY: STATIC },
    stdin: new Blob([JSON.stringify(cases)]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, errors] = await Promise.all([new Response(node.stdout).text(), new Response(node.stderr).text()])
  expect(errors).toBe('')
  return JSON.parse(out) as unknown[]
}
