// Tokens of other issuers, where no proxy stands: whom they stand for, and which roles that gives.
import { beforeAll, describe, expect, test } from 'bun:test'
import type { ExternalFacts } from './external-token.ts'
import { externalTokenId, identityOfToken } from './external-token-id.ts'
import { protect } from './protect.ts'
import type { ProtectIssuerOptions } from './protect-issuers.ts'
import type { ProtectOptions } from './protect-options.ts'
import { AUDIENCE, NOW, signingIssuer } from './testing/signing-issuer.ts'

const CLUSTER = 'https://kubernetes.default.svc.cluster.local'
const ACCOUNT = 'system:serviceaccount:prod:atlas'
const OF_POD = { sub: ACCOUNT, 'kubernetes.io': { namespace: 'prod', serviceaccount: { name: 'atlas', uid: 'uid-1' } } }
type Words = Readonly<Record<string, unknown>>
type Issuer = Awaited<ReturnType<typeof signingIssuer>>
let corp: Issuer
let east: Issuer
let west: Issuer
beforeAll(async () => {
  corp = await signingIssuer('https://idp.example.com', 'corp-1')
  east = await signingIssuer(CLUSTER, 'east-1')
  west = await signingIssuer(CLUSTER, 'west-1')
})

const guardOf = (issuers: readonly ProtectIssuerOptions[], changed: Omit<Partial<ProtectOptions>, 'absent'> = {}) =>
  protect({ resource: { name: 'git', identifier: AUDIENCE }, issuers, now: () => NOW, ...changed })
const ofCorp = (changed: Partial<ProtectIssuerOptions>): ProtectIssuerOptions => ({
  ...{ name: 'corp', issuer: corp.iss, jwks: corp.jwks },
  ...changed,
})
const show = async (guard: ReturnType<typeof guardOf>, text: string) => {
  const answer = await guard(new Request('https://git.example.com/', { headers: { authorization: `Bearer ${text}` } }))
  if (answer.outcome === 'deny') return { code: answer.code, status: answer.response.status, detail: answer.detail }
  const { principal, roles, scopes, client } = answer
  return {
    principal: principal.kind === 'anonymous' ? '' : principal.id,
    roles: [...roles].sort(),
    scopes: [...scopes],
    client,
  }
}

describe('roles by the claims', () => {
  const MAPPINGS = { ADMIN: ['git-admins', 'root'], READER: ['everybody'] }
  const ROWS: [string, Words, readonly string[] | string][] = [
    ['no groups', {}, 'permission_missing'],
    ['groups that nobody mapped', { groups: ['users'] }, 'permission_missing'],
    ['the name of a role as a group', { groups: ['ADMIN'] }, 'permission_missing'],
    ['a group in another case', { groups: ['Git-Admins'] }, 'permission_missing'],
    ['a group', { groups: ['git-admins'] }, ['ADMIN']],
    ['a text with spaces between', { groups: 'users git-admins' }, ['ADMIN']],
    ['groups of several claims', { groups: ['everybody'], roles: ['root'] }, ['ADMIN', 'READER']],
    ['groups where Keycloak has them', { realm_access: { roles: ['everybody'] } }, ['READER']],
    ['groups in a claim that is not read', { teams: ['git-admins'] }, 'permission_missing'],
    ['too many groups to list', { _claim_names: { groups: 'src1' } }, 'groups_overage'],
  ]
  for (const [name, claims, expected] of ROWS) {
    test(`${name}: ${expected}`, async () => {
      const said = await show(guardOf([ofCorp({ roleMappings: MAPPINGS })]), await corp.token(claims))
      if (typeof expected === 'string') expect(said).toMatchObject({ code: expected, status: 403 })
      else
        expect(said).toEqual({ principal: 'corp:machine', roles: expected as string[], scopes: [], client: undefined })
    })
  }

  test('of the instance hold where an issuer has none of its own', async () => {
    const changed = { roleMappings: { ADMIN: ['root'] }, groupsClaims: ['teams'] }
    const token = await corp.token({ teams: ['root'], groups: ['root'] })
    expect(await show(guardOf([ofCorp({})], changed), token)).toMatchObject({ roles: ['ADMIN'] })
    const own = { roleMappings: { OWNER: ['root'] }, groupsClaims: ['groups'] }
    expect(await show(guardOf([ofCorp(own)], changed), token)).toMatchObject({ roles: ['OWNER'] })
    expect(await show(guardOf([ofCorp({ roleMappings: {}, trust: RULES })], changed), token)).toMatchObject({
      roles: ['DEPLOY'],
    })
  })

  test('that cannot be told are said of a live token alone', async () => {
    const overage = { _claim_names: { groups: 'src1' } }
    const guard = guardOf([ofCorp({ roleMappings: MAPPINGS })])
    const dead = await corp.token({ ...overage, aud: 'https://other.example.com' })
    expect(await show(guard, dead)).toMatchObject({ code: 'audience_refused', status: 401 })
  })

  test('nothing in the scope of a token gives a scope', async () => {
    const said = await show(
      guardOf([ofCorp({ roleMappings: MAPPINGS })]),
      await corp.token({ groups: ['root'], scope: 'repos:write' }),
    )
    expect(said).toMatchObject({ scopes: [] })
  })
})

