import { fraction, type Random, type Wait } from './runtime.ts'
import { TokenRequestError } from './token-request-error.ts'
import { within } from './within.ts'

const MAX_ATTEMPTS = 3
const ATTEMPT_SECONDS = 10
const FIRST_PAUSE_SECONDS = 0.25
/** Longer than this nobody is kept waiting for what the server asked: the caller is told how long it would be. */
const MAX_PAUSE_SECONDS = 10

export type AttemptOptions = {
  /** For all attempts and the pauses between them. */
  readonly timeoutSeconds: number
  readonly random: Random
  readonly wait: Wait
}

/**
 * Tries up to three times as long as the failure is temporary (no answer, 429, 5xx), 10 seconds each. Pauses as long as
 * the server asked (`Retry-After`, at most 10 seconds), else 0.25 s and 0.5 s, each half again as long or half as short
 * by chance, so that many callers do not come back together.
 */
export function attempts<Result>(
  attempt: (signal: AbortSignal) => Promise<Result>,
  signal: AbortSignal,
  { timeoutSeconds, random, wait }: AttemptOptions,
): Promise<Result> {
  return within(timeoutSeconds, signal, tooSlow(timeoutSeconds), async (all) => {
    for (let made = 1; ; made++) {
      try {
        return await within(ATTEMPT_SECONDS, all, tooSlow(ATTEMPT_SECONDS), attempt)
      } catch (error) {
        all.throwIfAborted()
        if (!(error instanceof TokenRequestError) || !error.isTemporary || made === MAX_ATTEMPTS) throw error
        const pauseSeconds = error.retryAfterSeconds ?? FIRST_PAUSE_SECONDS * 2 ** (made - 1) * (0.5 + fraction(random))
        if (pauseSeconds > MAX_PAUSE_SECONDS) throw error
        await wait(pauseSeconds * 1000, all)
      }
    }
  })
}

function tooSlow(seconds: number): () => TokenRequestError {
  return () => new TokenRequestError({ error: 'unreachable', description: `no answer within ${seconds} s` })
}
