// The wire says for itself what a scope, a name or a method is, because it must run anywhere. It may be stricter than
// the library that decides, never laxer: what it let in, and the library then ignored, would be a rule without effect.

import { expect, test } from 'bun:test'
import { isReservedName, isScope, isScopePattern, NewResource, Rule } from '@countersign/admin-api'
import * as library from '@countersign/resource-server'

const SCOPES = [
  'files:read',
  'a:b:c',
  'read',
  ':read',
  'a:',
  'any:read',
  'a:any:b',
  'A:b',
  'a@b:c',
  'a.b:c-d',
  'a::b',
  '-a:b',
]
const PATTERNS = [
  '*:read',
  'pushes:*',
  'a:b:*',
  '*:*',
  '*',
  '*:a:b',
  'a:*:b',
  '*:any',
  'any:*',
  'a:**',
  'a*:b',
  '**:b',
  'a:*:*',
]
const LONG = ['x'.repeat(126), 'x'.repeat(127)].map((text) => `${text}:y`)

test.each([...SCOPES, ...PATTERNS, ...LONG])('%s is the same to both, as scope and as pattern', (text) => {
  expect(isScope(text)).toBe(library.parseScope(text) !== undefined)
  expect(isScopePattern(text)).toBe(library.parseScopePattern(text) !== undefined)
})

test.each(['countersign', 'countersigned', 'bootstrap', 'users', 'none', 'user', 'media'])(
  '%s is reserved alike',
  (name) => {
    expect(isReservedName(name)).toBe(library.isReservedName(name))
  },
)

const METHODS = [
  'GET',
  'VERSION-CONTROL',
  'M-SEARCH',
  'get',
  'TRACE',
  'CONNECT',
  'TRACED',
  '-GET',
  'GET-',
  'A--B',
  'G1',
  'A'.repeat(33),
  '',
]

test.each(METHODS)('the method %j passes the wire only if the library can meet it', (method) => {
  const accepted = Rule.safeParse({ methods: [method], path: '/**' }).success
  expect(accepted && library.parseMethod(method) === undefined).toBe(false)
})

const PATHS = ['/', '/**', '/a b/*', '/:project.git/**', '/:project{1,4}.git/**', '/größe', '/.well-known/x']

test.each(PATHS)('the path %s, which the library compiles, passes the wire', (path) => {
  expect(library.compileRulePath(path)).not.toHaveProperty('problem')
  expect(Rule.safeParse({ path }).success).toBe(true)
})

const HOSTS = [
  'a.example',
  'localhost',
  'localhost:8080',
  'web_dav',
  '*.a.example',
  '*.a.example:8443',
  '*.com',
  '*.localhost',
]
const ODD_HOSTS = [
  '[::1]:8080',
  '[::1]',
  '10.0.0.1:81',
  'a..b',
  '.a',
  'a.',
  'A.example',
  'a.example:443',
  'a*.example',
  '*.*.a.b',
  '',
  'a/b',
]

test.each([...HOSTS, ...ODD_HOSTS])('the host %j passes the wire only in the spelling that is looked up', (host) => {
  const accepted = NewResource.safeParse({ name: 'a', identifier: 'a:b', hosts: [host], rules: [] }).success
  expect(accepted && library.parseHostPattern(host) !== host).toBe(false)
})
