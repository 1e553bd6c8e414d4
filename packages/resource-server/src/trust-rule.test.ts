import { describe, expect, test } from 'bun:test'
import type { ExternalFacts } from './external-token.ts'
import type { Claims } from './jwt.ts'
import { type ClaimMatch, compileTrustRules, type TrustRule } from './trust-rule.ts'

const NOW = new Date('2026-06-01T12:00:00Z')
const LATER = new Date('2026-06-01T12:05:00Z')
const SUB = 'repo:octo-org/octo-repo:ref:refs/heads/main'

function factsOf(claims: Claims, issuer = 'github'): ExternalFacts {
  const subject = String(claims.sub ?? SUB)
  const dates = { issuedAt: NOW, believedFrom: NOW, believedUntil: LATER, expiresAt: LATER }
  return {
    issuer,
    subject,
    audiences: ['https://api.example.com'],
    jti: undefined,
    claims: { sub: subject, ...claims },
    ...dates,
  }
}

function rule(match: Record<string, ClaimMatch>, more: Partial<TrustRule> = {}): TrustRule {
  return { name: 'one', issuer: 'github', match, mode: 'enforce', expiresAt: null, ...more }
}

/** Name of the rule that trusts the token, or what the refusal says. */
function matched(rules: readonly TrustRule[], claims: Claims, issuer?: string) {
  const answer = compileTrustRules(rules).match(factsOf(claims, issuer), NOW)
  return answer.outcome === 'match' ? answer.rule.name : answer
}

const missed = (match: Record<string, ClaimMatch>, claims: Claims) => {
  const answer = compileTrustRules([rule(match)]).match(factsOf(claims), NOW)
  return answer.outcome === 'match' ? undefined : answer.nearest
}

describe('what fits', () => {
  const rows: readonly [string, ClaimMatch, unknown, boolean][] = [
    ['the same text fits', '1234', '1234', true],
    ['another case of letters does not fit', 'Main', 'main', false],
    ['a number does not fit a text of the same digits', 1234, '1234', false],
    ['a text does not fit a number of the same digits', '1234', 1234, false],
    ['a boolean does not fit its name', true, 'true', false],
    ['the same boolean fits', false, false, true],
    ['one member of a list fits', 'ops', ['dev', 'ops'], true],
    ['a list of lists does not fit', 'ops', [['ops']], false],
    ['a part of a text does not fit', 'main', 'mainline', false],
    ['one of several fits', { in: ['a', 'b'] }, 'b', true],
    ['none of several does not fit', { in: ['a', 'b'] }, 'c', false],
    ['none at all fits nobody', { in: [] }, 'a', false],
    ['a list fits where two of its members do', { in: ['a', 'b'] }, ['a', 'b'], true],
    ['anything is there', { exists: true }, false, true],
    ['an empty text is there', { exists: true }, '', true],
    ['null is not there', { exists: true }, null, false],
    ['what is missing is not there', { exists: true }, undefined, false],
    ['a prefix of another claim than sub fits nobody', { prefix: 'ma' }, 'main', false],
    ['what is not understood fits nobody', { exists: false } as unknown as ClaimMatch, undefined, false],
    ['two questions at once fit nobody', { exists: true, in: ['a'] } as unknown as ClaimMatch, 'a', false],
  ]
  for (const [name, match, value, isFit] of rows) {
    test(name, () => {
      const claims: Claims = value === undefined ? {} : { ref: value }
      expect(matched([rule({ sub: SUB, ref: match })], claims) === 'one').toBe(isFit)
      expect(matched([rule({ ref: match })], claims) === 'one').toBe(isFit)
    })
  }

  test('all claims of a rule have to fit', () => {
    const both = rule({ sub: SUB, ref: 'refs/heads/main', event_name: 'push' })
    expect(matched([both], { ref: 'refs/heads/main', event_name: 'push' })).toBe('one')
    expect(matched([both], { ref: 'refs/heads/main', event_name: 'pull_request' })).not.toBe('one')
  })

  test('a claim that is there by two spellings of its path counts once', () => {
    const trusts = rule({ 'a.b': 'x', other: 'y' })
    const claims = { 'a.b': 'x', a: { b: 'x' } }
    expect(matched([trusts], claims)).toMatchObject({ outcome: 'none' })
    expect(matched([trusts], { ...claims, other: 'y' })).toBe('one')
  })

  test('a rule that asks nothing trusts nobody', () => {
    expect(matched([rule({})], {})).toEqual({
      outcome: 'none',
      shadow: undefined,
      nearest: { rule: 'one', claim: 'match', because: 'the rule asks nothing' },
    })
  })

  test('a claim is read by its path, from own members alone', () => {
    const uid = rule({ 'kubernetes.io.serviceaccount.uid': 'u1' })
    expect(matched([uid], { 'kubernetes.io': { serviceaccount: { uid: 'u1' } } })).toBe('one')
    expect(matched([rule({ 'constructor.name': 'Object' })], {})).not.toBe('one')
    expect(matched([rule(Object.fromEntries([['valueOf', { exists: true } as const]]))], {})).not.toBe('one')
  })

  test('a rule trusts no token of another issuer', () => {
    expect(matched([rule({ sub: SUB })], { sub: SUB }, 'gitlab')).toEqual({
      outcome: 'none',
      shadow: undefined,
      nearest: undefined,
    })
  })
})

