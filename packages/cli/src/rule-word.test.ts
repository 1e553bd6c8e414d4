import { expect, test } from 'bun:test'
import { parseRule, ruleText } from './rule-word.ts'

test.each([
  ['GET,HEAD /** files:read', { methods: ['GET', 'HEAD'], path: '/**', require: { scopes: ['files:read'] } }],
  ['GET, HEAD /** files:read', { methods: ['GET', 'HEAD'], path: '/**', require: { scopes: ['files:read'] } }],
  ['/** files:read,files:write', { path: '/**', require: { scopes: ['files:read', 'files:write'] } }],
  ['* /** files:read files:write', { path: '/**', require: { scopes: ['files:read', 'files:write'] } }],
  ['get /health public', { methods: ['GET'], path: '/health', require: { public: true } }],
  ['/**', { path: '/**' }],
  [
    'GET /:project{1,4}/info/refs repo:read',
    { methods: ['GET'], path: '/:project{1,4}/info/refs', require: { scopes: ['repo:read'] } },
  ],
  [
    'GET,HEAD  /:project{1,4}.git/** repo:read, repo:list',
    { methods: ['GET', 'HEAD'], path: '/:project{1,4}.git/**', require: { scopes: ['repo:read', 'repo:list'] } },
  ],
])('%s', (text, rule) => {
  expect(parseRule(text)).toEqual(rule as never)
})

test('a rule needs a path, and a public one asks for nothing', () => {
  expect(() => parseRule('GET files:read')).toThrow('expected "<METHODS> <path> <scopes>"')
  expect(() => parseRule('')).toThrow('--rule: expected')
  expect(() => parseRule('/** public files:read')).toThrow('asks for no scopes')
})

test('a rule is shown as it is written', () => {
  expect(ruleText({ methods: ['GET', 'HEAD'], path: '/**' })).toBe('GET,HEAD /**')
  expect(ruleText({ methods: null, path: '/a' })).toBe('* /a')
})
