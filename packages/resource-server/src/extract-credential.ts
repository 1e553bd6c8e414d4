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

const NONE = Object.freeze({ outcome: 'none' } as const)
const MALFORMED = Object.freeze(deny('credential_malformed'))
const AMBIGUOUS = Object.freeze(deny('credential_ambiguous'))
const FOREIGN = {
  bearer: foreign('bearer'),
  basic: foreign('basic'),
  api_key: foreign('api_key'),
  header: foreign('header'),
  /** `Authorization` with a scheme that is not ours. */
  authorization: foreign('authorization'),
}

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
  if (first === MALFORMED || second === MALFORMED) return MALFORMED
  if (first === AMBIGUOUS || second === AMBIGUOUS) return AMBIGUOUS
  if (passing(first, sources) === NONE) return passing(second, sources)
  return passing(second, sources) === NONE ? first : AMBIGUOUS
}

function passing<K>(presented: Presented<K>, sources: CredentialSources): Presented<K> {
  const isForeign = presented.outcome === 'deny' && presented.code === 'credential_foreign'
  return isForeign && sources.foreign === 'pass' ? NONE : presented
}

function readAuthorization<K>(value: string, recognise: Recognise<K>): Presented<K> {
  if (value.length === 0) return MALFORMED
  if (hasScheme(value, 'Bearer', 'bearer')) return readText(value, afterScheme(value, 6), 'bearer', recognise)
  if (hasScheme(value, 'Basic', 'basic')) return readBasic(value, afterScheme(value, 5), 'basic', recognise)
  // Digest, Negotiate and others may hold commas. A second field line with one of our schemes must not hide there.
  return /,[ \t]*(?:bearer|basic)(?:[ \t]|$)/i.test(value) ? AMBIGUOUS : FOREIGN.authorization
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
  if (start === value.length) return MALFORMED
  let couldBeOurs = value.length - start <= MAX_TEXT_LENGTH
  for (let i = start; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (isToken68(code)) continue
    if (code <= 0x20 || code >= 0x7f || code === 0x22 || code === 0x2c || code === 0x3b) return brokenOff(value)
    couldBeOurs = false
  }
  return couldBeOurs ? recognised(start === 0 ? value : value.slice(start), via, recognise) : FOREIGN[via]
}

/** The password is the credential, the username anything. @see RFC 7617 §2 */
function readBasic<K>(value: string, start: number, via: Via, recognise: Recognise<K>): Presented<K> {
  for (let i = start; i < value.length; i++) if (!isBase64(value.charCodeAt(i))) return brokenOff(value)
  if (value.length - start > MAX_BASIC_LENGTH) return FOREIGN[via]

  const bytes = decodeBase64(value.slice(start))
  if (bytes === undefined) return MALFORMED
  const password = passwordStart(bytes)
  if (password === -1 || password === bytes.length) return MALFORMED

  const isOurs = bytes.length - password <= MAX_TEXT_LENGTH && isAllToken68(bytes, password)
  return isOurs ? recognised(bytes.slice(password), via, recognise) : FOREIGN[via]
}

function recognised<K>(text: string, via: Via, recognise: Recognise<K>): Presented<K> {
  const kind = recognise(text)
  return kind === undefined ? FOREIGN[via] : { outcome: 'presented', via, text, kind }
}

/** A comma is how duplicate field lines are joined. */
function brokenOff(value: string): Denied {
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

/** Where the password begins in `user:password`; -1 when there is no colon, a control character, or no UTF-8. */
function passwordStart(bytes: string): number {
  let isAscii = true
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i)
    if (byte < 0x20 || byte === 0x7f) return -1
    if (byte > 0x7f) isAscii = false
  }
  const colon = bytes.indexOf(':')
  return colon === -1 || !(isAscii || isUtf8(bytes)) ? -1 : colon + 1
}

function isUtf8(bytes: string): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)))
    return true
  } catch {
    return false
  }
}

function isAllToken68(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) if (!isToken68(text.charCodeAt(i))) return false
  return true
}

/** @see RFC 9110 §11.2 */
function isToken68(code: number): boolean {
  return isBase64(code) || code === 0x2d || code === 0x2e || code === 0x5f || code === 0x7e
}

function isBase64(code: number): boolean {
  if ((code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39)) return true
  return code === 0x2b || code === 0x2f || code === 0x3d
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