describe('which rule is taken', () => {
  const claims = { sub: SUB, ref: 'refs/heads/main', event_name: 'push' }
  const ordered = [
    rule({ sub: SUB, ref: 'refs/heads/main' }, { name: 'exact-two' }),
    rule({ sub: SUB }, { name: 'exact-a' }),
    rule({ sub: { in: [SUB, 'other'] } }, { name: 'exact-b' }),
    rule({ sub: { prefix: 'repo:octo-org/' }, ref: 'refs/heads/main' }, { name: 'prefix-short-two' }),
    rule({ ref: 'refs/heads/main', event_name: 'push' }, { name: 'open-two' }),
    rule({ sub: { prefix: 'repo:octo-org/octo-repo:' } }, { name: 'prefix-long' }),
    rule({ sub: { prefix: 'repo:octo-org/' } }, { name: 'prefix-short' }),
    rule({ event_name: 'push' }, { name: 'open-one' }),
  ]
  for (const [at, { name }] of ordered.entries()) {
    test(`${name} comes before all that are less specific`, () => {
      expect(matched(ordered.slice(at).toReversed(), claims)).toBe(name)
    })
  }

  test('a less specific rule is taken where the more specific one does not trust', () => {
    for (const more of [{ mode: 'off' }, { mode: 'shadow' }, { expiresAt: NOW }] as const) {
      expect(matched([rule({ sub: SUB }, { name: 'first', ...more }), rule({ event_name: 'push' })], claims)).toBe(
        'one',
      )
    }
  })

  test('rules that are left out are as if they were not there', () => {
    const rules = compileTrustRules([rule({ sub: SUB }), rule({ event_name: 'push' }, { name: 'two' })])
    const answer = rules.match(factsOf(claims), NOW, ({ name }) => name === 'two')
    expect(answer).toMatchObject({ outcome: 'match', rule: { name: 'two' } })
    expect(rules.match(factsOf(claims), NOW, () => false)).toEqual({
      outcome: 'none',
      shadow: undefined,
      nearest: undefined,
    })
  })
})

