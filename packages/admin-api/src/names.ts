// How names, scopes, roles and projects are written on the wire. What a name refers to, and whether it exists or
// was retired, is judged by the server.

import { z } from 'zod'

const NAME = /^[a-z0-9][a-z0-9._@-]{0,62}$/
const NAME_WITH_COLON = /^[a-z0-9][a-z0-9._@:-]{0,62}$/
const SEGMENT = /^[a-z0-9][a-z0-9._-]*$/
const MAX_SCOPE_LENGTH = 128

const NAME_EXPECTED = 'expected 1 to 63 characters of a-z 0-9 . _ @ -, the first a letter or digit'
const ROLE_EXPECTED = 'expected 1 to 63 characters of a-z 0-9 . _ @ : -, the first a letter or digit, like "editor"'
const RESERVED_WORDS = new Set(['bootstrap', 'anonymous', 'users', 'clients', 'workloads', 'none'])

/** Whether a name is kept for Countersign itself, so that nobody can look like a built-in principal or group. */
export function isReservedName(name: string): boolean {
  return name.startsWith('countersign') || RESERVED_WORDS.has(name)
}

/** A scope is `noun[:part…]:action`, action last; `any` is no part of it: a boundary comes from the principal. */
export function isScope(text: string): boolean {
  const segments = text.split(':')
  return text.length <= MAX_SCOPE_LENGTH && segments.length >= 2 && segments.every(isSegment)
}

/** What a permission may say: a scope, `*:action`, `noun:*` or `noun:part:*`. Never `*` alone. */
export function isScopePattern(text: string): boolean {
  const segments = text.split(':')
  if (text.length > MAX_SCOPE_LENGTH || segments.length < 2) return false
  if (segments[0] === '*') return segments.length === 2 && isSegment(segments[1] ?? '')
  return (segments.at(-1) === '*' ? segments.slice(0, -1) : segments).every(isSegment)
}

function isSegment(segment: string): boolean {
  return segment !== 'any' && SEGMENT.test(segment)
}

/** The name of something that exists: built-in names are allowed. */
export const name = (example = 'webdav') => z.string().regex(NAME, `${NAME_EXPECTED}, like "${example}"`)

/** The name of something to be made. */
export const newName = (example?: string) =>
  name(example).refine(
    (text) => !isReservedName(text),
    'this name is reserved; expected another, not starting with "countersign"',
  )

export const groupName = () =>
  z.string().regex(NAME_WITH_COLON, `${NAME_EXPECTED.replace('@ -', '@ : -')}, like "developers"`)

export const newGroupName = () =>
  groupName().refine(
    (text) => !isReservedName(text),
    'this name is reserved; expected another, not starting with "countersign"',
  )

/** A part of an API by which its scopes are shown together. */
export const surface = () => z.string().regex(NAME_WITH_COLON, ROLE_EXPECTED.replace('editor', 'pushes'))

export const role = () =>
  z
    .string()
    .regex(NAME_WITH_COLON, ROLE_EXPECTED)
    .refine((text) => !isReservedName(text), 'this name is reserved; expected another role, like "editor"')

export const scope = () =>
  z.string().refine(isScope, 'expected a scope noun:action, action last, like "files:read" (no segment may be "any")')

export const scopePattern = () =>
  z.string().refine(isScopePattern, 'expected a scope like "files:read", or a pattern like "*:read" or "pushes:*"')

/** A project as a rule's `:project` captures it: one or several path segments, compared byte for byte. */
export const project = () =>
  z
    .string()
    .regex(
      /^[^\p{Cc}\s/*]([^\p{Cc}*]{0,253}[^\p{Cc}\s/*])?$/u,
      'expected a project as it stands in the path, like "team/app"',
    )
    .refine((text) => text !== 'none', 'expected a project; "none" is reserved')

/** What people read: free text in one line. */
export const displayName = () =>
  z
    .string()
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]{1,128}$/u, 'expected 1 to 128 characters in one line')
    .refine(holdsNoCredential, NO_CREDENTIAL)

/** One of ours, of which not much is missing, or a whole JWT. No word is like that. */
const CREDENTIAL = /cs_[a-z]+_[0-9A-Za-z]{40,}|ey[\w-]{6,}\.ey[\w-]{6,}\.[\w-]+/

/** Security: what is kept of a text is kept for ever, and shown to many. Somebody pasted the credential itself. */
function holdsNoCredential(text: string): boolean {
  return !CREDENTIAL.test(text)
}
const NO_CREDENTIAL = 'expected a text without a credential in it'

/** What something is for. */
export const description = () => sentence().refine(holdsNoCredential, NO_CREDENTIAL)

export const sentence = () =>
  z.string().regex(/^[^\p{Cc}\p{Zl}\p{Zp}]{0,500}$/u, 'expected at most 500 characters in one line')

/** A point in time of an answer. */
export const instant = () => z.string().meta({ format: 'date-time' })

/** A point in time of a request. */
export const newInstant = () =>
  z.iso.datetime({ offset: true, error: 'expected a date and time with zone, like "2030-01-31T12:00:00Z"' })
