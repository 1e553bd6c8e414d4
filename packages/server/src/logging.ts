import pino from 'pino'
import { Tally } from './counting/tally.ts'
import { hideCredentials } from './domain/hide-credentials.ts'

/** Levels of which it is counted how often they were logged. */
const COUNTED = new Map([
  [40, 'warn'],
  [50, 'error'],
])

/** The log: JSON lines, with no credential in an error. */
export function makeLog(level: string, lines: { write(line: string): void }, logged = new Tally()): pino.Logger {
  for (const counted of COUNTED.values()) logged.expect(counted)
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: redactedError },
    hooks: {
      logMethod(this: pino.Logger, args: Parameters<pino.LogFn>, method: pino.LogFn, level: number) {
        const counted = COUNTED.get(level)
        if (counted !== undefined) logged.add(counted)
        method.apply(this, args)
      },
    },
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
