import type { LogEvent } from 'kysely'

/** Told of every statement that fails, whoever sent it and whatever becomes of it. */
export type OnStatementError = (error: unknown) => void

/** The part of a database's settings that tells. Nothing is told of the statement itself: parameters are people's. */
export function telling(onError: OnStatementError | undefined): { log?: (event: LogEvent) => void } {
  return onError === undefined ? {} : { log: (event) => event.level === 'error' && onError(event.error) }
}
