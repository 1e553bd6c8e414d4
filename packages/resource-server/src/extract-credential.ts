// Finds the one machine credential of a request. Browser sessions are looked for elsewhere, and only after 'none'.

import { type Denied, deny } from './refusals.ts'

/** A web `Headers` fits. */
export type CredentialHeaders = { get(name: string): string | null }

/** Where a resource wants its credentials, and what becomes of those that are not ours. */
export type CredentialSources = {
  /** The resource's own `credential_header`, lower-case: then the only machine source. */
  readonly header: string | undefined
  /** `pass`: a credential that is not ours counts as absent, for an upstream that has its own. It never allows. */
  readonly foreign: 'reject' | 'pass'
}

export type PresentedCredential<K> = {
  readonly outcome: 'presented'
  readonly via: 'bearer' | 'basic' | 'api_key' | 'header'
  readonly text: string
  /** What `recognise` said of it. Its form only: nothing is believed yet. */
  readonly kind: K
}

export type Presented<K> = { readonly outcome: 'none' } | PresentedCredential<K> | Denied

type Recognise<K> = (text: string) => K | undefined
type Via = PresentedCredential<never>['via']

const MAX_TEXT_LENGTH = 8192
const MAX_BASIC_LENGTH = 16_384 // base64 of the longest text and a generous username

