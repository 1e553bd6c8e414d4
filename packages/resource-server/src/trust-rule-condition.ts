// One condition of a trust rule: what it asks of a claim, and in which words it says that the claim does not fit.

import type { ClaimMatch, ClaimScalar } from './trust-rule.ts'

/** What is asked of one claim, as it is compared. `nobody`: nothing that a rule may ask, so it never fits. */
export type Wanted =
  /** Each once; one of them suffices. */
  | { readonly kind: 'scalars'; readonly scalars: readonly ClaimScalar[] }
  | { readonly kind: 'exists' }
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'nobody' }

const NOBODY: Wanted = { kind: 'nobody' }
const MAX_SHOWN_LENGTH = 64
const MAX_SHOWN_MEMBERS = 8

/** Security: whatever is not understood fits nobody, so that a rule which no linter saw does not trust by accident. */
export function wantedBy(claim: string, match: ClaimMatch): Wanted {
  if (isScalar(match)) return { kind: 'scalars', scalars: [match] }
  if (typeof match !== 'object' || match === null) return NOBODY
  const [[key, value] = [], ...more] = Object.entries(match)
  if (more.length > 0) return NOBODY
  if (key === 'in' && Array.isArray(value)) return { kind: 'scalars', scalars: [...new Set(value.filter(isScalar))] }
  if (key === 'exists' && value === true) return { kind: 'exists' }
  if (key === 'prefix' && claim === 'sub' && typeof value === 'string' && value !== '') {
    return { kind: 'prefix', prefix: value }
  }
  return NOBODY
}

/** Whether a claim is what is wanted: equal and of the same type. Of a claim that is a list, one member suffices. */
export function fits(wanted: Wanted, value: unknown): boolean {
  switch (wanted.kind) {
    case 'scalars':
      return wanted.scalars.some((one) => value === one || (Array.isArray(value) && value.includes(one)))
    case 'exists':
      return value !== undefined && value !== null
    case 'prefix':
      return typeof value === 'string' && value.startsWith(wanted.prefix)
    case 'nobody':
      return false
  }
}

/** Why a claim does not fit, for the operator: `expected "x", the token says "y"`. */
export function whyUnfit(wanted: Wanted, value: unknown): string {
  if (wanted.kind === 'nobody') return 'the rule asks nothing of it that is understood'
  const found = value === undefined ? 'the token has none' : `the token says ${quoted(value)}`
  return `expected ${expectedOf(wanted)}, ${found}${ofOtherType(wanted, value)}`
}

function expectedOf(wanted: Exclude<Wanted, { kind: 'nobody' }>): string {
  switch (wanted.kind) {
    case 'scalars': {
      const { scalars } = wanted
      const shown = scalars.slice(0, MAX_SHOWN_MEMBERS).map(quoted).join(', ')
      const more = scalars.length > MAX_SHOWN_MEMBERS ? ` and ${scalars.length - MAX_SHOWN_MEMBERS} more` : ''
      return scalars.length === 1 ? shown : `one of ${shown}${more}`
    }
    case 'exists':
      return 'any value'
    case 'prefix':
      return `a text that begins with ${quoted(wanted.prefix)}`
  }
}

/** Ids are sent as text by some platforms and as numbers by others: "1234" and 1234 look alike in a message. */
function ofOtherType(wanted: Wanted, value: unknown): string {
  if (wanted.kind !== 'scalars') return ''
  const isOther = wanted.scalars.some(
    (one) => isScalar(value) && typeof one !== typeof value && String(one) === String(value),
  )
  return isOther ? `, which is ${TYPE_NAMES[typeof value] ?? 'of another type'}` : ''
}

const TYPE_NAMES: Readonly<Record<string, string>> = { string: 'a text', number: 'a number', boolean: 'a boolean' }

/**
 * As JSON, cut where it is long.
 *
 * Security: a branch may be named by whoever can push, so nothing in it can break the line or turn its direction.
 */
function quoted(value: unknown): string {
  const isText = typeof value === 'string'
  const whole = isText ? value : JSON.stringify(value)
  const shown = whole.length > MAX_SHOWN_LENGTH ? `${whole.slice(0, MAX_SHOWN_LENGTH)}…` : whole
  const escaped = isText ? JSON.stringify(shown) : shown
  return escaped.replace(
    /[\p{C}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  )
}

export function isScalar(value: unknown): value is ClaimScalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
