// What no type sees: options that there are not, and values of another type. Each is refused at its place, before anything
// is made of it, since what is passed over here would let in whoever it was to keep out.
import { beforeAll, describe, expect, test } from 'bun:test'
import { protect } from './protect.ts'
import type { ProtectOptions } from './protect-options.ts'
import { ProtectOptionsError } from './protect-problems.ts'
import { AUDIENCE, NOW, type SigningIssuer, signingIssuer } from './testing/signing-issuer.ts'

const RULE = { name: 'machine', match: { sub: 'machine' }, roles: ['ADMIN'] }
const STORE = { prefix: 'acme_', findCredential: () => undefined, findOwner: () => undefined }
const STATIC = { fromEnv: 'GIT_KEY', principal: { kind: 'client', id: 'backup' }, roles: ['ADMIN'] }
const INTROSPECTION = { clientId: 'git', clientSecret: 's' }

let corp: SigningIssuer
beforeAll(async () => {
  corp = await signingIssuer()
})

const whole = (changed: object) => ({
  ...{ resource: { name: 'git', identifier: AUDIENCE, scopes: ['repos:read'] }, env: {}, now: () => NOW },
  ...{ issuers: [{ name: 'corp', issuer: corp.iss, jwks: corp.jwks, trust: [RULE] }] },
  ...changed,
})
/** One level of the options, with this changed in it. */
const LEVELS = {
  options: (changed: object) => changed,
  resource: (changed: object) => ({
    resource: { name: 'git', identifier: AUDIENCE, scopes: ['repos:read'], ...changed },
  }),
  rule: (changed: object) => LEVELS.resource({ rules: [{ path: '/**', ...changed }] }),
  require: (changed: object) => LEVELS.rule({ require: changed }),
  alias: (changed: object) => LEVELS.resource({ audienceAliases: [{ issuer: 'corp', audience: 'x', ...changed }] }),
  issuer: (changed: object) => ({
    issuers: [{ name: 'corp', issuer: corp.iss, jwks: corp.jwks, roleMappings: { ADMIN: ['admins'] }, ...changed }],
  }),
  trust: (changed: object) => LEVELS.issuer({ trust: [{ ...RULE, ...changed }] }),
  as: (changed: object) => LEVELS.trust({ as: { client: 'nightly', ...changed } }),
  countersign: (changed: object) => ({ countersign: { issuer: 'https://auth.example.com', ...changed } }),
  introspection: (changed: object) => LEVELS.countersign({ introspection: { ...INTROSPECTION, ...changed } }),
  store: (changed: object) => ({ store: { ...STORE, ...changed } }),
  staticKey: (changed: object) => ({ staticKeys: [{ ...STATIC, ...changed }] }),
  principal: (changed: object) => LEVELS.staticKey({ principal: { ...STATIC.principal, ...changed } }),
}
type Level = keyof typeof LEVELS

