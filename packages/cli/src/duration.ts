import { UsageError } from './exit.ts'

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 7 * 86_400 }

const INSTANT = /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})$/

/** For the help of what takes a duration. */
export const UNITS = 's, m, h, d, w: seconds to weeks'

/** More than a lifetime of anything here; far more would be beyond what a date can hold. */
const MOST_SECONDS = 36_500 * 86_400

/** Seconds of a duration like `90s`, `15m`, `1h30m`, `30d`, `2w`, a century at most; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d{1,9}[smhdw])+$/.test(text)) return undefined
  let total = 0
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/g)) total += Number(count) * (SECONDS[unit ?? ''] ?? 0)
  return total > MOST_SECONDS ? undefined : total
}

/** Seconds of a duration that an option was given. */
export function requireDuration(option: string, text: string): number {
  const seconds = parseDuration(text)
  if (seconds === undefined)
    throw new UsageError(`${option}: expected a duration like 90s, 15m, 1h30m, 30d or 2w (${UNITS}).`)
  return seconds
}

/** A point in the past: an age like `90d`, or a date and time with zone. */
export function parseBefore(option: string, text: string, now: Date): string {
  const seconds = parseDuration(text)
  if (seconds !== undefined) return new Date(now.getTime() - seconds * 1000).toISOString()
  if (INSTANT.test(text) && isDay(text)) return text
  throw new UsageError(`${option}: expected an age like 90d or 12h (${UNITS}), or a time like 2030-01-31T12:00:00Z.`)
}

/** Whether there is such a day, and such a time of it: a date of JavaScript goes on into the next month. */
function isDay(text: string): boolean {
  const day = text.slice(0, 10)
  const midnight = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(Date.parse(text)) && new Date(midnight).toISOString().startsWith(day)
}

/** When something ends: `30d` from now on, or a date and time with zone. */
export function parseExpiry(text: string): { expires_in_seconds: number } | { expires_at: string } {
  const seconds = parseDuration(text)
  if (seconds !== undefined && seconds > 0) return { expires_in_seconds: seconds }
  if (INSTANT.test(text)) return { expires_at: text }
  throw new UsageError(
    `--expires: expected a duration like 30d or 12h (${UNITS}), or a time like 2030-01-31T12:00:00Z.`,
  )
}
