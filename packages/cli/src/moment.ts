const UNITS = [
  ['year', 365 * 86_400, 2 * 365 * 86_400],
  ['day', 86_400, 2 * 86_400],
  ['hour', 3600, 2 * 3600],
  ['minute', 60, 2 * 60],
] as const

/** A point in time as everybody reads it, whatever the locale: UTC to the second, and how far away that is. */
export function moment(iso: string, now: Date): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return iso
  return `${instant(at)} (${distance(at, now)})`
}

/** The same, for what may be absent. */
export function momentOr(absent: string, iso: string | null, now: Date): string {
  return iso === null ? absent : moment(iso, now)
}

/** The day alone, for where room is short. */
export function day(iso: string): string {
  const at = new Date(iso)
  return Number.isNaN(at.getTime()) ? iso : at.toISOString().slice(0, 10)
}

export function instant(at: Date): string {
  return at.toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** "in 29 days", "3 minutes ago". */
export function distance(at: Date, now: Date): string {
  const seconds = Math.round((at.getTime() - now.getTime()) / 1000)
  if (seconds === 0) return 'now'
  const amount = duration(Math.abs(seconds))
  return seconds > 0 ? `in ${amount}` : `${amount} ago`
}

/** A length of time in its largest sensible unit. */
export function duration(seconds: number): string {
  const [unit, size] = UNITS.find(([, , from]) => seconds >= from) ?? (['second', 1] as const)
  const count = Math.round(seconds / size)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