const problemsOf = (options: unknown): string[] => {
  try {
    protect(options as ProtectOptions)
    return []
  } catch (error) {
    if (!(error instanceof ProtectOptionsError)) throw error
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
}
const problemsAt = (level: Level, changed: object) => problemsOf(whole(LEVELS[level](changed)))

describe('an option that there is not is refused, with the one that was meant', () => {
  const ROWS: [Level, object, string, string][] = [
    ['options', { role_mappings: {} }, 'role_mappings', 'roleMappings'],
    ['options', { staticKey: [] }, 'staticKey', 'staticKeys'],
    ['options', { onDecison: () => {} }, 'onDecison', 'onDecision'],
    ['resource', { rule: [{ path: '/**', require: { roles: ['OWNER'] } }] }, 'resource.rule', 'rules'],
    ['resource', { credential_header: 'X-Key' }, 'resource.credential_header', 'credentialHeader'],
    ['resource', { foreignCredential: 'reject' }, 'resource.foreignCredential', 'foreignCredentials'],
    ['rule', { method: ['GET'] }, 'resource.rules[0].method', 'methods'],
    ['rule', { requires: { roles: ['OWNER'] } }, 'resource.rules[0].requires', 'require'],
    ['require', { scope: ['repos:read'] }, 'resource.rules[0].require.scope', 'scopes'],
    ['require', { principal: ['user'] }, 'resource.rules[0].require.principal', 'principals'],
    ['alias', { audiences: ['y'] }, 'resource.audienceAliases[0].audiences', 'audience'],
    ['issuer', { allowed_clients: ['good'] }, 'issuers[0].allowed_clients', 'allowedClients'],
    ['issuer', { trust_rules: [RULE] }, 'issuers[0].trust_rules', 'trust'],
    ['issuer', { profil: 'at+jwt' }, 'issuers[0].profil', 'profile'],
    ['issuer', { jwksUrl: 'https://idp.example.com/keys' }, 'issuers[0].jwksUrl', 'jwksUri'],
    ['issuer', { maxLifetime: 60 }, 'issuers[0].maxLifetime', 'maxLifetimeSeconds'],
    ['issuer', { Kubernetes: true }, 'issuers[0].Kubernetes', 'kubernetes'],
    ['trust', { expires_at: new Date(0) }, 'issuers[0].trust[0].expires_at', 'expiresAt'],
    ['trust', { Mode: 'off' }, 'issuers[0].trust[0].Mode', 'mode'],
    ['as', { clients: ['x'] }, 'issuers[0].trust[0].as.clients', 'client'],
    ['countersign', { cache_seconds: 1 }, 'countersign.cache_seconds', 'cacheSeconds'],
    ['introspection', { secret: 's' }, 'countersign.introspection.secret', 'clientSecret'],
    ['store', { recognize: () => true }, 'store.recognize', 'recognise'],
    ['staticKey', { role: ['ADMIN'] }, 'staticKeys[0].role', 'roles'],
    ['principal', { ids: ['x'] }, 'staticKeys[0].principal.ids', 'id'],
  ]
  for (const [level, changed, path, meant] of ROWS) {
    test(`${path}, for ${meant}`, () => {
      expect(problemsAt(level, changed)).toContain(`${path}: there is no such option; did you mean ${meant}?`)
    })
  }

  test('all of them at once, beside what else cannot stand', () => {
    const problems = problemsOf(
      whole({ ...LEVELS.resource({ identifier: 'git', rule: [] }), ...LEVELS.trust({ Mode: 'off' }), absend: 'x' }),
    )
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      ...['absend', 'resource.rule', 'issuers[0].trust[0].Mode', 'resource.identifier'],
    ])
  })

  test('with all that there are, where none is near', () => {
    expect(problemsAt('as', { workload: 'x' })).toEqual([
      'issuers[0].trust[0].as.workload: there is no such option; expected one of client',
    ])
  })

  test('also where it is inherited, as those that there are may be', () => {
    const inherited: object = Object.create({ allowed_clients: ['good'] })
    const issuer = Object.assign(inherited, { name: 'corp', issuer: corp.iss, jwks: corp.jwks, trust: [RULE] })
    expect(problemsOf(whole({ issuers: [issuer] })).join()).toContain('did you mean allowedClients?')
  })

  test('but what is undefined is absent', () => {
    for (const level of Object.keys(LEVELS) as Level[]) expect(problemsAt(level, { other: undefined })).toEqual([])
    expect(problemsAt('trust', { expiresAt: undefined, mode: undefined, as: undefined })).toEqual([])
    expect(problemsAt('issuer', { allowedClients: undefined, trust: undefined })).toEqual([])
  })

  test('and the object of a class that is a store keeps what it has for itself', () => {
    class Keys {
      readonly prefix = 'acme_'
      readonly rows = new Map<string, never>()
      findCredential(digest: string) {
        return this.rows.get(digest)
      }
      findOwner() {
        return undefined
      }
    }
    expect(problemsOf(whole({ store: new Keys() }))).toEqual([])
  })
})

