import { expect, test } from 'bun:test'
import type { z } from 'zod'
import {
  AgeRevocation,
  ClientChange,
  CredentialImport,
  CredentialQuery,
  Explain,
  fieldProblems,
  GroupChange,
  LeakReport,
  NewClient,
  NewGroup,
  NewKey,
  NewPermission,
  NewResource,
  NewToken,
  NewTrustRule,
  NewUser,
  ResourceChange,
  Rotation,
  UserChange,
} from './index.ts'

const resource = (extra: object) => ({ name: 'webdav', identifier: 'https://dav.example', rules: [], ...extra })
const rule = (extra: object) => resource({ rules: [{ path: '/**', ...extra }] })
const requiring = (require: object) => rule({ require })
const described = (detail: unknown) => resource({ scopes: ['a:b'], scope_details: { 'a:b': detail } })
const permission = (extra: object) => ({ client: 'canister', resource: 'webdav', ...extra })
const user = (extra: object) => ({ username: 'alice', ...extra })
const imported = (extra: object, more: object = {}) => ({
  prefix: 'glpat-',
  digest: 'sha256',
  credentials: [{ digest: 'a'.repeat(64), owner: 'user:alice', ...extra }],
  ...more,
})
const explain = (extra: object) => ({ method: 'GET', url: 'https://dav.example/', ...extra })

