import {
  type ClaimMatch,
  compileTrustRules,
  type ExternalFacts,
  type TrustRule,
} from '../packages/resource-server/src/index.ts'
import { type Bench, measured, ratioOfRounds } from './measured.ts'
import { nanosecondsOf, repeat, type Subject } from './subject.ts'

const DEFAULT_ROUNDS = 9
const DEFAULT_SECONDS = 0.2
const WARM_UP_OPERATIONS = 5000
const RULES = 1000
const TARGET_NANOSECONDS = 20_000
const NOW = new Date('2026-01-01T00:00:00Z')

const repository = (index: number) => `repo:octo-org/repository-${String(index).padStart(4, '0')}`
const subject = (index: number) => `${repository(index)}:ref:refs/heads/main`

/** What a rule for one repository asks, by the way in which it names it. */
const SHAPES: Readonly<Record<string, (index: number) => Record<string, ClaimMatch>>> = {
  'exact subjects': (index) => ({ sub: subject(index) }),
  'prefixes of subjects': (index) => ({ sub: { prefix: `${repository(index)}:` } }),
  'no subject, one claim': (index) => ({ repository_id: String(index) }),
  'no subject, five claims, the last one tells': (index) => ({
    repository_owner_id: '65',
    ref: 'refs/heads/main',
    event_name: 'push',
    environment: { in: ['production', 'staging'] },
    repository_id: String(index),
  }),
  'no subject, each rule another claim': (index) => ({ [`claim_${index}`]: 'yes' }),
}

/** Trust rules, a thousand of one issuer: a token that fits the last of them, and one that fits none. */
export const bench: Bench = async (options) => {
  const roundCount = Math.round(options.rounds ?? DEFAULT_ROUNDS)
  const seconds = options.seconds ?? DEFAULT_SECONDS
  const subjects = Object.entries(SHAPES).flatMap(([shape, matchOf]) => subjectsOf(shape, matchOf))
  options.say(`warming up, then ${roundCount} rounds of ${subjects.length} × ${seconds} s`)
  for (const one of subjects) await repeat(one, WARM_UP_OPERATIONS)

  const rounds = new Map<string, number[]>(subjects.map(({ name }) => [name, []]))
  for (let round = 0; round < roundCount; round++) {
    for (const one of subjects) rounds.get(one.name)?.push(await nanosecondsOf(one, seconds))
  }
  const first = subjects[0]?.name ?? ''
  const measurements = subjects.map(({ name }) => {
    const values = rounds.get(name) ?? []
    const ratio = ratioOfRounds(values, rounds.get(first) ?? [])
    return measured(name, 'ns', values, name === first ? [] : [{ to: first, ratio }])
  })
  const worst = Math.max(...measurements.map(({ value }) => value))
  return {
    bench: 'trust',
    setting: `a token against ${RULES} trust rules of its issuer; medians of ${roundCount} rounds of ${seconds} s; CPU time of all threads.`,
    measurements,
    targets: [{ says: 'a match in at most 20 µs, whatever the rules ask', isMet: worst <= TARGET_NANOSECONDS }],
  }
}

function subjectsOf(shape: string, matchOf: (index: number) => Record<string, ClaimMatch>): Subject[] {
  const rules = compileTrustRules(Array.from({ length: RULES }, (_, index) => ruleOf(index, matchOf(index))))
  const expecting = (outcome: string, facts: ExternalFacts) => () => {
    if (rules.match(facts, NOW).outcome !== outcome) throw new Error(`${shape}: not ${outcome}`)
  }
  return [
    { name: `${shape}: the last rule fits`, run: expecting('match', factsOf(RULES - 1)) },
    { name: `${shape}: none fits`, run: expecting('none', factsOf(RULES)) },
  ]
}

function ruleOf(index: number, match: Record<string, ClaimMatch>): TrustRule {
  const name = `rule-${String(index).padStart(4, '0')}`
  return { name, issuer: 'github', match, mode: 'enforce', expiresAt: null }
}

function factsOf(index: number): ExternalFacts {
  const claims = {
    sub: subject(index),
    repository_id: String(index),
    repository_owner_id: '65',
    ref: 'refs/heads/main',
    event_name: 'push',
    environment: 'production',
    [`claim_${index}`]: 'yes',
  }
  const later = new Date(NOW.getTime() + 300_000)
  const dates = { issuedAt: NOW, believedFrom: NOW, believedUntil: later, expiresAt: later }
  return {
    issuer: 'github',
    subject: claims.sub,
    audiences: ['https://api.example.com'],
    jti: undefined,
    claims,
    ...dates,
  }
}