const RULES = [
  { name: 'deploy', match: { sub: 'machine' }, roles: ['DEPLOY'], scopes: ['repos:write'] },
  { name: 'nightly', match: { sub: 'nightly' }, as: { client: 'nightly' }, scopes: ['repos:read'] },
  { name: 'bare', match: { sub: 'bare' } },
  { name: 'waiting', match: { sub: 'waiting' }, mode: 'shadow', roles: ['DEPLOY'] },
  { name: 'over', match: { sub: 'over' }, expiresAt: NOW, roles: ['DEPLOY'] },
] as const

describe('trust rules', () => {
  const ROWS: [string, Words, object][] = [
    [
      'a workload',
      { sub: 'machine' },
      { principal: 'corp:machine', roles: ['DEPLOY'], scopes: ['repos:write'], client: undefined },
    ],
    ['a client', { sub: 'nightly' }, { principal: 'nightly', roles: [], scopes: ['repos:read'], client: 'nightly' }],
    [
      'roles of claims beside those of the rule',
      { groups: ['root'] },
      { principal: 'corp:machine', roles: ['ADMIN', 'DEPLOY'], scopes: ['repos:write'], client: undefined },
    ],
    [
      'a rule that gives nothing',
      { sub: 'bare' },
      { code: 'permission_missing', status: 403, detail: { resource: 'git' } },
    ],
    [
      'a rule that gives nothing, and a mapped role',
      { sub: 'bare', groups: ['root'] },
      { principal: 'corp:bare', roles: ['ADMIN'], scopes: [], client: undefined },
    ],
    ['a mapped role without a rule', { sub: 'other', groups: ['root'] }, { code: 'trust_rule_missing', status: 401 }],
    [
      'a rule in shadow',
      { sub: 'waiting' },
      { code: 'trust_rule_missing', detail: { issuer: 'corp', subject: 'waiting', shadow: 'waiting' } },
    ],
    [
      'a rule that is over',
      { sub: 'over' },
      { code: 'trust_rule_missing', detail: { issuer: 'corp', subject: 'over', nearest: 'over', claim: 'expires_at' } },
    ],
  ]
  for (const [name, claims, expected] of ROWS) {
    test(`${name}: ${JSON.stringify(expected).slice(0, 60)}`, async () => {
      const guard = guardOf([ofCorp({ trust: RULES, roleMappings: { ADMIN: ['root'] } })])
      expect(await show(guard, await corp.token(claims))).toMatchObject(expected)
    })
  }
})

describe('two clusters that sign as the same issuer', () => {
  const trust = [
    { name: 'atlas', match: { sub: ACCOUNT, 'kubernetes.io.serviceaccount.uid': 'uid-1' }, roles: ['USAGE'] },
  ]
  const other = [{ name: 'none', match: { sub: 'system:serviceaccount:prod:other' }, roles: ['USAGE'] }]
  const both = () =>
    guardOf([
      { ...{ name: 'east', issuer: CLUSTER, jwks: east.jwks }, kubernetes: true, trust },
      { ...{ name: 'west', issuer: CLUSTER, jwks: west.jwks }, kubernetes: true, trust: other },
    ])

  test('are told apart by the key, and each has its own rules', async () => {
    expect(await show(both(), await east.token(OF_POD))).toMatchObject({
      principal: `east:${ACCOUNT}`,
      roles: ['USAGE'],
    })
    expect(await show(both(), await west.token(OF_POD))).toMatchObject({
      code: 'trust_rule_missing',
      detail: { issuer: 'west' },
    })
  })

  test('none signs for the other', async () => {
    for (const header of [{ kid: 'east-1' }, { kid: undefined }, { kid: 'north-1' }]) {
      expect(await show(both(), await west.token(OF_POD, header))).toMatchObject({
        code: 'external_token_refused',
        status: 401,
      })
    }
  })

  test('are never told apart by which of them has a key at all', async () => {
    const guard = guardOf([
      { ...{ name: 'east', issuer: CLUSTER, jwks: east.jwks }, trust },
      { ...{ name: 'west', issuer: CLUSTER, readKeys: async () => ({ keys: [] }) }, trust },
    ])
    expect(await show(guard, await east.token(OF_POD, { kid: undefined }))).toMatchObject({
      code: 'external_token_refused',
      detail: { because: 'several issuers sign as this iss, and it names no kid' },
    })
  })

  test('that came to show a key of one name are told apart by nothing', async () => {
    const guard = guardOf([
      { ...{ name: 'east', issuer: CLUSTER, jwks: east.jwks }, trust },
      { ...{ name: 'west', issuer: CLUSTER, readKeys: async () => east.jwks }, trust },
    ])
    expect(await show(guard, await east.token(OF_POD))).toMatchObject({
      code: 'external_token_refused',
      detail: { because: 'more than one has a key of this kid' },
    })
  })

  test('one whose keys cannot be read leaves the other its own', async () => {
    const readKeys = () => Promise.reject(new Error('no such file'))
    const guard = guardOf([
      { ...{ name: 'east', issuer: CLUSTER, jwks: east.jwks }, trust },
      { ...{ name: 'west', issuer: CLUSTER, readKeys }, trust: other },
    ])
    expect(await show(guard, await east.token(OF_POD))).toMatchObject({ roles: ['USAGE'] })
    expect(await show(guard, await west.token(OF_POD))).toMatchObject({ code: 'keys_unavailable', status: 503 })
  })
})

