// Credentials that look like ours, almost are, or belong elsewhere.
import { bearer, type Expected, type Vector, type Wallet } from './vector.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const MISTYPED: Expected = ['T401', 'credential_mistyped']
const UNKNOWN: Expected = ['T401', 'credential_unknown']

/** `cs_<kind>_` before 43 characters of our alphabet and their checksum, as somebody would forge it. */
export function forged(secret: string, kind = 'key'): string {
  let rest = Bun.hash.crc32(secret)
  let checksum = ''
  for (let digit = 0; digit < 6; digit++) {
    checksum = ALPHABET.charAt(rest % 62) + checksum
    rest = Math.floor(rest / 62)
  }
  return `cs_${kind}_${secret}${checksum}`
}

/** A well-formed credential that nobody was ever given; each number makes another one. */
export function invented(number: number, kind = 'key'): string {
  return forged(String(number).padStart(43, 'z'), kind)
}

/** The credential with another character at `at`, and the checksum that goes with it. */
export function altered(credential: string, at: number): string {
  const [, kind = '', secret = ''] = /^cs_([a-z]+)_(.{43})/.exec(credential) ?? []
  const character = secret[at] === 'a' ? 'b' : 'a'
  return forged(secret.slice(0, at) + character + secret.slice(at + 1), kind)
}

const row = (name: string, expected: Expected, credential: (wallet: Wallet) => string): Vector => ({
  name,
  lines: (wallet) => [bearer(credential(wallet))],
  expected,
})

export const CREDENTIAL_VECTORS: readonly Vector[] = [
  row('OPQ-01 a key with another first character', UNKNOWN, ({ key }) => altered(key, 0)),
  row('OPQ-01 a key with another character in the middle', UNKNOWN, ({ key }) => altered(key, 21)),
  row('OPQ-01 a key with another last character', UNKNOWN, ({ key }) => altered(key, 42)),
  row('OPQ-01 the secret of a key as another kind', UNKNOWN, ({ key }) => key.replace('cs_key_', 'cs_pat_')),

  row('OPQ-02 a key that never was', UNKNOWN, () => invented(1)),
  row('OPQ-02 a public id as a key', ['T401', 'credential_foreign'], () => 'key_01JABCDEFGHJKMNPQRSTVWXYZ0'),

  row(
    'OPQ-03 a key whose checksum is wrong',
    MISTYPED,
    ({ key }) => key.slice(0, -1) + (key.at(-1) === 'a' ? 'b' : 'a'),
  ),
  row('OPQ-03 a key cut short', MISTYPED, ({ key }) => key.slice(0, -1)),
  row('OPQ-03 a key with something behind', MISTYPED, ({ key }) => `${key}0`),
  row('OPQ-03 a key in capitals', ['T401', 'credential_foreign'], ({ key }) => key.toUpperCase()),
  row('OPQ-03 a prefix alone', MISTYPED, () => 'cs_key_'),
  row('OPQ-03 a kind that is none', MISTYPED, () => invented(1, 'kex')),

  row('OPQ-18 a key of another service', ['S403', 'resource_not_granted'], ({ forgeOnly }) => forgeOnly),
  row('OPQ-28 characters of patterns', MISTYPED, () => `cs_key_~${'_'.repeat(48)}`),
  row('OPQ-28 a pattern that would match every key', ['T401', 'credential_foreign'], () =>
    "cs_key_%' or '1'='1".replaceAll(' ', '+'),
  ),
]

/** A key confined to one project of a service, at other projects and other services. */
export const CONFINED_VECTORS: readonly Vector[] = [
  ['OPQ-16 a key confined to a project, there', '/a/file', 'OK'],
  ['OPQ-16 a key confined to a project, at another', '/b/file', ['S403', 'project_not_granted']],
  ['OPQ-16 a key confined to a project, at one whose name begins alike', '/aa/file', ['S403', 'project_not_granted']],
  ['OPQ-16 a key confined to a project, in other letters', '/A/file', ['S403', 'project_not_granted']],
  ['OPQ-16 a key confined to a project, with the other one encoded', '/%62/file', ['S403', 'project_not_granted']],
  ['OPQ-16 a key confined to a project, with its own one encoded', '/%61/file', 'OK'],
  [
    'OPQ-16 a key confined to a project, by way of the query',
    '/b/file?project=a&x=/a/',
    ['S403', 'project_not_granted'],
  ],
  [
    'OPQ-16 a key confined to a project, through a slash that may be one',
    '/a%2f..%2fb/file',
    ['R400', 'target_malformed'],
  ],
  ['OPQ-16 a key confined to a project, at another that is open to all', '/open/b', ['S403', 'project_not_granted']],
  ['OPQ-16 a key confined to a project, at an open one that begins alike', '/open/ab', ['S403', 'project_not_granted']],
  ['OPQ-16 a key confined to a project, at its own that is open to all', '/open/a', 'OK'],
  ['OPQ-16 a key confined to a project, through an empty segment', '//a/file', ['R400', 'target_ambiguous']],
].map(([name, uri, expected]) => ({
  name: String(name),
  lines: ({ confined }: Wallet) => [bearer(confined)],
  asks: { host: 'forge.example.com', uri: String(uri) },
  expected: expected as Expected,
}))

export const ELSEWHERE_VECTORS: readonly Vector[] = [
  {
    name: 'OPQ-16 a key confined to a project, at another service',
    lines: ({ confined }) => [bearer(confined)],
    expected: ['S403', 'resource_not_granted'],
  },
  {
    name: 'OPQ-16 a key confined to a project, where headers of the caller name it',
    lines: ({ confined }) => [
      bearer(confined),
      ['X-Project', 'a'],
      ['Remote-Project', 'a'],
      ['X-Forwarded-Prefix', '/a'],
    ],
    asks: { host: 'forge.example.com', uri: '/b/file' },
    expected: ['S403', 'project_not_granted'],
  },
]
