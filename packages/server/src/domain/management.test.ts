import { expect, test } from 'bun:test'
import { isSelfService, MANAGEMENT_ROLES } from './management.ts'

test.each<[string, { scopes: string[]; roles: string[] }, boolean]>([
  ['role user', { scopes: [], roles: ['user'] }, true],
  ['scopes about oneself', { scopes: ['me:read', 'me:write'], roles: [] }, true],
  ['a pattern about oneself', { scopes: ['me:*'], roles: [] }, true],
  ['role auditor', { scopes: [], roles: ['auditor'] }, false],
  ['role admin beside role user', { scopes: [], roles: ['user', 'admin'] }, false],
  ['a scope about others beside one about oneself', { scopes: ['me:read', 'users:read'], roles: [] }, false],
  ['a pattern that reaches others', { scopes: ['*:read'], roles: [] }, false],
  ['a role that nobody knows, though it is spelled alike', { scopes: [], roles: ['me:admin'] }, false],
])('%s: self-service or not', (_what, permission, expected) => {
  expect(isSelfService(permission)).toBe(expected)
})

test('of the roles there are, only user is self-service', () => {
  expect(MANAGEMENT_ROLES.filter((role) => isSelfService({ scopes: [], roles: [role] }))).toEqual(['user'])
})
