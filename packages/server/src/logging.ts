import pino from 'pino'
import { Tally } from './counting/tally.ts'
import { LogRedaction, type LogSecrets } from './log-redaction.ts'

/** Levels of which it is counted how often they were logged. */
const COUNTED = new Map([
  [40, 'warn'],
  [50, 'error'],
])

export type LogOptions = {
  readonly secrets?: LogSecrets
  /** Lines at warn and error. */
  readonly logged?: Tally
  /** The request that is being answered, if there is one. */
  readonly requestId?: () => string | undefined
}

/** The log: JSON, one line an event, with no credential in it and nothing that a terminal obeys. */
export function makeLog(level: string, lines: { write(line: string): void }, options: LogOptions = {}): pino.Logger {
  const {
    secrets = { known: [], foreignPrefixes: () => [] },
    logged = new Tally(),
    requestId = () => undefined,
  } = options
  const redaction = new LogRedaction(secrets)
  for (const counted of COUNTED.values()) logged.expect(counted)
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
      // What stands in a line was redacted before pino saw it: it must not look at errors by itself.
      serializers: { err: (written: unknown) => written },
      mixin: () => ({ request_id: requestId() }),
      hooks: {
        logMethod(args, method, number) {
          const counted = COUNTED.get(number)
          if (counted !== undefined) logged.add(counted)
          const [first, second] = args as unknown[]
          const [fields, message] = typeof first === 'object' && first !== null ? [first, second] : [{}, first]
          method.call(this, redaction.fields(fields), redaction.text(typeof message === 'string' ? message : ''))
        },
      },
    },
    lines,
  )
}

/** Lets so many calls a second through for all peers together: who floods the door must not flood the log. */
export function fewPerSecond<Told extends readonly unknown[]>(
  clock: () => Date,
  max: number,
  tell: (...told: Told) => void,
): (...told: Told) => void {
  let second = 0
  let count = 0
  return (...told) => {
    const now = Math.floor(clock().getTime() / 1000)
    count = now === second ? count + 1 : 1
    second = now
    if (count <= max) tell(...told)
  }
}
