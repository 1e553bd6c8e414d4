import { expect, test } from 'bun:test'
import { isAlias, isCredentialHeader } from './header-names.ts'
import { isReservedName, isScope, isScopePattern, project } from './names.ts'
import { network } from './network.ts'

test.each([
  ['files:read', true],
  ['account:usage:read', true],
  ['read', false],
  [':read', false],
  ['files:', false],
  ['any:read', false],
  ['company:read', true],
  ['Files:read', false],
  ['files:*', false],
  [`${'a'.repeat(124)}:read`, false],
])('%s as a scope: %p', (text, expected) => {
  expect(isScope(text)).toBe(expected)
})

test.each([
  ['files:read', true],
  ['*:read', true],
  ['pushes:*', true],
  ['account:usage:*', true],
  ['account:*:read', false],
  ['*:usage:read', false],
  ['*:*', false],
  ['*', false],
  ['**:read', false],
  ['any:*', false],
])('%s as a pattern of scopes: %p', (text, expected) => {
  expect(isScopePattern(text)).toBe(expected)
})

test('what could be taken for Countersign or a built-in group is reserved', () => {
  const reserved = ['countersign', 'countersign-2', 'bootstrap', 'anonymous', 'users', 'clients', 'workloads', 'none']
  expect(reserved.filter(isReservedName)).toEqual(reserved)
  expect(['user', 'media', 'my-countersign'].filter(isReservedName)).toEqual([])
})

test.each([
  ['a', true],
  ['Team/App', true],
  ['größe', true],
  ['*', false],
  ['none', false],
  ['/a', false],
  ['a/', false],
  ['', false],
  ['a\nb', false],
])('%j as a project: %p', (text, expected) => {
  expect(project().safeParse(text).success).toBe(expected)
})

test.each([
  ['10.0.0.0/8', true],
  ['192.0.2.7/32', true],
  ['2001:db8::/32', true],
  ['10.0.0.0', false],
  ['10.0.0.0/33', false],
  ['10.0.0.0/8,192.0.2.0/24', false],
  ['localhost', false],
])('%s as a network: %p', (text, expected) => {
  expect(network().safeParse(text).success).toBe(expected)
})

test('a credential header is one that no proxy, browser or upstream speaks with already', () => {
  expect(['X-Countersign-Key', 'X-Access-Key', 'Canister-Key'].every(isCredentialHeader)).toBe(true)
  const taken = ['authorization', 'X-API-Key', 'Cookie', 'Host', 'X-Forwarded-For', 'X-Original-URL', 'x-real-ip']
  const odd = ['Remote-User', 'Countersign-Assertion', 'Connection', 'a b', 'X_Key', '', 'X-Key:']
  expect([...taken, ...odd].filter(isCredentialHeader)).toEqual([])
})

test('an alias starts with X- or Remote- and is no header that means something else', () => {
  expect(['X-Remote-User', 'X-Auth-Request-User', 'Remote-Login'].every(isAlias)).toBe(true)
  const refused = [
    'Remote-User',
    'REMOTE-USER',
    'X-Forwarded-User',
    'X-Real-IP',
    'X-Api-Key',
    'User',
    'X-',
    'X_User',
    'X-A b',
  ]
  expect(refused.filter(isAlias)).toEqual([])
})
