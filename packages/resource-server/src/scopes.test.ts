import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { expandScopes, parseScope, parseScopePattern } from './scopes.ts'

describe('a scope, and what a permission may say', () => {
  const rows: [text: string, isScope: boolean, isPattern: boolean][] = [
    ['files:read', true, true],
    ['account:usage:read', true, true],
    ['a.b_c-d:1', true, true],
    ['a9:9z', true, true],
    ['anything:read', true, true],
    [`${'a'.repeat(123)}:read`, true, true],
    ['*:read', false, true],
    ['pushes:*', false, true],
    ['account:usage:*', false, true],
    ['', false, false],
    ['files', false, false],
    ['*', false, false],
    ['*:*', false, false],
    ['*:usage:read', false, false],
    ['files:*:read', false, false],
    ['*:*:read', false, false],
    ['file*:read', false, false],
    ['files:re*', false, false],
    ['any:read', false, false],
    ['files:any', false, false],
    ['account:any:read', false, false],
    ['any:*', false, false],
    ['*:any', false, false],
    [':read', false, false],
    ['files:', false, false],
    ['files::read', false, false],
    ['*:', false, false],
    [':*', false, false],
    ['Files:read', false, false],
    ['files:-read', false, false],
    ['files: read', false, false],
    ['files:read files:write', false, false],
    ['files:"read"', false, false],
    ['files:read\n', false, false],
    [`${'a'.repeat(124)}:read`, false, false],
    [`${'a'.repeat(127)}:*`, false, false],
  ]
  test.each(rows)('%p: %p, %p', (text, isScope, isPattern) => {
    expect(parseScope(text)).toBe(isScope ? text : undefined)
    expect(parseScopePattern(text)).toBe(isPattern ? text : undefined)
  })
})

describe('expanding against what the resource declares', () => {
  const declared = ['files:read', 'files:write', 'pushes:read', 'pushes:log:read', 'pushesx:read', 'reads:spread']
  const rows: [patterns: string[], expanded: string[]][] = [
    [[], []],
    [['files:read'], ['files:read']],
    [['files:delete'], []],
    [['*:read'], ['files:read', 'pushes:read', 'pushes:log:read', 'pushesx:read']],
    [['pushes:*'], ['pushes:read', 'pushes:log:read']],
    [['pushes:log:*'], ['pushes:log:read']],
    [
      ['files:write', 'pushes:*'],
      ['files:write', 'pushes:read', 'pushes:log:read'],
    ],
    [['*'], []],
    [['*:*'], []],
    [['f*'], []],
    [['*ad'], []],
  ]
  test.each(rows)('%p: %p', (patterns, expanded) => {
    expect([...expandScopes(patterns, declared)]).toEqual(expanded)
  })
})

test('nothing undeclared is ever given, and more patterns never give less', () => {
  const word = fc.constantFrom('a', 'b', 'any', '*', '')
  const text = fc.array(word, { minLength: 1, maxLength: 3 }).map((segments) => segments.join(':'))
  fc.assert(
    fc.property(fc.array(text), text, fc.uniqueArray(text), (patterns, extra, declared) => {
      const few = expandScopes(patterns, declared)
      const more = expandScopes([...patterns, extra], declared)
      for (const scope of few) expect(declared).toContain(scope)
      for (const scope of few) expect(more.has(scope)).toBe(true)
    }),
  )
})
