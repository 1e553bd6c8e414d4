// What a trust rule may ask of a claim at all, whoever signs.

import { UNPRINTABLE } from './external-token.ts'
import type { ClaimMatch } from './trust-rule.ts'
import { isScalar } from './trust-rule-condition.ts'

/** What is wrong with a rule, and where in it. */
export type TrustProblem = { readonly path: string; readonly message: string }

const MAX_TEXT_LENGTH = 512
const MAX_MEMBERS = 256
/** One segment pins somebody if it is an id, as a UUID is. */
const MIN_LONE_SEGMENT_LENGTH = 32

/** Claims that are judged for each token, by whoever is to judge them: no rule asks about them. */
const JUDGED_ELSEWHERE: Readonly<Record<string, string>> = {
  aud: 'the audience says where a token may be shown, not who shows it. It is a matter of the resource: its identifier, or one of its audience_aliases',
  iss: 'the issuer is what the rule belongs to: name it in "issuer"',
  exp: 'every token has to be alive',
  iat: 'every token has to be young enough for its issuer',
  nbf: 'no token is believed before its time',
  jti: 'each token has another one',
}

export function isJudgedElsewhere(claim: string): boolean {
  return Object.hasOwn(JUDGED_ELSEWHERE, claim)
}

/** Stars, question marks, anchors, and what else nobody writes but in a pattern. */
const PATTERN = /[*?]|^\^|\$$|\\|\.\+|\[[^\]]+-[^\]]+\]/

/** Problems of one claim of a match, each at its path. */
export function problemsOfClaim(claim: string, match: ClaimMatch): readonly TrustProblem[] {
  const path = `match.${claim}`
  if (isJudgedElsewhere(claim)) {
    return [{ path, message: `A rule does not ask about ${claim}: ${JUDGED_ELSEWHERE[claim]}.` }]
  }
  if (claim === '' || claim.length > MAX_TEXT_LENGTH) {
    return [{ path, message: `Expected the name or path of a claim, of at most ${MAX_TEXT_LENGTH} characters.` }]
  }
  if (isScalar(match)) return problemsOfScalar(path, match, claim)
  if (typeof match !== 'object' || match === null || Object.keys(match).length !== 1) return [notUnderstood(path)]
  if ('in' in match && Array.isArray(match.in)) return problemsOfMembers(`${path}.in`, match.in, claim)
  if ('exists' in match && match.exists === true) return []
  if ('prefix' in match && typeof match.prefix === 'string') return problemsOfPrefix(path, claim, match.prefix)
  return [notUnderstood(path)]
}

function notUnderstood(path: string): TrustProblem {
  return { path, message: 'Expected a text, a number, a boolean, {"in": […]}, {"exists": true} or {"prefix": "…"}.' }
}

function unprintable(path: string): TrustProblem {
  return { path, message: 'Expected one line without control characters and lone surrogates: no sub has any.' }
}

function problemsOfMembers(path: string, members: readonly unknown[], claim: string): readonly TrustProblem[] {
  if (members.length === 0) return [{ path, message: 'A list of nothing fits nobody: name what may be said.' }]
  if (members.length > MAX_MEMBERS) return [{ path, message: `Expected at most ${MAX_MEMBERS} values.` }]
  return members.flatMap((member, at) => problemsOfScalar(`${path}.${at}`, member, claim))
}

function problemsOfScalar(path: string, value: unknown, claim: string): readonly TrustProblem[] {
  if (!isScalar(value)) return [{ path, message: 'Expected a text, a number or a boolean.' }]
  if (typeof value === 'number' && !Number.isFinite(value)) return [{ path, message: 'Expected a number of JSON.' }]
  if (typeof value !== 'string') {
    return claim === 'sub' ? [{ path, message: 'A subject is a text: put it in quotes.' }] : []
  }
  if (value === '') return [{ path, message: 'Expected a text that is not empty.' }]
  if (value.length > MAX_TEXT_LENGTH) return [{ path, message: `Expected at most ${MAX_TEXT_LENGTH} characters.` }]
  if (UNPRINTABLE.test(value)) return [unprintable(path)]
  if (!PATTERN.test(value)) return []
  const instead = claim === 'sub' ? 'use {"prefix": "…"}' : 'name each value in {"in": […]}'
  return [{ path, message: `Patterns are not read here, and this looks like one: ${instead}.` }]
}

/**
 * Security: the end of a name cannot be told from its middle, so `repo:octo-org/app` as a prefix would also trust
 * `repo:octo-org/app-of-a-stranger`. At a separator no name goes on.
 */
function problemsOfPrefix(path: string, claim: string, prefix: string): readonly TrustProblem[] {
  if (claim !== 'sub') {
    return [{ path, message: 'Only sub may be asked for by a prefix: name each value in {"in": […]}.' }]
  }
  if (prefix.length > MAX_TEXT_LENGTH) return [{ path, message: `Expected at most ${MAX_TEXT_LENGTH} characters.` }]
  if (UNPRINTABLE.test(prefix)) return [unprintable(path)]
  if (PATTERN.test(prefix)) {
    return [{ path, message: 'Patterns are not read here: a prefix is compared as it stands, so leave the * out.' }]
  }
  if (!/[:/]$/.test(prefix)) {
    const message = `A prefix ends with ":" or "/", or it fits longer names too: "${prefix}" also begins "${prefix}-evil".`
    return [{ path, message }]
  }
  const segments = prefix.split(/[:/]/).filter((segment) => segment !== '')
  const isAnchored = segments.length > 1 || (segments[0]?.length ?? 0) >= MIN_LONE_SEGMENT_LENGTH
  if (!isAnchored || /^system:serviceaccount:$/.test(prefix)) {
    return [
      { path, message: `"${prefix}" fits nearly every subject: add whose they are, as in repo:<owner>/<repository>:.` },
    ]
  }
  return []
}
