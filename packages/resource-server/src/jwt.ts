// The front gate of every JWT: what passes has one spelling and one meaning. No signature is looked at here.

import { parseJsonObject } from './json.ts'

/** A compact JWS whose form is right. Nothing in it is believed yet. */
export type UnverifiedJwt = {
  readonly text: string
  readonly header: JwtHeader
  readonly claims: Claims
}

export type JwtHeader = {
  readonly alg: string
  readonly kid: string | undefined
  /** Lower case, without `application/`; undefined: not said. */
  readonly typ: string | undefined
}

/** Claims by name. Read them by `textClaim` and its like, which look at own members alone. */
export type Claims = Readonly<Record<string, unknown>>

/** Longer ones are read by nobody here. */
export const MAX_JWT_LENGTH = 8192
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * Reads a compact JWS (RFC 7515 §7.1). Undefined: not of that form, longer than 8 192 characters, not in the one
 * canonical base64url spelling, `crit` in its header, a name twice, deeper than 32 levels, or not UTF-8.
 *
 * Security: libraries accept several spellings of one token (other trailing bits, padding, white space). With one
 * spelling left, what is revoked or remembered by its text cannot be shown again in another. Keys that a header brings
 * along (`jwk`, `jku`, `x5c`, `x5u`) are never read.
 *
 * @see RFC 8725 §3, RFC 7515 §4.1.11
 */
export function parseJwt(text: string): UnverifiedJwt | undefined {
  if (text.length > MAX_JWT_LENGTH || !COMPACT.test(text)) return undefined
  const headerEnd = text.indexOf('.')
  const claimsEnd = text.indexOf('.', headerEnd + 1)
  const fields = parsePart(text.slice(0, headerEnd))
  const claims = parsePart(text.slice(headerEnd + 1, claimsEnd))
  if (fields === undefined || claims === undefined || !isCanonical(text.slice(claimsEnd + 1))) return undefined
  const header = parseHeader(fields)
  return header && { text, header, claims }
}

/** The member, if the object has it itself. */
export function claimOf(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined
}

/** A text that is not empty. */
export function textClaim(claims: Claims, name: string): string | undefined {
  const value = claimOf(claims, name)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A NumericDate in whole seconds that a `Date` can hold (RFC 7519 §2). */
export function dateClaim(claims: Claims, name: string): Date | undefined {
  const value = claimOf(claims, name)
  return Number.isSafeInteger(value) && Math.abs(value as number) <= MAX_SECONDS
    ? new Date((value as number) * 1000)
    : undefined
}

/** A list of texts, none empty; undefined: it is not there, or is something else. */
export function textsClaim(claims: Claims, name: string): readonly string[] | undefined {
  const value = claimOf(claims, name)
  const areTexts = Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '')
  return areTexts ? value : undefined
}

const MAX_SECONDS = 8_640_000_000_000

function parseHeader(fields: Claims): JwtHeader | undefined {
  const alg = textClaim(fields, 'alg')
  const kid = claimOf(fields, 'kid')
  const typ = claimOf(fields, 'typ')
  if (alg === undefined || Object.hasOwn(fields, 'crit') || Object.hasOwn(fields, 'b64')) return undefined
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) return undefined
  if (typ !== undefined && typeof typ !== 'string') return undefined
  return { alg, kid, typ: typ?.toLowerCase().replace(/^application\//, '') }
}

function parsePart(part: string): Claims | undefined {
  if (!isCanonical(part)) return undefined
  const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  // Nearly all are ASCII, where each byte is its character.
  return parseJsonObject(NOT_ASCII.test(binary) ? bytesOf(binary) : binary)
}

const NOT_ASCII = /[\x80-\xff]/

function bytesOf(binary: string): Uint8Array {
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** One spelling for each run of bytes: no rest of one character, and no bits that decode to nothing. RFC 4648 §3.5 */
function isCanonical(part: string): boolean {
  const rest = part.length % 4
  if (rest === 0) return true
  if (rest === 1) return false
  const last = ALPHABET.indexOf(part.charAt(part.length - 1))
  return (last & (rest === 2 ? 15 : 3)) === 0
}
