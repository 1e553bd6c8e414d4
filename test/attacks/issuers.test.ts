// Issuers and trust rules that must not be: what is refused when they are written, and who may not write them.
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { startApp, type TestApp, withWebdav } from '../support/app.ts'
import { IDP, type PinnedIssuer, pinnedIssuer, register, trust } from '../support/pinned-issuer.ts'

let on: TestApp
let corp: PinnedIssuer

beforeEach(async () => {
  await on?.close()
  on = await startApp()
  corp = pinnedIssuer(on)
  await withWebdav(on)
})
afterAll(() => on.close())

type Body = Readonly<Record<string, unknown>>
const issuer = async (fields: Body) => {
  const body = { name: 'corp', issuer: IDP, algorithms: ['ES256'], jwks: corp.jwks, ...fields }
  const answer = await on.api('POST', '/api/v1/issuers', body)
  return [answer.status, String(answer.body.detail ?? '')] as const
}
const rule = async (fields: Body) => {
  const body = { name: 'r', issuer: 'corp', match: { sub: 'machine' }, as: { client: 'canister' }, ...fields }
  const answer = await on.api('POST', '/api/v1/trust-rules', body)
  return [answer.status, String(answer.body.detail ?? '')] as const
}
const privateJwk = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })

describe('an issuer', () => {
  const refused: [name: string, fields: () => Body, says: string][] = [
    ['ADM-09 whose keys are at an address of the metadata service', () => uri('http://169.254.169.254/keys'), 'https'],
    ['ADM-09 whose keys are in a file by URL', () => uri('file:///etc/passwd'), 'https'],
    ['ADM-09 whose keys are at an address with a user', () => uri('https://a:b@idp.example.com/keys'), 'https'],
    ['with a shared secret as algorithm', () => ({ algorithms: ['HS256'] }), 'shared secret'],
    ['with no algorithm', () => ({ algorithms: [] }), 'algorithms'],
    ['that is Countersign itself', () => ({ issuer: 'http://127.0.0.1:8420' }), 'itself'],
    ['that is Countersign itself with a slash', () => ({ issuer: 'http://127.0.0.1:8420/' }), 'itself'],
    ['of legacy tokens of Kubernetes', () => ({ issuer: 'kubernetes/serviceaccount' }), 'projected (bound) tokens'],
    ['of something like them', () => ({ issuer: 'urn:kubernetes/serviceaccount' }), 'never believed'],
    ['with a query', () => ({ issuer: `${IDP}?x=1` }), 'query'],
    ['with keys from two places', () => uri(`${IDP}/keys`, corp.jwks), 'at most one'],
    ['whose key has its private part', () => ({ jwks: { keys: [privateJwk()] } }), 'private'],
    [
      'whose key of another algorithm has its private part',
      () => ({ jwks: { keys: [...corp.jwks.keys, { ...privateJwk(), alg: 'ES384' }] } }),
      'private',
    ],
    [
      'that brings a shared secret',
      () => ({ jwks: { keys: [...corp.jwks.keys, { kty: 'oct', k: 'AA' }] } }),
      'private',
    ],
    ['without a key for its algorithms', () => ({ algorithms: ['RS256'] }), 'RS256'],
    ['that cannot be discovered', () => ({ issuer: 'urn:idp', jwks: null }), 'jwks'],
    [
      'with a file of the host that nobody allowed',
      () => ({ jwks: null, jwks_file: '/etc/shadow' }),
      'ISSUER_FILE_DIRS',
    ],
    [
      'with a file that leaves the directory',
      () => ({ jwks: null, jwks_file: '/var/run/secrets/kubernetes.io/serviceaccount/../x' }),
      '..',
    ],
    [
      'with a file in a directory whose name begins alike',
      () => ({ jwks: null, jwks_file: '/var/run/secrets/kubernetes.io/serviceaccount-evil/x' }),
      'ISSUER_FILE_DIRS',
    ],
    ['whose certificates are any file', () => ({ ca_file: '/root/.ssh/id_ed25519' }), 'ISSUER_FILE_DIRS'],
    [
      'that would have any file shown to any server',
      () => ({ kubernetes: { mode: 'token_review', api_server: 'https://evil.test', token_file: '/etc/shadow' } }),
      'ISSUER_FILE_DIRS',
    ],
    ['asked for reviews of nobody', () => ({ kubernetes: { mode: 'token_review' } }), 'api_server'],
    ['asked for reviews by nobody', () => ({ kubernetes: { mode: 'token_review' } }), 'token_file'],
    ['that is discovered without TLS', () => ({ issuer: 'http://idp.example.com', jwks: null }), 'https'],
    ['ADM-11 that maps every value', () => ({ group_mappings: { media: ['*'] } }), 'everybody'],
    ['ADM-11 that maps an empty value', () => ({ group_mappings: { media: [''] } }), 'group_mappings'],
    ['ADM-11 that maps nothing', () => ({ group_mappings: { media: [] } }), 'group_mappings'],
    ['ADM-11 that maps to no group', () => ({ group_mappings: { ghosts: ['x'] } }), 'group_mappings.ghosts'],
    ['ADM-11 that reads an empty path', () => ({ groups_claims: [''] }), 'groups_claims'],
    ['ADM-11 that reads a path with a wildcard', () => ({ groups_claims: ['a.*'] }), 'wildcard'],
    ['with a field that there is not', () => ({ audience: 'x' }), 'unknown field'],
  ]
  for (const [name, fields, says] of refused) {
    test(`${name} is refused, and says why`, async () => {
      const [status, detail] = await issuer(fields())
      expect([status, detail]).toEqual([400, expect.stringContaining(says)])
      expect((await on.api('GET', '/api/v1/issuers')).body.items).toEqual([])
    })
  }

  test('ADM-10 that differs from another by a slash at the end alone is refused', async () => {
    await register(on, corp)
    expect(await issuer({ name: 'twin', issuer: `${IDP}/` })).toEqual([409, expect.stringContaining('slash')])
  })

  test('ADM-10 of the iss of another needs pinned keys of other ids, on both sides', async () => {
    await register(on, corp, { jwks: null, jwks_uri: `${IDP}/keys` })
    expect(await issuer({ name: 'second' })).toEqual([409, expect.stringContaining('corp has none pinned')])
    await on.api('PATCH', '/api/v1/issuers/corp', { jwks: corp.jwks })
    expect(await issuer({ name: 'second' })).toEqual([409, expect.stringContaining('kid k1')])
    const other = pinnedIssuer(on, IDP, 'k2')
    const [nameless] = other.jwks.keys as { kid?: string }[]
    expect(await issuer({ name: 'second', jwks: { keys: [{ ...nameless, kid: undefined }] } })).toEqual([
      400,
      expect.stringContaining('kid'),
    ])
    expect((await issuer({ name: 'second', jwks: other.jwks }))[0]).toBe(201)
    expect((await on.api('PATCH', '/api/v1/issuers/second', { jwks: corp.jwks })).status).toBe(409)
    expect((await on.api('PATCH', '/api/v1/issuers/second', { jwks_uri: `${IDP}/keys` })).status).toBe(409)
  })

  test('of the name of another, or of one that was deleted, is refused', async () => {
    await register(on, corp)
    expect((await issuer({ issuer: 'https://elsewhere.example.com' }))[0]).toBe(409)
    await on.api('DELETE', '/api/v1/issuers/corp')
    expect((await issuer({}))[0]).toBe(409)
  })

  test('is not deleted while something names it, and says what', async () => {
    await register(on, corp)
    await trust(on)
    await on.api('PATCH', '/api/v1/resources/webdav', { audience_aliases: [{ issuer: 'corp', audience: 'x' }] })
    const { status, body } = await on.api('DELETE', '/api/v1/issuers/corp')
    expect([status, body.detail]).toEqual([409, expect.stringContaining('trust rule machine, resource webdav')])
  })

  test('a change keeps what it does not name, whole keys included', async () => {
    await register(on, corp, { group_mappings: { media: ['a'] }, max_lifetime_seconds: 600 })
    const before = (await on.api('GET', '/api/v1/issuers/corp')).body
    const { body } = await on.api('PATCH', '/api/v1/issuers/corp', { tolerance_seconds: 5 })
    expect(body).toEqual({ ...before, tolerance_seconds: 5 })
  })
})

