// Scanners find every credential of ours wherever it stands, and nothing that only looks like one.

import { expect, test } from 'bun:test'
import { formatCredential, ISSUED_KINDS } from '@countersign/resource-server'
import { gitHubPatterns, gitleaksRules, truffleHogDetectors } from './scanner-rules.ts'
import { ran } from './testing/test-terminal.ts'

type GitleaksRule = {
  id: string
  description: string
  regex: string
  secretGroup: number
  entropy: number
  keywords: string[]
}
type Detector = { name: string; description: string; keywords: string[]; regex: Record<string, string> }

const gitleaks = (Bun.TOML.parse(gitleaksRules()) as { rules: GitleaksRule[] }).rules
const truffleHog = (Bun.YAML.parse(truffleHogDetectors()) as { detectors: Detector[] }).detectors

/** RE2 and Hyperscan know `\A` and `\z`; here they are `^` and `$`. */
const ecmaScript = (pattern: string) => pattern.replace('\\A', '^').replace('\\z', '$')

const scanners: [name: string, patterns: string[]][] = [
  ['gitleaks', gitleaks.map(({ regex }) => regex)],
  ['trufflehog', truffleHog.flatMap(({ regex }) => Object.values(regex))],
  [
    'github',
    gitHubPatterns().map(
      ({ before_secret, secret_format, after_secret }) => `(?:${before_secret})(${secret_format})(?=${after_secret})`,
    ),
  ],
]

function found(patterns: readonly string[], text: string): string[] {
  return patterns.flatMap((pattern) =>
    [...text.matchAll(new RegExp(ecmaScript(pattern), 'g'))].map((hit) => hit[1] ?? ''),
  )
}

/** Every kind, of many random bits, each as a credential and its kind. */
const CREDENTIALS = ISSUED_KINDS.flatMap((kind) =>
  Array.from({ length: 50 }, () => formatCredential(kind, crypto.getRandomValues(new Uint8Array(32)))),
)

const PLACES: [place: string, around: (credential: string) => string][] = [
  ['alone', (credential) => credential],
  ['an assignment', (credential) => `COUNTERSIGN_KEY=${credential}\n`],
  ['a name that ends in an underscore', (credential) => `TOKEN_${credential};`],
  ['a header', (credential) => `Authorization: Bearer ${credential}\r\nHost: a`],
  ['a URL', (credential) => `https://alice:${credential}@git.example.com/team/app.git`],
  ['an escaped URL', (credential) => `login%3A${credential}%40git`],
  ['a text with escapes', (credential) => `"first\\n${credential}\\nlast"`],
  ['JSON', (credential) => JSON.stringify({ token: credential })],
  ['Markdown', (credential) => `_${credential}_`],
  ['a sentence', (credential) => `My key is ${credential}.`],
]

for (const [scanner, patterns] of scanners) {
  test.each(PLACES)(`${scanner} finds each credential once, and whole, in %s`, (_place, around) => {
    for (const credential of CREDENTIALS) expect(found(patterns, around(credential))).toEqual([credential])
  })

  test(`${scanner} finds credentials that stand side by side`, () => {
    const text = CREDENTIALS.join(' ')
    expect(found(patterns, text).toSorted()).toEqual(CREDENTIALS.toSorted())
  })

  test.each([
    ['too short', (credential: string) => credential.slice(0, -1)],
    ['too long', (credential: string) => `${credential}a`],
    ['of another prefix', (credential: string) => credential.replace('cs_', 'ds_')],
    ['of another kind', (credential: string) => credential.replace(/^cs_[a-z]+_/, 'cs_none_')],
    ['the end of a word', (credential: string) => `ac${credential}`],
    ['in capitals', (credential: string) => credential.replace('cs_', 'CS_')],
    [
      'broken by a character that none has',
      (credential: string) => `${credential.slice(0, 30)}-${credential.slice(31)}`,
    ],
    ['a public id', () => 'pat_01JABCDEFGHJKMNPQRSTVWXYZ0'],
    ['a hint', (credential: string) => `${credential.slice(0, 7)}…${credential.slice(-4)}`],
  ])(`${scanner} passes over what is %s`, (_case, miss) => {
    for (const credential of CREDENTIALS) expect(found(patterns, ` ${miss(credential)} `)).toEqual([])
  })
}

test('patterns are ones that RE2 takes: no look-around, no back reference', () => {
  for (const [, patterns] of scanners.slice(0, 2)) {
    for (const pattern of patterns) expect(pattern).not.toMatch(/\(\?[=!<]|\\[1-9]/)
  }
})

test('a rule of gitleaks names itself, its keyword, its group, and asks for less chance than there is', () => {
  expect(gitleaks.map(({ id }) => id)).toEqual(ISSUED_KINDS.map((kind) => `countersign-${kind}`))
  for (const { keywords, secretGroup, entropy, description } of gitleaks) {
    expect({ keywords: keywords.length, secretGroup, description: description.length > 0 }).toEqual({
      keywords: 1,
      secretGroup: 1,
      description: true,
    })
    for (const credential of CREDENTIALS) expect(shannon(credential)).toBeGreaterThan(entropy)
    expect(shannon(`cs_key_${'x'.repeat(49)}`)).toBeLessThan(entropy)
  }
})

test('keywords stand in what they are to find, in small letters', () => {
  const keywords = [...gitleaks, ...truffleHog].flatMap((rule) => rule.keywords)
  expect(keywords.toSorted()).toEqual([...ISSUED_KINDS, ...ISSUED_KINDS].map((kind) => `cs_${kind}_`).toSorted())
  expect(new Set(truffleHog.map(({ name }) => name)).size).toBe(ISSUED_KINDS.length)
})

test('the command prints each format, gitleaks first, and needs no server', async () => {
  expect((await ran('scanner-rules')).out).toBe(gitleaksRules())
  expect((await ran('scanner-rules --format trufflehog')).out).toBe(truffleHogDetectors())
  const { out } = await ran('scanner-rules --format github')
  for (const field of ['Pattern name', 'Secret format', 'Before secret', 'After secret']) expect(out).toContain(field)
  expect(JSON.parse((await ran('scanner-rules --format github --json')).out)).toEqual(gitHubPatterns())
  expect((await ran('scanner-rules --format other')).code).toBe(2)
})

function shannon(text: string): number {
  const counts = Object.values(Object.groupBy(text, (character) => character)).map((same) => same?.length ?? 0)
  return -counts.reduce((sum, count) => sum + (count / text.length) * Math.log2(count / text.length), 0)
}
