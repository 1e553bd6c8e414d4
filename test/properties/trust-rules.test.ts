// Trust rules: what they trust does not depend on how they are listed, shrinks with each claim, and never leaks over the
// borders of an issuer or of a name.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  type ClaimMatch,
  checkTrustRule,
  claimAt,
  compileTrustRules,
  type ExternalFacts,
  TRUST_MODES,
  type TrustRule,
} from '../../packages/resource-server/src/index.ts'

const NOW = new Date('2026-06-01T12:00:00Z')
const [EARLIER, LATER] = [new Date(NOW.getTime() - 1), new Date(NOW.getTime() + 1)]

// Few words, so that rules and tokens meet.
const word = fc.constantFrom('a', 'b', 'a-evil', '1', 'main')
const subject = fc.tuple(word, word, word).map(([owner, repository, ref]) => `repo:${owner}/${repository}:${ref}`)
const scalar = fc.oneof(word, fc.constantFrom(1, 2), fc.boolean())
const issuer = fc.constantFrom('one', 'two')
const claimName = fc.constantFrom('ref', 'id', 'deep.id', 'groups')

const saidValue = fc.oneof({ weight: 3, arbitrary: scalar }, fc.array(scalar, { maxLength: 3 }), fc.constant(null))
const claims = fc.record(
  { ref: saidValue, id: saidValue, groups: saidValue, deep: fc.record({ id: saidValue }) },
  { requiredKeys: [] },
)
const facts = fc.record({ issuer, subject, claims }).map(({ issuer, subject, claims }): ExternalFacts => {
  const dates = { issuedAt: NOW, believedFrom: NOW, believedUntil: LATER, expiresAt: LATER }
  return { issuer, subject, audiences: [], jti: undefined, claims: { ...claims, sub: subject }, ...dates }
})

const asked: fc.Arbitrary<ClaimMatch> = fc.oneof(
  { weight: 3, arbitrary: scalar },
  fc.record({ in: fc.array(scalar, { maxLength: 3 }) }),
  fc.constant<ClaimMatch>({ exists: true }),
)
const askedSubject: fc.Arbitrary<ClaimMatch> = fc.oneof(
  subject,
  fc.record({ in: fc.array(subject, { maxLength: 2 }) }),
  fc.tuple(subject, fc.nat(12)).map(([whole, length]): ClaimMatch => ({ prefix: whole.slice(0, length) })),
)
const match = fc
  .tuple(fc.option(askedSubject), fc.dictionary(claimName, asked, { maxKeys: 3 }))
  .map(([sub, others]): Record<string, ClaimMatch> => (sub === null ? others : { sub, ...others }))
const rules = fc
  .array(
    fc.record({
      issuer,
      match,
      mode: fc.constantFrom(...TRUST_MODES),
      expiresAt: fc.constantFrom(null, EARLIER, LATER),
    }),
    {
      maxLength: 12,
    },
  )
  .map((all) => all.map((one, at): TrustRule => ({ ...one, name: `rule-${at}` })))

/** What a rule says, read as it is written. */
function doesFit({ match, issuer }: TrustRule, token: ExternalFacts): boolean {
  const claims = Object.entries(match)
  if (claims.length === 0 || issuer !== token.issuer) return false
  return claims.every(([claim, wanted]) => {
    const value = claim === 'sub' ? token.subject : claimAt(token.claims, claim)
    const values: readonly unknown[] = Array.isArray(value) ? value : [value]
    if (typeof wanted !== 'object') return values.includes(wanted)
    if ('exists' in wanted) return value !== undefined && value !== null
    if ('prefix' in wanted) return wanted.prefix !== '' && token.subject.startsWith(wanted.prefix)
    return values.some((one) => wanted.in.some((each) => each === one))
  })
}

const isLive = ({ mode, expiresAt }: TrustRule) => mode !== 'off' && (expiresAt === null || expiresAt > NOW)

test('a token is trusted when an enforced rule that is alive fits it, and not otherwise', () => {
  let trusted = 0
  fc.assert(
    fc.property(rules, facts, (rules, token) => {
      const live = rules.filter((rule) => isLive(rule) && doesFit(rule, token))
      const answer = compileTrustRules(rules).match(token, NOW)
      const enforced = live.filter(({ mode }) => mode === 'enforce')
      if (answer.outcome === 'match') {
        trusted++
        expect(enforced).toContain(answer.rule)
      } else {
        expect(enforced).toEqual([])
        expect(answer.shadow === undefined).toBe(live.length === 0)
        if (answer.shadow !== undefined) expect(live).toContain(answer.shadow)
      }
    }),
    { numRuns: 2000 },
  )
  // Some seventy as a rule: none at all would prove nothing.
  expect(trusted).toBeGreaterThan(10)
})