describe('a trust rule', () => {
  beforeEach(() => register(on, corp))

  const refused: [name: string, fields: Body, says: string][] = [
    ['that looks at the audience alone', { match: { aud: 'https://webdav.example.com' } }, 'aud'],
    ['that asks nothing', { match: {} }, 'at least one'],
    ['by a pattern in a text', { match: { sub: 'repo:org/*' } }, 'attern'],
    ['by a prefix that is a whole kind of subject', { match: { sub: { prefix: 'repo:' } } }, 'nearly every subject'],
    ['by a prefix that ends within a name', { match: { sub: { prefix: 'repo:org/repo' } } }, 'prefix'],
    ['by a prefix of another claim', { match: { sub: 'x', ref: { prefix: 'refs/' } } }, 'prefix'],
    ['to a client that there is not', { as: { client: 'ghost' } }, 'no client ghost'],
    ['to a group that there is not', { as: { workload: { groups: ['ghosts'] } } }, 'no group ghosts'],
    ['to any user', { as: { user: 'alice' } }, 'linked'],
    ['of an issuer that there is not', { issuer: 'nobody' }, 'no issuer nobody'],
    ['that is confined to nothing', { scopes: [] }, 'at least one'],
    ['that is confined to projects of nowhere', { projects: ['a'] }, 'exactly one resource'],
    ['with roles, which a rule does not give', { roles: ['admin'] }, 'unknown field'],
  ]
  for (const [name, fields, says] of refused) {
    test(`${name} is refused, and says why`, async () => {
      expect(await rule(fields)).toEqual([400, expect.stringContaining(says)])
    })
  }

  test('on an issuer that signs for everybody pins a tenant, or is refused', async () => {
    const github = 'https://token.actions.githubusercontent.com'
    await register(on, pinnedIssuer(on, github, 'g'), { name: 'github', issuer: github })
    expect(await rule({ issuer: 'github', match: { ref: 'refs/heads/main' } })).toEqual([400, expect.any(String)])
    const named = { sub: { prefix: 'repo:octo-org/octo-repo:' } }
    const answer = await on.api('POST', '/api/v1/trust-rules', {
      ...{ name: 'ci', issuer: 'github', match: named, as: { client: 'canister' } },
    })
    expect([answer.status, (answer.body.warnings as { code: string }[]).map(({ code }) => code)]).toEqual([
      201,
      expect.arrayContaining(['mutable_name']),
    ])
  })
})

