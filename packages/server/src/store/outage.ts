/** SQLite result codes that say "not now" or "not here", as opposed to "not so". */
const OUTAGES = /^SQLITE_(BUSY|LOCKED|FULL|READONLY|CANTOPEN|IOERR|NOMEM|CORRUPT|NOTADB|PROTOCOL)/

/** Says whether this error means that the store cannot be asked right now: the caller answers 503, not 500. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return OUTAGES.test(code) || /closed database|database is (closed|locked)|destroyed/i.test(error.message)
}