// Nothing in them backtracks: each costs one look at each character.
// What is not of token68, RFC 9110 §11.2, but for '=', which may stand anywhere: it does in keys of other systems that are
// imported. Looked for so, a long JWT costs a third less than one that is matched as a whole.
const NOT_TOKEN68 = /[^A-Za-z0-9._~+/=-]/
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const BROKEN = /[^!#-+\--:<-~]/ // what may not stand in a credential at all: controls, space, '"', ',', ';', non-ASCII
const PRINTABLE_ASCII = /^[ -~]*$/
const PRINTABLE_BYTES = /^[ -~\x80-\xff]*$/

const NONE = Object.freeze({ outcome: 'none' } as const)
const MALFORMED = Object.freeze(deny('credential_malformed'))
const EMPTY = Object.freeze(deny('credential_malformed', Object.freeze({ because: 'empty' })))
const EMPTY_PASSWORD = Object.freeze(deny('credential_malformed', Object.freeze({ because: 'empty password' })))
const AMBIGUOUS = Object.freeze(deny('credential_ambiguous'))
const FOREIGN = {
  bearer: foreign('bearer'),
  basic: foreign('basic'),
  api_key: foreign('api_key'),
  header: foreign('header'),
  /** `Authorization` with a scheme that is not ours. */
  authorization: foreign('authorization'),
}
/** One of ours behind a scheme that is not, or behind none: for the operator, who is told what the caller forgot. */
const OURS_WITHOUT_SCHEME = Object.freeze(
  deny('credential_foreign', Object.freeze({ via: 'authorization', because: 'no Bearer before it' })),
)

/** Whatever it is: nobody has read it, so nobody can say that it is none of ours. For the operator as well. */
export const TOO_LONG_TO_READ = `it is longer than ${MAX_TEXT_LENGTH} characters`

/**
 * Picks at most one machine credential from `Authorization`, `X-Api-Key` or the resource's own header.
 *
 * `recognise` tells by its form whether a text could be ours; undefined is foreign. A malformed field is refused
 * whatever else is there, and two credentials are refused also when they are equal.
 *
 * Security: query, body, cookies and `Proxy-Authorization` are never read, nothing is percent-decoded, no scheme is
 * guessed. No part of a credential ever stands in a refusal.
 *
 * @see RFC 6750 §2, RFC 7617 §2, RFC 9110 §11.4
 */
export function extractCredential<K>(
  headers: CredentialHeaders,
  sources: CredentialSources,
  recognise: Recognise<K>,
): Presented<K> {
  if (sources.header !== undefined) {
    const own = headers.get(sources.header)
    return own === null ? NONE : passing(readOwnHeader(trimOws(own), recognise), sources)
  }

  const authorization = headers.get('authorization')
  const apiKey = headers.get('x-api-key')
  if (apiKey === null) {
    return authorization === null ? NONE : passing(readAuthorization(trimOws(authorization), recognise), sources)
  }
  const second = readText(trimOws(apiKey), 0, 'api_key', recognise)
  if (authorization === null) return passing(second, sources)
  return oneOf(readAuthorization(trimOws(authorization), recognise), second, sources)
}

function oneOf<K>(first: Presented<K>, second: Presented<K>, sources: CredentialSources): Presented<K> {
  if (isMalformed(first)) return first
  if (isMalformed(second)) return second
  if (passing(first, sources) === NONE) return passing(second, sources)
  return passing(second, sources) === NONE ? first : AMBIGUOUS
}

function isMalformed(presented: Presented<unknown>): boolean {
  return presented.outcome === 'deny' && presented.code === 'credential_malformed'
}

function passing<K>(presented: Presented<K>, sources: CredentialSources): Presented<K> {
  const isForeign = presented.outcome === 'deny' && presented.code === 'credential_foreign'
  return isForeign && sources.foreign === 'pass' ? NONE : presented
}

function readAuthorization<K>(value: string, recognise: Recognise<K>): Presented<K> {
  if (value.length === 0) return EMPTY
  if (hasScheme(value, 'Bearer', 'bearer')) return readText(value, afterScheme(value, 6), 'bearer', recognise)
  if (hasScheme(value, 'Basic', 'basic')) return readBasic(value, afterScheme(value, 5), 'basic', recognise)
  // Digest, Negotiate and others may hold commas. A second field line with one of our schemes must not hide there.
  if (/,[ \t]*(?:bearer|basic)(?:[ \t]|$)/i.test(value)) return AMBIGUOUS
  return /(?:^| )cs_[a-z]+_/.test(value) ? OURS_WITHOUT_SCHEME : FOREIGN.authorization
}

/** The bare credential, or one behind `Bearer` or `Basic`. */
function readOwnHeader<K>(value: string, recognise: Recognise<K>): Presented<K> {
  if (hasScheme(value, 'Bearer', 'bearer')) return readText(value, afterScheme(value, 6), 'header', recognise)
  if (hasScheme(value, 'Basic', 'basic')) return readBasic(value, afterScheme(value, 5), 'header', recognise)
  return readText(value, 0, 'header', recognise)
}

/** Says whether the value begins with the scheme, in any case, and nothing else of that word. */
function hasScheme(value: string, usual: string, lowerCase: string): boolean {
  const length = usual.length
  if (!value.startsWith(usual) && value.slice(0, length).toLowerCase() !== lowerCase) return false
  return value.length === length || isOws(value.charCodeAt(length))
}

/** Where the credential begins: after one or more spaces. A tab is left, to be refused with the credential. */
function afterScheme(value: string, schemeLength: number): number {
  let start = schemeLength
  while (value.charCodeAt(start) === 0x20) start++
  return start
}

function readText<K>(value: string, start: number, via: Via, recognise: Recognise<K>): Presented<K> {
  const text = start === 0 ? value : value.slice(start)
  if (text === '') return EMPTY
  if (!NOT_TOKEN68.test(text)) return recognised(text, via, recognise)
  return BROKEN.test(text) ? broken(value) : FOREIGN[via]
}

/** The password is the credential, the username anything. @see RFC 7617 §2 */
function readBasic<K>(value: string, start: number, via: Via, recognise: Recognise<K>): Presented<K> {
  const encoded = value.slice(start)
  if (!BASE64.test(encoded)) return broken(value)
  if (encoded.length > MAX_BASIC_LENGTH) return FOREIGN[via]

  const bytes = decodeBase64(encoded)
  const colon = bytes === undefined || !isUserPassword(bytes) ? -1 : bytes.indexOf(':')
  if (bytes === undefined || colon === -1) return MALFORMED

  const password = bytes.slice(colon + 1)
  if (password === '') return EMPTY_PASSWORD
  return NOT_TOKEN68.test(password) ? FOREIGN[via] : recognised(password, via, recognise)
}

function recognised<K>(text: string, via: Via, recognise: Recognise<K>): Presented<K> {
  if (text.length > MAX_TEXT_LENGTH) return deny('credential_foreign', { via, because: TOO_LONG_TO_READ })
  const kind = recognise(text)
  return kind === undefined ? FOREIGN[via] : { outcome: 'presented', via, text, kind }
}

/** A comma is how duplicate field lines are joined. */
function broken(value: string): Denied {
  return value.includes(',') ? AMBIGUOUS : MALFORMED
}

/** Decodes base64, padded or not, into one character a byte. */
function decodeBase64(encoded: string): string | undefined {
  try {
    return atob(encoded)
  } catch {
    return undefined
  }
}

/** Says whether the bytes are UTF-8 without control characters. */
function isUserPassword(bytes: string): boolean {
  return PRINTABLE_ASCII.test(bytes) || (PRINTABLE_BYTES.test(bytes) && isUtf8(bytes))
}

function isUtf8(bytes: string): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)))
    return true
  } catch {
    return false
  }
}

function trimOws(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isOws(value.charCodeAt(start))) start++
  while (end > start && isOws(value.charCodeAt(end - 1))) end--
  return start === 0 && end === value.length ? value : value.slice(start, end)
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function foreign(via: Via | 'authorization'): Denied {
  return Object.freeze(deny('credential_foreign', Object.freeze({ via })))
}
