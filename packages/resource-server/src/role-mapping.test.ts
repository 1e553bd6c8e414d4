import { describe, expect, test } from 'bun:test'
import type { Claims } from './jwt.ts'
import { DEFAULT_GROUPS_CLAIMS, mapRoles, type RoleMappings } from './role-mapping.ts'
import { PLATFORM_CLAIMS } from './testing/platform-claims.ts'

const MAPPINGS: RoleMappings = { READER: ['everyone', 'git-readers'], ADMIN: ['git-admins'], 'a role': ['Git Admins'] }

const roles = (claims: Claims, groupsClaims = DEFAULT_GROUPS_CLAIMS, mappings = MAPPINGS) =>
  mapRoles(claims, { mappings, groupsClaims })

describe('values', () => {
  const rows: readonly [what: string, claim: unknown, given: readonly string[]][] = [
    ['a list', ['git-admins'], ['ADMIN']],
    ['a list of several, each role once and in order', ['git-readers', 'everyone', 'git-admins'], ['ADMIN', 'READER']],
    ['a text', 'git-admins', ['ADMIN']],
    ['a text of several', 'x git-readers  git-admins ', ['ADMIN', 'READER']],
    ['a name with a space, in a list', ['Git Admins'], ['a role']],
    ['a name with a space, in a text', 'Git Admins', ['a role']],
    ['a word of a name, in a text', 'former git-admins', ['ADMIN']],
    ['a word of a name, in a list', ['former git-admins'], []],
    ['nothing that is mapped', ['else'], []],
    ['the name of a role', ['ADMIN', 'READER'], []],
    ['another case', ['GIT-ADMINS', 'Git-Admins'], []],
    ['a part', ['git-admin', 'git-admins-not', 'git'], []],
    ['white space around', [' git-admins', 'git-admins\n'], []],
    ['a comma', ['git-admins,x', 'x,git-admins'], []],
    ['a comma in a text', 'x,git-admins', []],
    ['other separators in a text', 'x\tgit-admins;git-admins\r\ngit-admins', []],
    ['members that are no texts beside one', [7, null, ['git-readers'], {}, 'git-admins'], ['ADMIN']],
    ['a list in a list', [['git-admins']], []],
    ['members of an object', { 0: 'git-admins', length: 1 }, []],
    ['names of an object', { 'git-admins': true }, []],
    ['a number', 7, []],
    ['true', true, []],
    ['null', null, []],
    ['an empty text', '', []],
    ['an empty list', [], []],
    ['names of every object', ['__proto__', 'constructor', 'toString', 'hasOwnProperty'], []],
  ]
  for (const [what, claim, given] of rows) {
    test(what, () => expect(roles({ groups: claim })).toEqual(given))
  }

  test('an empty value gives nothing, even where the table has it', () => {
    expect(roles({ groups: ['', ' '], roles: '' }, DEFAULT_GROUPS_CLAIMS, { ADMIN: [''] })).toEqual([])
  })
})

describe('where they are', () => {
  test('all paths are read together', () => {
    expect(roles({ groups: ['git-admins'], realm_access: { roles: ['everyone'] } })).toEqual(['ADMIN', 'READER'])
    expect(roles({ roles: ['git-admins'] }, ['groups', 'roles'])).toEqual(['ADMIN'])
  })
  test('no other claim is', () => {
    expect(roles({ group: 'git-admins', Groups: 'git-admins', scope: 'git-admins' })).toEqual([])
    expect(roles({ groups: ['git-admins'] }, ['roles'])).toEqual([])
    expect(roles({ groups: ['git-admins'] }, [])).toEqual([])
  })
  test('by members of their own alone', () => {
    const claims = JSON.parse(
      '{"__proto__":{"groups":["git-admins"]},"a":{"__proto__":{"b":["git-admins"]}}}',
    ) as Claims
    expect(roles(claims)).toEqual([])
    expect(roles(claims, ['a.b'])).toEqual([])
    expect(roles({ a: {} }, ['a.__proto__.b', 'constructor.prototype', '__proto__'])).toEqual([])
  })
  test('what Keycloak and Entra ID say by default', () => {
    expect(roles(PLATFORM_CLAIMS.keycloak)).toEqual(['ADMIN'])
    expect(roles(PLATFORM_CLAIMS.entraV2, DEFAULT_GROUPS_CLAIMS, { READER: ['Files.Read'] })).toEqual(['READER'])
  })
})