describe('a trust rule that a client requires', () => {
  const remove = async () => {
    const { status, body } = await on.api('DELETE', '/api/v1/trust-rules/machine')
    return [status, body.code, body.detail]
  }
  beforeEach(async () => {
    await register(on, corp)
    await trust(on)
    for (const name of ['machin_', 'machine-2']) await trust(on, { name })
    for (const id of ['batch', 'atlas']) {
      await on.api('POST', '/api/v1/clients', { id, requires_workload: 'machine' })
    }
  })

  test('is not deleted, and says which those are, so that none is left without tokens', async () => {
    expect(await remove()).toEqual([
      409,
      'conflict',
      'It is named by client atlas, client batch. Delete or change these first; or set it to mode off.',
    ])
    expect((await on.api('GET', '/api/v1/trust-rules/machine')).status).toBe(200)
  })

  test('is deleted once none requires it, whatever others are called', async () => {
    expect((await on.api('DELETE', '/api/v1/trust-rules/machin_')).status).toBe(204)
    await on.api('DELETE', '/api/v1/clients/batch')
    await on.api('PATCH', '/api/v1/clients/atlas', { requires_workload: 'machine-2' })
    expect(await remove()).toEqual([204, undefined, undefined])
  })
})

describe('whoever is no admin', () => {
  const SCOPES = ['issuers:write', 'issuers:read', 'trust-rules:write', 'trust-rules:read', 'users:write', 'users:read']
  const as = async (...more: string[]) => {
    await on.api('POST', '/api/v1/clients', { id: 'operator' })
    const scopes = [...SCOPES, ...more]
    await on.api('POST', '/api/v1/permissions', { client: 'operator', resource: 'countersign', scopes })
    const { body } = await on.api('POST', '/api/v1/clients/operator/keys', { resources: ['countersign'] })
    const key = String(body.key)
    return async (method: string, path: string, sent?: unknown) => {
      const answer = await on.api(method, `/api/v1${path}`, sent, key)
      return [answer.status, answer.body.code]
    }
  }
  beforeEach(async () => {
    await register(on, corp)
    await on.api('POST', '/api/v1/clients', { id: 'boss' })
    await on.api('POST', '/api/v1/permissions', { client: 'boss', resource: 'countersign', roles: ['admin'] })
    await on.api('POST', '/api/v1/groups', { name: 'admins' })
    await on.api('POST', '/api/v1/permissions', { group: 'admins', resource: 'countersign', roles: ['admin'] })
  })
  const made = (name: string, fields: Body) => ({ name, issuer: 'corp', match: { sub: 'me' }, ...fields })

  test('has nobody stand for a client without the scope that makes its credentials', async () => {
    const call = await as()
    const toCanister = made('x', { as: { client: 'canister' } })
    expect(await call('POST', '/trust-rules', toCanister)).toEqual([403, 'scope_missing'])
    expect(await (await as('credentials:write'))('POST', '/trust-rules', toCanister)).toEqual([201, undefined])
    await trust(on, { name: 'y', as: { client: 'canister' }, mode: 'off' })
    expect(await call('PATCH', '/trust-rules/y', { mode: 'off' })).toEqual([200, undefined])
  })

  test('has nobody stand for who has a say at countersign', async () => {
    const call = await as('credentials:write')
    const escalates = [403, 'would_escalate']
    expect(await call('POST', '/trust-rules', made('x', { as: { client: 'boss' } }))).toEqual(escalates)
    expect(await call('POST', '/trust-rules', made('x', { as: { workload: { groups: ['admins'] } } }))).toEqual(
      escalates,
    )
    const reaching = made('x', { as: { client: 'canister' }, resources: ['countersign'] })
    expect(await call('POST', '/trust-rules', reaching)).toEqual(escalates)
    expect(await call('PATCH', '/issuers/corp', { group_mappings: { admins: ['x'] } })).toEqual(escalates)
  })

  test('changes no keys by which somebody with a say at countersign is known', async () => {
    const call = await as('credentials:write')
    expect(await call('PATCH', '/issuers/corp', { tolerance_seconds: 1 })).toEqual([200, undefined])
    await trust(on, { name: 'boss', as: { client: 'boss' } })
    for (const change of [
      { jwks: pinnedIssuer(on).jwks },
      { issuer: 'https://other.example.com' },
      { disabled: true },
    ]) {
      expect([change, await call('PATCH', '/issuers/corp', change)]).toEqual([change, [403, 'would_escalate']])
    }
    expect(await call('PATCH', '/trust-rules/boss', { match: { sub: 'me' } })).toEqual([403, 'would_escalate'])
    expect(await call('PATCH', '/trust-rules/boss', { as: { client: 'canister' } })).toEqual([403, 'would_escalate'])
    expect(await call('DELETE', '/trust-rules/boss')).toEqual([403, 'would_escalate'])
  })

  test('links no user to a subject without the scope that makes their credentials, and no admin at all', async () => {
    await on.api('POST', '/api/v1/users', { username: 'root', roles: ['admin'] })
    await on.api('POST', '/api/v1/users', { username: 'alice', roles: [] })
    const links = [{ issuer: 'corp', subject: 'me' }]
    expect(await (await as())('PATCH', '/users/alice', { links })).toEqual([403, 'scope_missing'])
    const call = await as('credentials:write')
    expect(await call('PATCH', '/users/alice', { links })).toEqual([200, undefined])
    expect(await call('PATCH', '/users/root', { links: [{ issuer: 'corp', subject: 'other' }] })).toEqual([
      403,
      'would_escalate',
    ])
    expect(await call('PATCH', '/users/alice', { links: [] })).toEqual([200, undefined])
    await on.api('POST', '/api/v1/users', { username: 'bob', roles: [], links })
    expect(await call('PATCH', '/users/alice', { links })).toEqual([409, 'name_taken'])
  })
})

/** Keys at this address; with `jwks`, here too. */
function uri(jwks_uri: string, jwks: unknown = null): Body {
  return { jwks_uri, jwks }
}
