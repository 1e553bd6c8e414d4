// Rules that no schema saw: what is not understood opens nothing.
import { expect, test } from 'bun:test'
import { compileRules, type RuleDefinition } from './rule-definition.ts'

test('a rule is public where it says true, and by nothing else', () => {
  const isPublic = (stated: unknown) =>
    compileRules([{ path: '/**', require: { public: stated } } as RuleDefinition], []).rules[0]?.require.public
  expect(isPublic(true)).toBe(true)
  for (const stated of [false, undefined, null, 'true', 'false', 1, {}, []]) expect(isPublic(stated)).toBe(false)
})