describe('the table', () => {
  test('a role that nothing suffices for is given to nobody', () => {
    expect(roles({ groups: ['a'] }, ['groups'], { ADMIN: [] })).toEqual([])
    expect(roles({ groups: ['a'] }, ['groups'], {})).toEqual([])
  })
  test('what is no text in it is nobody’s group', () => {
    const mappings = { ADMIN: [7, true] } as unknown as RoleMappings
    expect(roles({ groups: [7, true, '7', 'true'] }, ['groups'], mappings)).toEqual([])
  })
  test('what its prototype names is no role', () => {
    const inherited = Object.create({ ADMIN: ['git-admins'] }) as RoleMappings
    expect(roles({ groups: ['git-admins'] }, ['groups'], inherited)).toEqual([])
    const tampered = JSON.parse('{"READER":["x"]}') as RoleMappings
    expect(roles({ groups: ['git-admins', '__proto__', 'constructor'] }, ['groups'], tampered)).toEqual([])
  })
  test('is not changed', () => {
    const frozen = Object.freeze({ B: Object.freeze(['b']), A: Object.freeze(['a']) })
    expect(roles({ groups: ['b', 'a'] }, ['groups'], frozen)).toEqual(['A', 'B'])
  })
})

describe('a token that leaves its groups out', () => {
  const rows: readonly [what: string, claims: Claims, because: string][] = [
    ['_claim_names', { _claim_names: { groups: 'src1' }, _claim_sources: {} }, '_claim_names has groups'],
    ['_claim_names of roles', { _claim_names: { roles: 'src1' } }, '_claim_names has roles'],
    ['_claim_names beside other roles', { _claim_names: { groups: 'src1' }, roles: ['x'] }, '_claim_names has groups'],
    ['_claim_names beside null', { _claim_names: { groups: 'src1' }, groups: null }, '_claim_names has groups'],
    ['hasgroups', { hasgroups: true }, 'hasgroups is true'],
    ['hasgroups as a text', { hasgroups: 'true' }, 'hasgroups is true'],
    ['groups:src1', { 'groups:src1': 'https://graph.example.com' }, 'groups:src1'],
  ]
  for (const [what, claims, because] of rows) {
    test(`by ${what} is refused by that name`, () =>
      expect(roles(claims)).toEqual({ outcome: 'deny', code: 'groups_overage', detail: { because } }))
  }

  const not: readonly [what: string, claims: Claims, groupsClaims?: readonly string[]][] = [
    ['groups that are there', { _claim_names: { groups: 'src1' }, hasgroups: true, groups: [] }],
    ['groups that nobody reads', { _claim_names: { groups: 'src1' }, hasgroups: true, 'groups:src1': '' }, ['roles']],
    ['other names', { _claim_names: { address: 'src1' }, 'groups:other': 'x', hasgroups: false }],
    ['names of a prototype', { _claim_names: JSON.parse('{"__proto__":{"groups":"src1"}}') }],
    ['no object', { _claim_names: 'groups' }],
    ['null', { _claim_names: null, hasgroups: null }],
  ]
  for (const [what, claims, groupsClaims] of not) {
    test(`is not told by ${what}`, () => expect(roles(claims, groupsClaims)).toEqual([]))
  }

  test('is of no matter where no group gives anything', () => {
    expect(roles({ hasgroups: true }, DEFAULT_GROUPS_CLAIMS, {})).toEqual([])
  })
})
