import pino from 'pino'
import { hideCredentials } from './domain/hide-credentials.ts'

/** The log: JSON lines, with no credential in an error. */
export function makeLog(level: string, lines: { write(line: string): void }): pino.Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: redactedError },
  }
  return pino(options, lines)
}

/** Lets one call a second through for all peers together: who floods the door must not flood the log. */
export function oncePerSecond(clock: () => Date, tell: (peer: string | null, because: string) => void) {
  let second = 0
  return (peer: string | null, because: string) => {
    const now = Math.floor(clock().getTime() / 1000)
    if (now === second) return
    second = now
    tell(peer, because)
  }
}

/** An error as it is logged. Nothing puts a credential into one; should a bug do so, it is not logged whole. */
function redactedError(error: unknown): object {
  const hide = (text: string | undefined) => text && hideCredentials(text)
  if (!(error instanceof Error)) return { message: hide(String(error)) }
  return { type: error.name, message: hide(error.message), stack: hide(error.stack) }
}