describe('what a refusal says', () => {
  test('a rule in mode shadow that fits is named, and trusts nobody', () => {
    const answer = matched([rule({ sub: SUB }, { mode: 'shadow', name: 'tried' }), rule({ sub: 'other' })], {
      sub: SUB,
    })
    expect(answer).toMatchObject({ outcome: 'none', shadow: { name: 'tried' }, nearest: undefined })
  })

  test('a rule that is off is named when it would have fitted', () => {
    expect(matched([rule({ sub: SUB }, { mode: 'off' })], { sub: SUB })).toMatchObject({
      nearest: { rule: 'one', claim: 'mode', because: 'it is off' },
    })
  })

  test('a rule trusts nobody from the instant on at which it expires, and that is said', () => {
    expect(matched([rule({ sub: SUB }, { expiresAt: LATER })], { sub: SUB })).toBe('one')
    expect(matched([rule({ sub: SUB }, { expiresAt: NOW })], { sub: SUB })).toMatchObject({
      nearest: { rule: 'one', claim: 'expires_at', because: 'it expired at 2026-06-01T12:00:00.000Z' },
    })
    expect(matched([rule({ sub: SUB }, { expiresAt: NOW, mode: 'shadow' })], { sub: SUB })).toMatchObject({
      shadow: undefined,
      nearest: { claim: 'expires_at' },
    })
  })

  test('the rule of which most claims fit is the nearest one, by name where several are as near', () => {
    const rules = [
      rule({ sub: 'else' }, { name: 'a-far' }),
      rule({ sub: SUB, ref: 'dev' }, { name: 'c-near' }),
      rule({ sub: SUB, ref: 'test' }, { name: 'b-near' }),
    ]
    expect(matched(rules, { ref: 'main' })).toMatchObject({
      nearest: { rule: 'b-near', claim: 'ref', because: 'expected "test", the token says "main"' },
    })
  })

  test('of two that are as near, one that names the subject has no precedence over the first name', () => {
    const rules = [
      rule({ sub: SUB, ref: 'dev' }, { name: 'z' }),
      rule({ event_name: 'push', ref: 'dev' }, { name: 'a' }),
    ]
    expect(matched(rules, { ref: 'main', event_name: 'push' })).toMatchObject({ nearest: { rule: 'a' } })
    expect(matched(rules.toReversed(), { ref: 'main', event_name: 'push' })).toMatchObject({ nearest: { rule: 'a' } })
  })

  const rows: readonly [string, Record<string, ClaimMatch>, Claims, object][] = [
    [
      'sub is named first',
      { ref: 'a', sub: 'b' },
      { ref: 'x', sub: 'y' },
      { claim: 'sub', because: 'expected "b", the token says "y"' },
    ],
    ['else the first of the rule', { b: '1', a: '2' }, {}, { claim: 'b', because: 'expected "1", the token has none' }],
    [
      'another type is named',
      { id: 1234 },
      { id: '1234' },
      { because: 'expected 1234, the token says "1234", which is a text' },
    ],
    [
      'a boolean too',
      { id: 'true' },
      { id: true },
      { because: 'expected "true", the token says true, which is a boolean' },
    ],
    [
      'lists are shown',
      { id: { in: ['a', 'b'] } },
      { id: ['c'] },
      { because: 'expected one of "a", "b", the token says ["c"]' },
    ],
    ['null is shown', { id: { exists: true } }, { id: null }, { because: 'expected any value, the token says null' }],
    [
      'a prefix is told from a text',
      { sub: { prefix: 'a:' } },
      { sub: 'b' },
      { because: 'expected a text that begins with "a:", the token says "b"' },
    ],
    [
      'long texts are cut',
      { id: 'a' },
      { id: 'x'.repeat(500) },
      { because: `expected "a", the token says "${'x'.repeat(64)}…"` },
    ],
    [
      'nothing in it breaks a line or turns it',
      { id: 'a' },
      { id: 'b\n\u202ec\u2028' },
      { because: 'expected "a", the token says "b\\n\\u202ec\\u2028"' },
    ],
  ]
  for (const [name, match, claims, said] of rows) {
    test(name, () => expect(missed(match, claims)).toMatchObject(said))
  }

  test('of many values some are named', () => {
    const because = missed({ id: { in: Array.from({ length: 20 }, (_, at) => at) } }, {})?.because
    expect(because).toBe('expected one of 0, 1, 2, 3, 4, 5, 6, 7 and 12 more, the token has none')
  })
})
