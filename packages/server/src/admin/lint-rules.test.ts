import { describe, expect, test } from 'bun:test'
import { compileRules, type RuleDefinition } from '../domain/access-rule.ts'
import { lintRules } from './lint-rules.ts'

const SCOPES = ['files:read', 'files:write']
const read = { scopes: ['files:read'] }
const write = { scopes: ['files:write'] }
const both = { scopes: ['files:read', 'files:write'] }

function lint(definitions: RuleDefinition[], scopes: string[] = [], hosts = ['a.test']): string[] {
  const { rules, problems } = compileRules(definitions, SCOPES)
  expect(problems).toEqual([])
  return lintRules({ rules, scopes, hosts })
}

describe('a rule that is never reached', () => {
  test.each([
    ['the same path twice', [{ path: '/a' }, { path: '/a' }], [1]],
    ['everything before something', [{ path: '/**' }, { path: '/a' }], [1]],
    [
      'a method of several',
      [
        { methods: ['GET', 'PUT'], path: '/**' },
        { methods: ['GET'], path: '/a/**' },
      ],
      [1],
    ],
    [
      'methods decided by several',
      [
        { methods: ['GET'], path: '/**' },
        { methods: ['PUT'], path: '/**' },
        { methods: ['GET', 'PUT'], path: '/a' },
      ],
      [2],
    ],
    [
      'another method',
      [
        { methods: ['GET'], path: '/**' },
        { methods: ['PUT'], path: '/**' },
      ],
      [],
    ],
    ['every method after one', [{ methods: ['GET'], path: '/**' }, { path: '/**' }], []],
    ['something before everything', [{ path: '/a' }, { path: '/**' }], []],
    ['a segment before a capture', [{ path: '/a/*' }, { path: '/:project/b' }], []],
  ])('%s', (_what, rules, unreached) => {
    const found = lint(rules).filter((warning) => warning.includes('never reached'))
    expect(found.map((warning) => Number(/^rules\[(\d+)\]/.exec(warning)?.[1]))).toEqual(unreached)
  })

  test('names what decides before it', () => {
    expect(lint([{ path: '/**' }, { path: '/a' }])).toEqual(['rules[1] is never reached: rules[0] decides before it'])
  })
})

describe('a stricter rule whose other methods fall to a laxer one', () => {
  const fall = (one: number, two: number) => [
    `rules[${one}] asks more than rules[${two}], to which its other methods fall`,
  ]
  test.each<[string, RuleDefinition[], string[]]>([
    ['a scope, then nothing', [{ methods: ['GET'], path: '/a', require: read }, { path: '/**' }], fall(0, 1)],
    [
      'two scopes, then one',
      [
        { methods: ['PUT'], path: '/a', require: both },
        { path: '/**', require: write },
      ],
      fall(0, 1),
    ],
    [
      'a permission, then public',
      [
        { methods: ['PUT'], path: '/**' },
        { path: '/**', require: { public: true } },
      ],
      fall(0, 1),
    ],
    [
      'a role, then either of two',
      [
        { methods: ['PUT'], path: '/**', require: { roles: ['a'] } },
        { path: '/**', require: { roles: ['a', 'b'] } },
      ],
      fall(0, 1),
    ],
    [
      'a network, then anywhere',
      [{ methods: ['PUT'], path: '/**', require: { networks: ['10.0.0.0/8'] } }, { path: '/**' }],
      fall(0, 1),
    ],
    [
      'past a rule that asks for something else',
      [
        { methods: ['GET'], path: '/**', require: read },
        { methods: ['PUT'], path: '/**', require: write },
        { path: '/**' },
      ],
      [...fall(0, 2), ...fall(1, 2)],
    ],
    [
      'two different scopes',
      [
        { methods: ['GET'], path: '/**', require: read },
        { path: '/**', require: write },
      ],
      [],
    ],
    [
      'a laxer one first',
      [
        { methods: ['GET'], path: '/**' },
        { path: '/**', require: read },
      ],
      [],
    ],
    ['every method', [{ path: '/a', require: read }, { path: '/**' }], []],
    [
      'the laxer one has no other method',
      [
        { methods: ['GET'], path: '/**', require: read },
        { methods: ['GET'], path: '/**' },
      ],
      ['rules[1] is never reached: rules[0] decides before it'],
    ],
    ['the laxer one is elsewhere', [{ methods: ['GET'], path: '/a', require: read }, { path: '/b' }], []],
    [
      'a strict one catches the rest before',
      [{ methods: ['GET'], path: '/a', require: read }, { path: '/a/**', require: write }, { path: '/**' }],
      [],
    ],
  ])('%s', (_what, rules, warnings) => {
    expect(lint(rules)).toEqual(warnings)
  })
})

test('a resource without rules, without hosts, and scopes that no rule asks for', () => {
  expect(lint([], ['files:read'])).toEqual(['there are no rules: nothing is allowed'])
  expect(lint([{ path: '/**' }], [], [])).toEqual(['there are no hosts: no proxy can ask for it, only the library'])
  expect(lint([{ path: '/**', require: read }], SCOPES)).toEqual(['no rule asks for the scope files:write'])
})

describe('rules that take long to compare', () => {
  const { rules } = compileRules(
    Array.from({ length: 300 }, (_, i) => ({ methods: ['GET'], path: `${'/*'.repeat(31)}/:a{1,8}.${i}` })),
    [],
  )

  test('are compared as far as the budget reaches, and then it is said once', () => {
    const budget = { left: 50_000 }
    const warnings = lintRules({ rules, scopes: ['files:read'], hosts: ['a.test'] }, budget)
    expect(warnings).toEqual([
      'too many rules to compare: whether one hides another is not known',
      'no rule asks for the scope files:read',
    ])
    // What is left of one rule after that looks at each of the others once.
    expect(budget.left).toBeGreaterThan(-300 * 64)
  })

  test('have a budget by default', () => {
    expect(lintRules({ rules, scopes: [], hosts: ['a.test'] })[0]).toStartWith('too many rules to compare')
  })

  test('cost what their networks cost too', () => {
    const networks = Array.from({ length: 200 }, (_, i) => `10.0.${i}.0/24`)
    const strict = { methods: ['GET'], path: '/**', require: { networks } }
    const { rules: confined } = compileRules([strict, { path: '/**', require: { networks } }], [])
    const budget = { left: 50_000 }
    expect(lintRules({ rules: confined, scopes: [], hosts: ['a.test'] }, budget)[0]).toStartWith('too many rules')
  })
})

test('five hundred ordinary rules are compared to the end', () => {
  const ordinary = Array.from({ length: 499 }, (_, i) => ({
    methods: ['GET', 'PUT'],
    path: `/api/v1/noun-${i}/:id/**`,
  }))
  const warnings = lint([...ordinary, { methods: ['GET'], path: '/api/v1/noun-7/:id' }])
  expect(warnings).toEqual(['rules[499] is never reached: rules[7] decides before it'])
})
