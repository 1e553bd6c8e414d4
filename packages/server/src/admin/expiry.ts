import type { NewKey } from '@countersign/admin-api'
import type { AdminDeps } from './deps.ts'
import { rejectedField } from './problem.ts'

const DAY_MS = 86_400_000

type Limit = Pick<AdminDeps, 'maxKeyTtlDays'>

/** Moments are kept to the second. */
export function toWholeSeconds(moment: Date): Date {
  return new Date(Math.floor(moment.getTime() / 1000) * 1000)
}

/** The latest end that the configuration allows a key made now; null: none. */
export function latestExpiry(now: Date, { maxKeyTtlDays }: Limit): Date | null {
  return maxKeyTtlDays === null ? null : toWholeSeconds(new Date(now.getTime() + maxKeyTtlDays * DAY_MS))
}

/** When the key shall end by what the body says; null: it says nothing. */
export function expiryAsked(body: NewKey, now: Date, limit: Limit): { expiresAt: Date | null } {
  const asked = fieldAsked(body, now)
  if (asked === undefined) return { expiresAt: null }
  const expiresAt = toWholeSeconds(asked.at)
  if (Number.isNaN(expiresAt.getTime())) throw rejectedField(asked.field, 'expected a date that exists')
  if (expiresAt <= now) throw rejectedField(asked.field, 'expected a time in the future')
  const latest = latestExpiry(now, limit)
  if (latest !== null && expiresAt > latest) {
    throw rejectedField(asked.field, `expected at most ${limit.maxKeyTtlDays} days, the longest life of a key here`)
  }
  return { expiresAt }
}

function fieldAsked(body: NewKey, now: Date): { field: string; at: Date } | undefined {
  const in_ = (seconds: number) => new Date(now.getTime() + seconds * 1000)
  if (body.expires_in_days !== undefined) return { field: 'expires_in_days', at: in_(body.expires_in_days * 86_400) }
  if (body.expires_in_seconds !== undefined) return { field: 'expires_in_seconds', at: in_(body.expires_in_seconds) }
  if (body.expires_at !== undefined) return { field: 'expires_at', at: new Date(body.expires_at) }
  return undefined
}