test('a match is pure: asked again, and of the rules in any order, it answers the same', () => {
  fc.assert(
    fc.property(
      rules.chain((rules) => fc.tuple(fc.constant(rules), fc.shuffledSubarray(rules, { minLength: rules.length }))),
      facts,
      ([listed, shuffled], token) => {
        const compiled = compileTrustRules(listed)
        const answer = compiled.match(token, NOW)
        expect(compiled.match(token, NOW)).toEqual(answer)
        expect(compileTrustRules(shuffled).match(token, NOW)).toEqual(answer)
      },
    ),
    { numRuns: 1000 },
  )
})

test('a claim that is added to a rule never makes it fit more tokens', () => {
  fc.assert(
    fc.property(match, claimName, asked, facts, (match, claim, wanted, token) => {
      // A rule that asks nothing fits nobody.
      if (Object.keys(match).length === 0 || Object.hasOwn(match, claim)) return true
      const trusts = (match: TrustRule['match']) => {
        const rule: TrustRule = { name: 'one', issuer: token.issuer, match, mode: 'enforce', expiresAt: null }
        return compileTrustRules([rule]).match(token, NOW).outcome === 'match'
      }
      return trusts(match) || !trusts({ ...match, [claim]: wanted })
    }),
    { numRuns: 2000 },
  )
})

test('neither trusts nor names a rule of another issuer', () => {
  fc.assert(
    fc.property(rules, facts, (rules, token) => {
      const others = rules.filter(({ issuer }) => issuer !== token.issuer)
      expect(compileTrustRules(others).match(token, NOW)).toEqual({
        outcome: 'none',
        shadow: undefined,
        nearest: undefined,
      })
    }),
  )
})

test('a rule that is left out says as much as one that is not there', () => {
  fc.assert(
    fc.property(rules, facts, fc.func(fc.boolean()), (rules, token, isAmong) => {
      const among = ({ name }: TrustRule) => isAmong(name)
      expect(compileTrustRules(rules).match(token, NOW, among)).toEqual(
        compileTrustRules(rules.filter(among)).match(token, NOW),
      )
    }),
  )
})

const segmentsOf = (text: string) => text.split(/[:/]/)

test('a prefix that the linter lets pass never goes on in the middle of a name', () => {
  const issuers = fc.constantFrom(
    'https://token.actions.githubusercontent.com',
    'https://gitlab.com',
    'https://idp.example.com',
  )
  const piece = fc.constantFrom(
    'repo',
    'org',
    'org-evil',
    'app',
    'app-evil',
    ':',
    '/',
    '*',
    'project_path',
    'spiffe://',
    '@12',
  )
  const text = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join(''))
  const end = fc.constantFrom('', ':', '/')
  let passed = 0
  fc.assert(
    fc.property(text, end, text, issuers, (start, end, rest, issuer) => {
      const prefix = start + end
      const match = { sub: { prefix } }
      const { problems } = checkTrustRule({ match }, { issuer, isKubernetes: false })
      if (problems.length > 0) return
      passed++
      const rule: TrustRule = { name: 'one', issuer: 'one', match, mode: 'enforce', expiresAt: null }
      const trusts = (subject: string) => {
        const token: ExternalFacts = {
          ...fc.sample(facts, { numRuns: 1, seed: 1 })[0],
          issuer: 'one',
          subject,
        } as ExternalFacts
        return compileTrustRules([rule]).match(token, NOW).outcome === 'match'
      }
      expect(trusts(prefix + rest)).toBe(true)
      // Another name where a name of the prefix ends: `repo:org-evil/…` for `repo:org/`.
      const whole = segmentsOf(prefix).slice(0, -1)
      const longer = `${prefix.slice(0, -1)}-evil${prefix.slice(-1)}${rest}`
      expect(trusts(longer)).toBe(false)
      expect(segmentsOf(prefix + rest).slice(0, whole.length)).toEqual(whole)
    }),
    { numRuns: 3000 },
  )
  expect(passed).toBeGreaterThan(20)
})