test('an alias is an audience for the issuer alone that it is of', async () => {
  const resource = { name: 'git', identifier: AUDIENCE, audienceAliases: [{ issuer: 'corp', audience: 'api://git' }] }
  const roleMappings = { ADMIN: ['root'] }
  const guard = guardOf([ofCorp({ roleMappings }), { name: 'east', issuer: CLUSTER, jwks: east.jwks, roleMappings }], {
    resource,
  })
  const claims = { aud: 'api://git', groups: ['root'] }
  expect(await show(guard, await corp.token(claims))).toMatchObject({ roles: ['ADMIN'] })
  expect(await show(guard, await east.token(claims))).toMatchObject({ code: 'audience_refused' })
})

describe('keys', () => {
  const asked: string[] = []
  const fetch = async (uri: string) => {
    asked.push(uri)
    if (uri.endsWith('/openid-configuration')) return Response.json({ issuer: corp.iss, jwks_uri: `${corp.iss}/found` })
    return Response.json(corp.jwks)
  }
  const SOURCES: [string, Partial<ProtectIssuerOptions>, readonly string[]][] = [
    ['at a jwks_uri', { jwksUri: 'https://idp.example.com/keys' }, ['https://idp.example.com/keys']],
    ['by discovery', {}, ['https://idp.example.com/.well-known/openid-configuration', 'https://idp.example.com/found']],
    ['that are read', { readKeys: async () => corp.jwks }, []],
    [
      'that stand here',
      {
        get jwks() {
          return corp.jwks
        },
      },
      [],
    ],
  ]
  for (const [name, source, expected] of SOURCES) {
    test(`${name} are got with the first token, and kept`, async () => {
      asked.length = 0
      const { jwks: _, ...bare } = ofCorp({ trust: RULES })
      const guard = guardOf([{ ...bare, ...source }], { fetch })
      expect(asked).toEqual([])
      for (const jti of ['one', 'two'])
        expect(await show(guard, await corp.token({ jti }))).toMatchObject({ roles: ['DEPLOY'] })
      expect(asked).toEqual([...expected])
    })
  }
})

describe('the public id of a token', () => {
  const FACTS: ExternalFacts = {
    ...{ issuer: 'corp', subject: 'machine', audiences: [AUDIENCE], jti: 'one', claims: {} },
    ...{ issuedAt: NOW, believedFrom: NOW, believedUntil: NOW, expiresAt: NOW },
  }
  const id = (facts: Partial<ExternalFacts>) =>
    externalTokenId(new Bun.CryptoHasher('sha256').update(identityOfToken({ ...FACTS, ...facts })).digest('hex'))

  test('is by issuer and jti, and where there is none by subject and dates', () => {
    expect(id({})).toMatch(/^jwt_[0-9A-HJKMNP-TV-Z]{26}$/)
    expect(id({ subject: 'other', expiresAt: new Date(0) })).toBe(id({}))
    const ids = [
      id({}),
      id({ jti: 'two' }),
      id({ issuer: 'east' }),
      id({ jti: undefined }),
      id({ jti: undefined, subject: 'other' }),
    ]
    expect(new Set([...ids, id({ jti: undefined, issuedAt: new Date(0) })]).size).toBe(6)
  })
})