describe('a value of another type is refused', () => {
  const NO_TEXT = ['a text', [7, null, {}, ['x'], true]] as const
  const NO_LIST = (of: string) => [`a list of ${of}`, ['x', null, {}, 7, new Set(['x'])]] as const
  const NO_OBJECT = ['an object', ['x', null, [], 7, new Map(), Promise.resolve({})]] as const
  const NO_FUNCTION = ['a function', ['x', null, {}, new Date()]] as const
  const NO_NUMBER = ['a number', ['3', null, {}]] as const
  const NO_FLAG = ['true or false', ['false', 'no', '', 0, null, {}, []]] as const
  const ROWS: [Level, string, string, readonly [string, readonly unknown[]]][] = [
    ['options', 'resource', 'resource', NO_OBJECT],
    ['options', 'issuers', 'issuers', NO_LIST('issuers')],
    ['options', 'roleMappings', 'roleMappings', NO_OBJECT],
    ['options', 'groupsClaims', 'groupsClaims', NO_LIST('texts')],
    ['options', 'countersign', 'countersign', NO_OBJECT],
    ['options', 'store', 'store', NO_OBJECT],
    ['options', 'staticKeys', 'staticKeys', NO_LIST('static keys')],
    ['options', 'absent', 'absent', NO_TEXT],
    ['options', 'onDecision', 'onDecision', NO_FUNCTION],
    ['options', 'onFault', 'onFault', NO_FUNCTION],
    ['options', 'env', 'env', ['an object', ['x', null]]],
    ['options', 'fetch', 'fetch', NO_FUNCTION],
    ['options', 'sha256', 'sha256', NO_FUNCTION],
    ['options', 'now', 'now', NO_FUNCTION],
    ['resource', 'name', 'resource.name', NO_TEXT],
    ['resource', 'identifier', 'resource.identifier', NO_TEXT],
    ['resource', 'scopes', 'resource.scopes', NO_LIST('texts')],
    ['resource', 'rules', 'resource.rules', NO_LIST('rules')],
    ['resource', 'audienceAliases', 'resource.audienceAliases', NO_LIST('aliases')],
    ['resource', 'credentialHeader', 'resource.credentialHeader', NO_TEXT],
    ['resource', 'foreignCredentials', 'resource.foreignCredentials', NO_TEXT],
    ['rule', 'methods', 'resource.rules[0].methods', NO_LIST('methods')],
    ['rule', 'methods', 'resource.rules[0].methods', ['at least 1', [[]]]],
    ['rule', 'path', 'resource.rules[0].path', ['a path', [undefined, null, 7]]],
    ['rule', 'require', 'resource.rules[0].require', NO_OBJECT],
    ['require', 'public', 'resource.rules[0].require.public', NO_FLAG],
    ['require', 'principals', 'resource.rules[0].require.principals', NO_LIST('kinds of principals')],
    [
      'require',
      'principals',
      'resource.rules[0].require.principals[0]',
      ['one of "user", "client", "workload"', [['clients']]],
    ],
    ['require', 'project', 'resource.rules[0].require.project', ['"any"', ['Any', '', true, null]]],
    ['require', 'listener', 'resource.rules[0].require.listener', NO_TEXT],
    ...['scopes', 'roles', 'groups', 'networks'].flatMap(
      (name): [Level, string, string, readonly [string, unknown[]]][] => {
        const path = `resource.rules[0].require.${name}`
        return [
          ['require', name, path, [`a list of ${name}`, ['OWNER', null, {}]]],
          ['require', name, path, ['at least 1', [[]]]],
          ['require', name, `${path}[0]`, ['a text that is not empty', [[''], [undefined], [null], [['x']]]]],
        ]
      },
    ),
    ['issuer', 'issuer', 'issuers[0].issuer', NO_TEXT],
    ['issuer', 'algorithms', 'issuers[0].algorithms', NO_LIST('texts')],
    ['issuer', 'jwks', 'issuers[0].jwks', ['a JWK Set', [null, 'x', {}, [], { keys: {} }, { keys: [] }]]],
    ['issuer', 'jwksUri', 'issuers[0].jwksUri', NO_TEXT],
    ['issuer', 'readKeys', 'issuers[0].readKeys', NO_FUNCTION],
    ['issuer', 'maxLifetimeSeconds', 'issuers[0].maxLifetimeSeconds', NO_NUMBER],
    ['issuer', 'toleranceSeconds', 'issuers[0].toleranceSeconds', NO_NUMBER],
    ['issuer', 'allowedClients', 'issuers[0].allowedClients', ['a list of texts', ['nightly-report', '', {}, 7]]],
    ['issuer', 'allowedClients', 'issuers[0].allowedClients[0]', ['a text that is not empty', [[undefined], ['']]]],
    ['issuer', 'kubernetes', 'issuers[0].kubernetes', NO_FLAG],
    ['issuer', 'roleMappings', 'issuers[0].roleMappings', NO_OBJECT],
    ['issuer', 'groupsClaims', 'issuers[0].groupsClaims', NO_LIST('texts')],
    ['issuer', 'trust', 'issuers[0].trust', NO_LIST('trust rules')],
    ['trust', 'match', 'issuers[0].trust[0].match', NO_OBJECT],
    ['trust', 'mode', 'issuers[0].trust[0].mode', NO_TEXT],
    ['trust', 'expiresAt', 'issuers[0].trust[0].expiresAt', ['a Date', ['2020-01-01', 0, {}]]],
    ['trust', 'roles', 'issuers[0].trust[0].roles', NO_LIST('texts')],
    ['trust', 'scopes', 'issuers[0].trust[0].scopes', NO_LIST('texts')],
    ['trust', 'as', 'issuers[0].trust[0].as', NO_OBJECT],
    ['countersign', 'issuer', 'countersign.issuer', NO_TEXT],
    ['countersign', 'keys', 'countersign.keys', ['a JWK Set', [null, 'text', {}, [], { keys: {} }, { keys: [] }]]],
    ['countersign', 'introspection', 'countersign.introspection', NO_OBJECT],
    ['countersign', 'cacheSeconds', 'countersign.cacheSeconds', NO_NUMBER],
    ['store', 'findCredential', 'store.findCredential', ['a function', [undefined, null, {}]]],
    ['store', 'findOwner', 'store.findOwner', ['a function', [undefined, null, {}]]],
    ['store', 'prefix', 'store.prefix', NO_TEXT],
    ['store', 'recognise', 'store.recognise', NO_FUNCTION],
    ['staticKey', 'fromEnv', 'staticKeys[0].fromEnv', NO_TEXT],
    ['staticKey', 'principal', 'staticKeys[0].principal', NO_OBJECT],
    ['staticKey', 'roles', 'staticKeys[0].roles', NO_LIST('texts')],
    ['staticKey', 'scopes', 'staticKeys[0].scopes', NO_LIST('texts')],
  ]
  for (const [level, name, path, [expected, wrong]] of ROWS) {
    test(`${path}: expected ${expected}`, () => {
      for (const value of wrong) {
        const told = problemsAt(level, { [name]: value }).filter((problem) => problem.startsWith(`${path}: `))
        expect(told, Bun.inspect(value)).toHaveLength(1)
        expect(told[0]).toContain(`expected ${expected}`)
      }
    })
  }

  test('in lists, and the options themselves', () => {
    for (const value of [undefined, null, 'x', []]) {
      expect(problemsOf(value)).toEqual(['options: expected an object'])
      expect(problemsOf(whole({ issuers: [value] }))).toEqual(['issuers[0]: expected an object'])
      expect(problemsAt('resource', { rules: [value] })).toEqual(['resource.rules[0]: expected an object'])
      expect(problemsAt('issuer', { trust: [value] })).toEqual(['issuers[0].trust[0]: expected an object'])
      expect(problemsOf(whole({ staticKeys: [value] }))).toEqual(['staticKeys[0]: expected an object'])
    }
  })
})

test('what is of the right type stands: null where it is a word, and a rule that says it is not public', async () => {
  expect(problemsAt('issuer', { allowedClients: null })).toEqual([])
  expect(problemsAt('trust', { expiresAt: null })).toEqual([])
  expect(problemsAt('require', { public: true })).toEqual([])
  const guard = protect(whole(LEVELS.require({ public: false })) as ProtectOptions)
  expect(await guard(new Request('https://git.example.com/'))).toMatchObject({ code: 'credential_missing' })
})
