import { expect, test } from 'bun:test'
import { parseScopeDetails, scopeLines } from './scope-word.ts'

test('a scope is described in one line', () => {
  expect(parseScopeDetails(undefined)).toBeUndefined()
  expect(
    parseScopeDetails([
      'pushes:read=pushes:See who pushed: what, and when',
      'pushes:write = pushes :  Approve and reject ',
      'a:b=a:',
      'c:d=:Said of it',
    ]),
  ).toEqual({
    'pushes:read': { surface: 'pushes', description: 'See who pushed: what, and when' },
    'pushes:write': { surface: 'pushes', description: 'Approve and reject' },
    'a:b': { surface: 'a' },
    'c:d': { description: 'Said of it' },
  })
})

test.each(['', 'files:read', 'files:read=', 'files:read=files', 'files:read=:', '=files:Read'])(
  '%j describes no scope, and the mistake says how to',
  (text) => expect(() => parseScopeDetails([text])).toThrow('like "files:read=files:Read files"'),
)

test('scopes are shown surface by surface, with what they are for', () => {
  const scopes = ['pushes:read', 'users:read', 'pushes:write', 'odd:read']
  const scope_details = {
    'pushes:read': { surface: 'pushes', description: 'See pushes' },
    'pushes:write': { surface: 'pushes' },
    'users:read': { surface: 'users', description: 'See users' },
  }
  expect(scopeLines({ scopes, scope_details })).toEqual([
    'pushes:',
    '  pushes:read   See pushes',
    '  pushes:write',
    'users:',
    '  users:read    See users',
    'other:',
    '  odd:read',
  ])
})

test('scopes of no surface are a plain list', () => {
  const scopes = ['files:read', 'files:write']
  expect(scopeLines({ scopes, scope_details: {} })).toEqual(scopes)
  const scope_details = { 'files:read': { description: 'Read files' } }
  expect(scopeLines({ scopes, scope_details })).toEqual(['files:read   Read files', 'files:write'])
})
