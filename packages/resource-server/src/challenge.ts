import type { Refusal } from './refusals.ts'

/** The header of every refusal that names its decision, for whoever is on call. */
export const DECISION_HEADER = 'Countersign-Decision'

/** What a `WWW-Authenticate` field says besides the refusal. */
export type ChallengeOptions = {
  /** The name of the resource. */
  readonly realm: string
  /** The scopes that are needed. Said for `insufficient_scope` alone. */
  readonly scopes?: readonly string[]
  /** Where clients learn who issues tokens for the resource; see `resourceMetadataUrl`. @see RFC 9728 §5.1 */
  readonly resourceMetadata?: string | undefined
  /** Off for browsers, which would ask the person for a password. */
  readonly offerBasic: boolean
}

const QUOTABLE = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/
const utf8 = new TextEncoder()

/**
 * Writes the one `WWW-Authenticate` value of a denial. One value, because proxies keep one field.
 *
 * Security: everything in quotes is limited to the characters of RFC 6750 §3; others are percent-encoded, so that no
 * realm or scope can end the quotes, the field or the header.
 *
 * @see RFC 6750 §3, RFC 7617 §2.1
 */
export function challengeFor(refusal: Refusal, options: ChallengeOptions): string {
  const realm = quotable(options.realm)
  let challenge = `Bearer realm="${realm}"`
  if (refusal.wire !== null) {
    challenge += `, error="${refusal.wire}", error_description="${quotable(refusal.description)}"`
  }
  if (refusal.wire === 'insufficient_scope' && options.scopes !== undefined && options.scopes.length > 0) {
    challenge += `, scope="${options.scopes.map(scopeToken).join(' ')}"`
  }
  if (options.resourceMetadata !== undefined) {
    challenge += `, resource_metadata="${quotable(options.resourceMetadata)}"`
  }
  return options.offerBasic ? `${challenge}, Basic realm="${realm}", charset="UTF-8"` : challenge
}

function quotable(text: string): string {
  return QUOTABLE.test(text) ? text : percentEncode(text)
}

/** A scope is one word of its list: a space in it would make two. */
function scopeToken(scope: string): string {
  return quotable(scope).replaceAll(' ', '%20')
}

function percentEncode(text: string): string {
  let encoded = ''
  for (const byte of utf8.encode(text)) {
    const character = String.fromCharCode(byte)
    encoded += QUOTABLE.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}
