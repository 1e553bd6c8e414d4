import { ISSUED_KINDS, type IssuedKind } from '@countersign/resource-server'

// How scanners find our credentials: by prefix and exact length. The checksum at their end is beyond any pattern.

const WORDS: Record<IssuedKind, string> = {
  key: 'API key',
  pat: 'personal access token',
  at: 'access token',
  secret: 'client secret',
}

/** What stands before one: nothing, no letter or digit, or an escape of a text or URL that ends in one. */
const BEFORE = String.raw`[^0-9A-Za-z]|\\[nrt]|%[0-9A-Fa-f]{2}`

const secretOf = (kind: IssuedKind) => `cs_${kind}_[0-9A-Za-z]{49}`

/** One pattern that RE2 and ECMAScript read alike; the credential is its first group. The end takes no character but `_`. */
const patternOf = (kind: IssuedKind) => String.raw`(?:^|${BEFORE})(${secretOf(kind)})(?:\b|_)`

/** Below this a match is a placeholder such as `cs_key_xxxx…`: bits a character, where those of ours have more than 4. */
const LEAST_ENTROPY = 3.5

export function gitleaksRules(): string {
  return ISSUED_KINDS.map((kind) =>
    [
      '[[rules]]',
      `id = "countersign-${kind}"`,
      `description = "Countersign ${WORDS[kind]}. Have it revoked: countersign leak report"`,
      `regex = '''${patternOf(kind)}'''`,
      'secretGroup = 1',
      `entropy = ${LEAST_ENTROPY}`,
      `keywords = ["cs_${kind}_"]`,
      '',
    ].join('\n'),
  ).join('\n')
}

export function truffleHogDetectors(): string {
  const detectors = ISSUED_KINDS.map((kind) =>
    [
      `  - name: countersign-${kind}`,
      `    description: "Countersign ${WORDS[kind]}. Have it revoked: countersign leak report"`,
      '    keywords:',
      `      - cs_${kind}_`,
      '    regex:',
      `      credential: '${patternOf(kind)}'`,
      '',
    ].join('\n'),
  )
  return `detectors:\n${detectors.join('')}`
}

/** What the form of a custom pattern asks for. */
export type GitHubPattern = { name: string; secret_format: string; before_secret: string; after_secret: string }

export function gitHubPatterns(): GitHubPattern[] {
  return ISSUED_KINDS.map((kind) => ({
    name: `Countersign ${WORDS[kind]}`,
    secret_format: secretOf(kind),
    before_secret: String.raw`\A|${BEFORE}`,
    after_secret: String.raw`\z|[^0-9A-Za-z]`,
  }))
}

export function gitHubText(): string {
  return gitHubPatterns()
    .map((pattern) =>
      [
        `Pattern name   ${pattern.name}`,
        `Secret format  ${pattern.secret_format}`,
        `Before secret  ${pattern.before_secret}`,
        `After secret   ${pattern.after_secret}`,
        '',
      ].join('\n'),
    )
    .join('\n')
}