const ROWS: [mistake: string, schema: z.ZodType, body: unknown, path: string, message: string | RegExp][] = [
  ['an unknown field', NewGroup, { name: 'a', owner: 'b' }, 'owner', /^unknown field; expected name, description/],
  ['an unknown field in a rule', NewResource, requiring({ scope: 'a:b' }), 'rules[0].require.scope', /^unknown field/],
  ['a credential for a field', NewGroup, { name: 'a', [`cs_key_${'a'.repeat(49)}`]: 1 }, '…', /^unknown field/],
  [
    'a credential for a field of one of several forms',
    NewTrustRule,
    { name: 't', issuer: 'i', match: { sub: { prefix: 'x', [`cs_key_${'a'.repeat(49)}`]: 1 } }, as: { client: 'c' } },
    'match.sub.…',
    'unknown field; expected prefix',
  ],
  ['a credential for a name', NewKey, { name: `laptop cs_key_${'a'.repeat(49)}` }, 'name', /without a credential/],
  [
    'a credential in a description',
    NewGroup,
    { name: 'a', description: `cs_pat_${'a'.repeat(49)}` },
    'description',
    /without/,
  ],
  ['a field that is missing', NewResource, { name: 'a', rules: [] }, 'identifier', 'missing; expected string'],
  ['a body that is no object', NewGroup, [], '', /expected object/],
  ['a name in capitals', NewClient, { id: 'Canister' }, 'id', /a-z 0-9/],
  ['a name of 64 characters', NewClient, { id: 'a'.repeat(64) }, 'id', /1 to 63/],
  ['the name of Countersign', NewResource, resource({ name: 'countersign' }), 'name', /reserved/],
  ['a name that looks like Countersign', NewClient, { id: 'countersign-2' }, 'id', /reserved/],
  ['the bootstrap client', NewClient, { id: 'bootstrap' }, 'id', /reserved/],
  ['the built-in group of clients', NewGroup, { name: 'clients' }, 'name', /reserved/],
  [
    'an identifier with fragment',
    NewResource,
    resource({ identifier: 'https://a.example/#x' }),
    'identifier',
    /without fragment/,
  ],
  ['an identifier that is no URI', NewResource, resource({ identifier: 'webdav' }), 'identifier', /absolute URI/],
  ['a host in capitals', NewResource, resource({ hosts: ['Dav.example'] }), 'hosts[0]', /lower case/],
  ['a host with scheme', NewResource, resource({ hosts: ['https://dav.example'] }), 'hosts[0]', /expected a host/],
  ['a host with default port', NewResource, resource({ hosts: ['dav.example:443'] }), 'hosts[0]', /default port/],
  ['a wildcard inside', NewResource, resource({ hosts: ['a.*.example'] }), 'hosts[0]', /\*\.example\.com/],
  ['a scope without action', NewResource, resource({ scopes: ['files'] }), 'scopes[0]', /noun:action/],
  ['a scope with any', NewResource, resource({ scopes: ['files:any:read'] }), 'scopes[0]', /"any"/],
  ['a surface in capitals', NewResource, described({ surface: 'Files' }), 'scope_details.a:b.surface', /"pushes"/],
  [
    'a scope said in two lines',
    NewResource,
    described({ description: 'a\nb' }),
    'scope_details.a:b.description',
    /one line/,
  ],
  [
    'a scope with nothing said',
    NewResource,
    described({ description: '' }),
    'scope_details.a:b.description',
    /at least one/,
  ],
  [
    'a scope with too much said',
    NewResource,
    described({ description: 'x'.repeat(501) }),
    'scope_details.a:b.description',
    /500/,
  ],
  [
    'an unknown field of a scope',
    NewResource,
    described({ title: 'x' }),
    'scope_details.a:b.title',
    /surface, description/,
  ],
  ['a pattern where a scope belongs', NewResource, resource({ scopes: ['*:read'] }), 'scopes[0]', /noun:action/],
  [
    'a token that lives too long',
    NewResource,
    resource({ access_token: { ttl_seconds: 86_401 } }),
    'access_token.ttl_seconds',
    /60 to 86400/,
  ],
  [
    'a token format',
    NewResource,
    resource({ access_token: { format: 'JWT' } }),
    'access_token.format',
    /"jwt" or "opaque"/,
  ],
  [
    'Authorization as own header',
    NewResource,
    resource({ credential_header: 'Authorization' }),
    'credential_header',
    /nothing else uses/,
  ],
  [
    'a forwarded header as own',
    NewResource,
    resource({ credential_header: 'X-Forwarded-Key' }),
    'credential_header',
    /nothing else uses/,
  ],
  [
    'an identity header as own',
    NewResource,
    resource({ credential_header: 'Remote-User' }),
    'credential_header',
    /nothing else uses/,
  ],
  [
    'an alias over an identity header',
    NewResource,
    resource({ headers: { 'remote-name': 'Remote-User' } }),
    'headers.remote-name',
    /identity header/,
  ],
  [
    'an alias that proxies set',
    NewResource,
    resource({ headers: { 'X-Forwarded-For': 'Remote-User' } }),
    'headers.X-Forwarded-For',
    /identity header/,
  ],
  [
    'an alias of nothing',
    NewResource,
    resource({ headers: { 'X-User': 'User' } }),
    'headers.X-User',
    /one of Remote-User/,
  ],
  [
    'an alias twice',
    NewResource,
    resource({ headers: { 'X-User': 'Remote-User', 'x-user': 'Remote-Name' } }),
    'headers.x-user',
    /each name once/,
  ],
  ['no methods', NewResource, rule({ methods: [] }), 'rules[0].methods', /at least one method/],
  ['a method in small letters', NewResource, rule({ methods: ['get'] }), 'rules[0].methods[0]', /capitals/],
  ['a method that echoes', NewResource, rule({ methods: ['TRACE'] }), 'rules[0].methods[0]', /neither TRACE/],
  ['a wildcard over a whole top level', NewResource, resource({ hosts: ['*.com'] }), 'hosts[0]', /expected a host/],
  ['a relative path', NewResource, resource({ rules: [{ path: 'files' }] }), 'rules[0].path', /expected a path/],
  ['a path with query', NewResource, resource({ rules: [{ path: '/a?b' }] }), 'rules[0].path', /without backslash/],
  ['** in the middle', NewResource, resource({ rules: [{ path: '/**/a' }] }), 'rules[0].path', /last segment/],
  ['half a wildcard', NewResource, resource({ rules: [{ path: '/a*' }] }), 'rules[0].path', /whole segment/],
  ['no scopes asked', NewResource, requiring({ scopes: [] }), 'rules[0].require.scopes', /at least one scope/],
  ['no groups asked', NewResource, requiring({ groups: [] }), 'rules[0].require.groups', /at least one group/],
  [
    'no principals asked',
    NewResource,
    requiring({ principals: [] }),
    'rules[0].require.principals',
    /at least one principal/,
  ],
  [
    'anonymous asked as principal',
    NewResource,
    requiring({ principals: ['anonymous'] }),
    'rules[0].require.principals[0]',
    /expected "client", "user" or "workload"/,
  ],
  ['no networks', NewResource, requiring({ networks: [] }), 'rules[0].require.networks', /at least one network/],
  [
    'an address for a network',
    NewResource,
    requiring({ networks: ['10.0.0.1'] }),
    'rules[0].require.networks[0]',
    /10\.0\.0\.0\/8/,
  ],
  ['public that is false', NewResource, requiring({ public: false }), 'rules[0].require.public', /expected true/],
  [
    'public with scopes',
    NewResource,
    requiring({ public: true, scopes: ['a:b'] }),
    'rules[0].require.scopes',
    /beside public/,
  ],
  ['a name in a change', ResourceChange, { name: 'other' }, 'name', /^unknown field/],
  ['an id in a change', ClientChange, { id: 'other' }, 'id', /^unknown field/],
  ['a grant there is not', NewClient, { id: 'a', grants: ['password'] }, 'grants[0]', /client_credentials/],
  ['no holder', NewPermission, { resource: 'webdav' }, '', /exactly one of group/],
  ['two holders', NewPermission, permission({ group: 'media' }), '', /exactly one of group/],
  ['no projects', NewPermission, permission({ projects: [] }), 'projects', /at least one project/],
  ['all projects by star', NewPermission, permission({ projects: ['*'] }), 'projects[0]', /expected a project/],
  ['a star alone as scope', NewPermission, permission({ scopes: ['*'] }), 'scopes[0]', /pattern like/],
  ['half a star in a scope', NewPermission, permission({ scopes: ['fi*:read'] }), 'scopes[0]', /pattern like/],
  ['a key for no resource', NewKey, { resources: [] }, 'resources', /at least one resource/],
  ['a key for projects of nothing', NewKey, { projects: ['a'] }, 'resources', /exactly one resource/],
  [
    'a key for projects of two',
    NewKey,
    { projects: ['a'], resources: ['b', 'c'] },
    'resources',
    /exactly one resource/,
  ],
  ['two expiries', NewKey, { expires_in_days: 1, expires_in_seconds: 1 }, 'expires_in_seconds', /at most one of/],
  ['an expiry without zone', NewKey, { expires_at: '2030-01-01T00:00:00' }, 'expires_at', /with zone/],
  ['a key that never was', NewKey, { expires_in_days: 0 }, 'expires_in_days', /from 1 to/],
  ['an endless overlap', Rotation, { overlap_seconds: 2_592_001 }, 'overlap_seconds', /30 days/],
  ['a user called like a built-in group', NewUser, { username: 'users' }, 'username', /reserved/],
  ['a user in capitals', NewUser, { username: 'Alice' }, 'username', /a-z 0-9/],
  ['a role that there is not', NewUser, user({ roles: ['root'] }), 'roles[0]', /one of admin, auditor, user/],
  ['an address that is none', NewUser, user({ email: 'alice' }), 'email', /alice@example\.com/],
  ['a password too short to be one', NewUser, user({ password: 'secret' }), 'password', /8 to 256/],
  ['a password that is a number', NewUser, user({ password: 12345678 }), 'password', /8 to 256/],
  ['when a user was made', NewUser, user({ created_at: '2030-01-01T00:00:00Z' }), 'created_at', /^unknown field/],
  ['a new username', UserChange, { username: 'bob' }, 'username', /^unknown field/],
  ['whether a password is set', UserChange, { has_password: true }, 'has_password', /^unknown field/],
  ['a new name of a group', GroupChange, { name: 'other' }, 'name', /^unknown field/],
  ['members of a group', GroupChange, { members: [] }, 'members', /^unknown field/],
  ['a token for nothing', NewToken, { scopes: [] }, 'scopes', /at least one scope/],
  ['a token for projects of nothing', NewToken, { projects: ['a'] }, 'resources', /exactly one resource/],
  ['a token of somebody else', NewToken, { owner: 'user:bob' }, 'owner', /^unknown field/],
  [
    'an age of sessions',
    AgeRevocation,
    { kind: 'session', created_before: '2030-01-01T00:00:00Z' },
    'kind',
    /key, pat, at/,
  ],
  ['an age without date', AgeRevocation, { kind: 'pat' }, 'created_before', /date and time/],
  ['nothing reported', LeakReport, { credential: '' }, 'credential', /the credential itself/],
  ['an essay reported', LeakReport, { credential: 'x'.repeat(8193) }, 'credential', /at most 8192/],
  ['our own prefix as foreign', CredentialImport, imported({}, { prefix: 'cs_pat_' }), 'prefix', /not "cs_"/],
  ['a prefix of JWTs', CredentialImport, imported({}, { prefix: 'eyJhbGci' }), 'prefix', /not like a JWT/],
  ['a prefix that says nothing', CredentialImport, imported({}, { prefix: 'a' }), 'prefix', /3 to 32/],
  ['a weak digest', CredentialImport, imported({}, { digest: 'md5' }), 'digest', /"hmac-sha256"/],
  ['a key for a plain digest', CredentialImport, imported({}, { hmac_key: 'a2V5Cg==' }), 'hmac_key', /beside digest/],
  ['nothing to import', CredentialImport, imported({}, { credentials: [] }), 'credentials', /at least one/],
  [
    'a digest in capitals',
    CredentialImport,
    imported({ digest: 'A'.repeat(64) }),
    'credentials[0].digest',
    /lower case/,
  ],
  ['a token for its digest', CredentialImport, imported({ digest: 'glpat-x' }), 'credentials[0].digest', /64 hexa/],
  [
    'an import for projects of nothing',
    CredentialImport,
    imported({ projects: ['a'] }),
    'credentials[0].resources',
    /exactly one/,
  ],
  ['an owner that is a group', CredentialImport, imported({ owner: 'group:a' }), 'credentials[0].owner', /user:alice/],
  ['an owner without kind', CredentialQuery, { owner: 'canister' }, 'owner', /client:canister/],
  ['a limit of nothing', CredentialQuery, { limit: '0' }, 'limit', /1 to 200/],
  ['a limit in words', CredentialQuery, { limit: 'all' }, 'limit', /1 to 200/],
  ['a relative URL', Explain, explain({ url: '/a' }), 'url', /absolute URL/],
  ['two credentials', Explain, explain({ credential: 'x', credential_id: 'key_1' }), 'credential_id', /at most one of/],
  ['an address in words', Explain, explain({ client_address: 'localhost' }), 'client_address', /IP address/],
]

