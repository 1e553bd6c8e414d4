// What a start is refused for: each problem at its place, and all of them at once.
import { beforeAll, describe, expect, test } from 'bun:test'
import { protect } from './protect.ts'
import type { ProtectIssuerOptions } from './protect-issuers.ts'
import type { ProtectOptions } from './protect-options.ts'
import { ProtectOptionsError } from './protect-problems.ts'
import { AUDIENCE, signingIssuer } from './testing/signing-issuer.ts'

const KEY = 'a-static-key-of-forty-characters-0123456'
const RESOURCE = { name: 'git', identifier: AUDIENCE, scopes: ['repos:read'] }
const STATIC = { fromEnv: 'GIT_KEY', principal: { kind: 'client', id: 'backup' }, roles: ['ADMIN'] } as const
const TRUST = [{ name: 'machine', match: { sub: 'machine' }, roles: ['ADMIN'] }]
const STORE = { findCredential: () => undefined, findOwner: () => undefined }
let corp: Awaited<ReturnType<typeof signingIssuer>>
beforeAll(async () => {
  corp = await signingIssuer('https://idp.example.com', 'corp-1')
})

const problemsOf = (options: object): string[] => {
  try {
    protect({ resource: RESOURCE, staticKeys: [STATIC], env: {}, ...options } as ProtectOptions)
    return []
  } catch (error) {
    if (!(error instanceof ProtectOptionsError)) throw error
    for (const { path, message } of error.problems) expect(error.message).toContain(`${path}: ${message}`)
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
}
const issuer = (changed: object = {}): ProtectIssuerOptions => ({
  ...{ name: 'corp', issuer: corp.iss, jwks: corp.jwks, trust: TRUST },
  ...changed,
})
const withIssuer = (changed: object) => ({ issuers: [issuer(changed)] })
const withResource = (changed: object) => ({ resource: { ...RESOURCE, ...changed } })
const countersign = (changed: object) => ({ countersign: { issuer: 'https://auth.example.com', ...changed } })
const withKey = (text: string | undefined) => ({ env: { GIT_KEY: text } })

describe('a start is refused', () => {
  const ROWS: [string, () => object, string][] = [
    [
      'without an identifier',
      () => withResource({ identifier: undefined }),
      'resource.identifier: expected an absolute URI',
    ],
    [
      'with an identifier that is no URI',
      () => withResource({ identifier: 'git' }),
      'resource.identifier: expected an absolute',
    ],
    ['with a name that is none', () => withResource({ name: 'Git Server' }), 'resource.name: expected a-z'],
    ['with the name of Countersign itself', () => withResource({ name: 'countersign' }), 'resource.name: expected a-z'],
    [
      'with a scope that is none',
      () => withResource({ scopes: ['read'] }),
      'resource.scopes[0]: "read" is not a scope',
    ],
    ['with no rule', () => withResource({ rules: [] }), 'resource.rules: expected at least one'],
    ['with a rule of a bad path', () => withResource({ rules: [{ path: 'x' }] }), 'resource.rules[0].path: '],
    [
      'with a rule of an undeclared scope',
      () => withResource({ rules: [{ path: '/**', require: { scopes: ['x:y'] } }] }),
      'resource.rules[0].require.scopes: "x:y" is not among',
    ],
    [
      'with a rule of scopes where none are declared',
      () => withResource({ scopes: undefined, rules: [{ path: '/**', require: { scopes: ['x:y'] } }] }),
      'name those that it has in resource.scopes',
    ],
    [
      'with a rule of a listener',
      () => withResource({ rules: [{ path: '/**', require: { listener: 'internal' } }] }),
      'resource.rules[0].require.listener: cannot be told here',
    ],
    [
      'with an alias of no issuer',
      () => withResource({ audienceAliases: [{ issuer: 'none', audience: 'x' }] }),
      'resource.audienceAliases[0].issuer: there is no issuer',
    ],
    [
      'with a credential header that others read',
      () => withResource({ credentialHeader: 'Cookie' }),
      'resource.credentialHeader: expected',
    ],
    [
      'with another word for foreign credentials',
      () => withResource({ foreignCredentials: 'allow' }),
      'resource.foreignCredentials: expected',
    ],
    ['with another word for absent ones', () => ({ absent: 'allow' }), 'absent: expected "refuse" or "continue"'],
    [
      'with nobody who could be let in',
      () => ({ staticKeys: [] }),
      'issuers: expected issuers, countersign, store or staticKeys',
    ],

    ['without algorithms', () => withIssuer({ algorithms: [] }), 'issuers[0].algorithms: expected at least one'],
    [
      'with HS256',
      () => withIssuer({ algorithms: ['RS256', 'HS256'] }),
      'issuers[0].algorithms: HS256 is signed with a shared secret',
    ],
    ['with none', () => withIssuer({ algorithms: ['none'] }), 'issuers[0].algorithms: expected ES256'],
    ['with another profile', () => withIssuer({ profile: 'id' }), 'issuers[0].profile: expected one of'],
    ['with an issuer without a name', () => withIssuer({ name: '' }), 'issuers[0].name: expected a-z'],
    [
      'with two sources of keys',
      () => withIssuer({ jwksUri: 'https://idp.example.com/keys' }),
      'issuers[0].jwks, jwksUri: expected one source',
    ],
    ['with a key set that is none', () => withIssuer({ jwks: { keys: [] } }), 'issuers[0].jwks: expected a JWK Set'],
    [
      'with keys that come without TLS',
      () => withIssuer({ jwks: undefined, jwksUri: 'http://idp.example.com/keys' }),
      'issuers[0].jwksUri: expected an https URL',
    ],
    [
      'with an issuer whose keys cannot be found',
      () => withIssuer({ jwks: undefined, issuer: 'corp' }),
      'issuers[0].issuer: expected an https URL, or one of',
    ],
    [
      'with tokens that live for ever',
      () => withIssuer({ maxLifetimeSeconds: Number.POSITIVE_INFINITY }),
      'issuers[0].maxLifetimeSeconds: expected 60 to',
    ],
    [
      'with a clock that may be off by an hour',
      () => withIssuer({ toleranceSeconds: 3600 }),
      'issuers[0].toleranceSeconds: expected 0 to 300',
    ],
    [
      'with no allowed client',
      () => withIssuer({ allowedClients: [] }),
      'issuers[0].allowedClients: expected at least one',
    ],
    [
      'with a mapping of no values',
      () => withIssuer({ roleMappings: { ADMIN: [] } }),
      'issuers[0].roleMappings.ADMIN: expected a list',
    ],
    [
      'with a default mapping of no values',
      () => ({ roleMappings: { ADMIN: [''] } }),
      'roleMappings.ADMIN: expected a list',
    ],
    [
      'with an issuer that gives nothing',
      () => withIssuer({ trust: [{ name: 'machine', match: { sub: 'machine' } }] }),
      'issuers[0].trust: nothing gives its tokens',
    ],
    [
      'with a list of no trust rules',
      () => withIssuer({ trust: [], roleMappings: { A: ['a'] } }),
      'issuers[0].trust: expected at least one rule',
    ],
    [
      'with a trust rule that asks nothing',
      () => withIssuer({ trust: [{ ...TRUST[0], match: {} }] }),
      'issuers[0].trust[0].match: A rule that asks nothing',
    ],
    [
      'with a trust rule that has no match',
      () => withIssuer({ trust: [{ ...TRUST[0], match: undefined }] }),
      'issuers[0].trust[0].match: A rule that asks nothing',
    ],
    [
      'with a trust rule of strangers',
      () =>
        withIssuer({
          issuer: 'https://token.actions.githubusercontent.com',
          trust: [{ ...TRUST[0], match: { sub: 'machine' } }],
        }),
      'issuers[0].trust[0].match: GitHub Actions signs for everybody',
    ],
    [
      'with an issuer that signs for everybody, and no rule',
      () => withIssuer({ issuer: 'https://gitlab.com', trust: undefined, roleMappings: { A: ['a'] } }),
      'issuers[0].trust: GitLab signs for everybody',
    ],
    [
      'with two rules of one name',
      () => withIssuer({ trust: [...TRUST, ...TRUST] }),
      'issuers[0].trust: two rules are called machine',
    ],
    [
      'with a rule in no mode',
      () => withIssuer({ trust: [{ ...TRUST[0], mode: 'on' }] }),
      'issuers[0].trust[0].mode: expected one of',
    ],
    [
      'with a rule that ends at no date',
      () => withIssuer({ trust: [{ ...TRUST[0], expiresAt: '2030' }] }),
      'issuers[0].trust[0].expiresAt: expected a Date',
    ],
    [
      'with a rule that gives an undeclared scope',
      () => withIssuer({ trust: [{ ...TRUST[0], scopes: ['x:y'] }] }),
      'issuers[0].trust[0].scopes: "x:y" is none of',
    ],
    [
      'with a rule for a client that is none',
      () => withIssuer({ trust: [{ ...TRUST[0], as: { client: '' } }] }),
      'issuers[0].trust[0].as.client: expected',
    ],
    [
      'with two issuers of one name',
      () => ({ issuers: [issuer(), issuer({ issuer: 'https://other.example.com' })] }),
      'issuers[1].name: another issuer is called corp',
    ],
    [
      'with two issuers that differ by a slash',
      () => ({ issuers: [issuer(), issuer({ name: 'two', issuer: `${corp.iss}/` })] }),
      'issuers[1].issuer: differs from that of corp by a slash',
    ],
    [
      'with two issuers of one iss and one kid',
      () => ({ issuers: [issuer(), issuer({ name: 'two' })] }),
      'issuers[1].jwks: the kid corp-1 is that of a key of corp too',
    ],
    [
      'with two issuers of one iss, one of them not pinned',
      () => ({ issuers: [issuer({ jwks: undefined }), issuer({ name: 'two' })] }),
      'issuers[1].issuer: corp signs as https://idp.example.com too',
    ],
    [
      'with two issuers of one iss and no kid',
      () => ({ issuers: [issuer(), issuer({ name: 'two', jwks: { keys: [{ kty: 'EC' }] } })] }),
      'issuers[1].jwks: expected a kid in each key',
    ],

    [
      'with Countersign at no URL',
      () => countersign({ issuer: 'auth' }),
      'countersign.issuer: expected the public URL',
    ],
    [
      'with Countersign as an issuer too',
      () => ({ ...withIssuer({}), ...countersign({ issuer: corp.iss }) }),
      'countersign.issuer: one of the issuers has the same iss',
    ],
    [
      'with a cache that hides revocations',
      () => countersign({ cacheSeconds: 60 }),
      'countersign.cacheSeconds: expected 0 to 5',
    ],
    [
      'with a cache of no time',
      () => countersign({ cacheSeconds: Number.NaN }),
      'countersign.cacheSeconds: expected 0 to 5',
    ],
    [
      'with an introspector without a secret',
      () => countersign({ introspection: { clientId: 'git', clientSecret: undefined } }),
      'countersign.introspection.clientSecret: expected',
    ],

    ['with a store whose keys cannot be told', () => ({ store: STORE }), 'store: expected either prefix or recognise'],
    [
      'with a store whose keys are told twice',
      () => ({ store: { ...STORE, prefix: 'acme_', recognise: () => true } }),
      'store: expected either prefix or recognise',
    ],
    [
      'with a store whose keys begin as ours',
      () => ({ store: { ...STORE, prefix: 'cs_own_' } }),
      'store.prefix: expected another one',
    ],
    [
      'with a store whose keys could be ours',
      () => ({ store: { ...STORE, prefix: 'cs' } }),
      'store.prefix: expected another one',
    ],
    [
      'with a store whose keys begin with nothing',
      () => ({ store: { ...STORE, prefix: '' } }),
      'store.prefix: expected at least 2',
    ],

    ['with an empty static key', () => withKey(''), 'staticKeys[0].fromEnv: GIT_KEY is set and empty'],
    [
      'with a short static key',
      () => withKey('x'.repeat(31)),
      'staticKeys[0].fromEnv: GIT_KEY holds a key of 31 characters',
    ],
    [
      'with a static key that cannot be sent',
      () => withKey(`${KEY} `),
      'staticKeys[0].fromEnv: GIT_KEY holds a key that cannot stand in a header',
    ],
    [
      'with a static key that nobody could send',
      () => withKey('x'.repeat(8193)),
      'staticKeys[0].fromEnv: GIT_KEY holds a key of more than 8192',
    ],
    [
      'with a static key that begins as ours',
      () => withKey(`cs_${KEY}`),
      'staticKeys[0].fromEnv: GIT_KEY begins with cs_',
    ],
    [
      'with a static key like those of the store',
      () => ({ store: { ...STORE, prefix: 'a-st' }, ...withKey(KEY) }),
      'staticKeys[0].fromEnv: GIT_KEY has the form of the keys of the store',
    ],
    [
      'with two equal static keys',
      () => ({ staticKeys: [STATIC, { ...STATIC, fromEnv: 'B' }], env: { GIT_KEY: KEY, B: KEY } }),
      'staticKeys: B and GIT_KEY hold the same key',
    ],
    [
      'with one variable twice',
      () => ({ staticKeys: [STATIC, STATIC] }),
      'staticKeys[1].fromEnv: GIT_KEY is named twice',
    ],
    [
      'with a static key that opens nothing',
      () => ({ staticKeys: [{ ...STATIC, roles: [] }] }),
      'staticKeys[0].roles: expected at least one role or scope',
    ],
    [
      'with a static key for a user',
      () => ({ staticKeys: [{ ...STATIC, principal: { kind: 'user', id: 'alice' } }] }),
      'staticKeys[0].principal: expected a client',
    ],
    [
      'with a static key of an undeclared scope',
      () => ({ staticKeys: [{ ...STATIC, scopes: ['x:y'] }] }),
      'staticKeys[0].scopes: "x:y" is none of',
    ],
  ]
  for (const [name, options, expected] of ROWS) {
    test(name, () => {
      expect(problemsOf(options()).join('\n')).toContain(expected)
    })
  }

  test('with every problem at once', async () => {
    const token = await corp.token()
    const problems = problemsOf({
      ...withResource({ identifier: '' }),
      ...withKey(token),
      ...withIssuer({ algorithms: [] }),
    })
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      ...['resource.identifier', 'issuers[0].algorithms', 'staticKeys[0].fromEnv'],
    ])
    expect(problems.join()).not.toContain(token.slice(0, 20))
  })
})

test('a start asks nobody for anything, and what is unset is off', () => {
  const asked: string[] = []
  const fetch = async (uri: string) => {
    asked.push(uri)
    return new Response()
  }
  const issuers = [
    issuer({ jwks: undefined }),
    issuer({ name: 'two', issuer: 'https://two.example.com', jwks: undefined }),
  ]
  expect(problemsOf({ issuers, fetch, ...countersign({}), env: { GIT_KEY: undefined } })).toEqual([])
  expect(asked).toEqual([])
})

test('a static key is found in the environment of the runtime, where none is given', async () => {
  const resource = { name: 'git', identifier: AUDIENCE }
  const before = process.env.GIT_KEY
  process.env.GIT_KEY = KEY
  try {
    const guard = protect({ resource, staticKeys: [STATIC] })
    const request = new Request('https://git.example.com/', { headers: { 'x-api-key': KEY } })
    expect(await guard(request)).toMatchObject({ outcome: 'allow', principal: { kind: 'client', id: 'backup' } })
  } finally {
    if (before === undefined) delete process.env.GIT_KEY
    else process.env.GIT_KEY = before
  }
})
