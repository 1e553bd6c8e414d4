import type { NewKey, NewSecret, NewToken } from '@countersign/admin-api'
import type { IssuedKind } from '@countersign/resource-server'
import type { AdminDeps } from './deps.ts'
import { rejectedField } from './problem.ts'

const DAY_MS = 86_400_000

type Limits = Pick<AdminDeps, 'maxKeyTtlDays' | 'patTtlDays' | 'maxPatTtlDays'>

/** Moments are kept to the second. */
export function toWholeSeconds(moment: Date): Date {
  return new Date(Math.floor(moment.getTime() / 1000) * 1000)
}

/** The latest end that the configuration allows a credential of this kind made now; null: none. */
export function latestExpiry(now: Date, kind: IssuedKind, limits: Limits): Date | null {
  const days = maxDays(kind, limits)
  return days === null ? null : inDays(now, days)
}

/** When a credential ends of which nothing was said; null: never. */
export function defaultExpiry(now: Date, kind: IssuedKind, { patTtlDays }: Limits): Date | null {
  return kind === 'pat' ? inDays(now, patTtlDays) : null
}

/** When the credential shall end by what the body says; null: it says nothing. */
export function expiryAsked(
  body: NewKey | NewSecret | NewToken,
  now: Date,
  kind: IssuedKind,
  limits: Limits,
): { expiresAt: Date | null } {
  const asked = fieldAsked(body, now)
  if (asked === undefined) return { expiresAt: null }
  const expiresAt = toWholeSeconds(asked.at)
  if (Number.isNaN(expiresAt.getTime())) throw rejectedField(asked.field, 'expected a date that exists')
  if (expiresAt <= now) throw rejectedField(asked.field, 'expected a time in the future')
  const latest = latestExpiry(now, kind, limits)
  if (latest !== null && expiresAt > latest) {
    const what = { pat: 'personal access token', secret: 'client secret', key: 'key', at: 'token' }[kind]
    throw rejectedField(
      asked.field,
      `expected at most ${maxDays(kind, limits)} days, the longest life of a ${what} here`,
    )
  }
  return { expiresAt }
}

function maxDays(kind: IssuedKind, { maxKeyTtlDays, maxPatTtlDays }: Limits): number | null {
  return kind === 'pat' ? maxPatTtlDays : maxKeyTtlDays
}

function inDays(now: Date, days: number): Date {
  return toWholeSeconds(new Date(now.getTime() + days * DAY_MS))
}

function fieldAsked(body: NewKey | NewSecret | NewToken, now: Date): { field: string; at: Date } | undefined {
  const in_ = (seconds: number) => new Date(now.getTime() + seconds * 1000)
  if (body.expires_in_days !== undefined) return { field: 'expires_in_days', at: in_(body.expires_in_days * 86_400) }
  if (body.expires_in_seconds !== undefined) return { field: 'expires_in_seconds', at: in_(body.expires_in_seconds) }
  if (body.expires_at !== undefined) return { field: 'expires_at', at: new Date(body.expires_at) }
  return undefined
}