test.each(ROWS)('%s is refused, at its field, with what was expected', (_mistake, schema, body, path, message) => {
  const result = schema.safeParse(body)
  const problems = result.success ? [] : fieldProblems(result.error)
  const found = problems.find((problem) => problem.path === path)
  expect({ problems, found: found !== undefined }).toMatchObject({ found: true })
  if (typeof message === 'string') expect(found?.message).toBe(message)
  else expect(found?.message).toMatch(message)
})

test('every mistake is told at once', () => {
  const result = NewResource.safeParse({
    name: 'A',
    identifier: 'x',
    rules: [{ path: 'x', methods: [] }],
    colour: 'red',
  })
  const paths = result.success ? [] : fieldProblems(result.error).map((problem) => problem.path)
  expect(paths.toSorted()).toEqual(['colour', 'identifier', 'name', 'rules[0].methods', 'rules[0].path'])
})

test('a mistake never quotes a credential', () => {
  const credential = 'cs_key_SECRET'.padEnd(9000, 'x')
  const result = Explain.safeParse({ method: 'GET', url: 'https://a.example', credential, credential_id: credential })
  expect(result.success).toBe(false)
  if (!result.success) expect(JSON.stringify(fieldProblems(result.error))).not.toContain('SECRET')
})

test('a mistake never quotes a password, a leaked credential or what stands where a digest belongs', () => {
  const results = [
    NewUser.safeParse(user({ password: 'SECRET' })),
    LeakReport.safeParse({ credential: 'SECRET'.padEnd(9000, 'x') }),
    CredentialImport.safeParse(imported({ digest: 'SECRET', owner: 'SECRET' }, { hmac_key: 'SECRET!' })),
  ]
  for (const result of results)
    expect(result.success ? 'good' : JSON.stringify(result.error.issues)).not.toMatch(/SECRET|good/)
})
