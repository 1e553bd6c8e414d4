import { ApiError, type FieldProblem, UnreachableError } from '@countersign/admin-api'
import { TokenRequestError } from '@countersign/client'

/** What the exit status of every command means. Shown in `--help`. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unreachable: 4,
  notAllowed: 5,
  configuration: 78,
} as const

export const EXIT_HELP = `Exit codes:
  0   done
  1   the server refused or failed, or the answer is no
  2   the command is not used as it should be
  3   there is no such thing
  4   the server cannot be reached
  5   not authenticated, or not allowed
  78  the configuration of the server is not acceptable`

/** The command is not used as it should be; nothing was sent. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly problems: readonly FieldProblem[]

  constructor(message: string, problems: readonly FieldProblem[] = []) {
    super(message)
    this.problems = problems
  }
}

/** The server's configuration is not acceptable: every problem with it. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super('The configuration is not acceptable.')
    this.problems = problems
  }
}

/** The command did its work, and what it was asked is not so. It has printed that. */
export class AnswerIsNo extends Error {
  override readonly name = 'AnswerIsNo'
}

/** A call that the server did not answer with success, and what it was made with. */
export class CallError extends Error {
  override readonly name = 'CallError'
  readonly error: ApiError
  readonly withKey: boolean
  /** Where the key came from, or in a sentence why there was none. */
  readonly keySource: string

  constructor(error: ApiError, withKey: boolean, keySource: string) {
    super(error.message)
    this.error = error
    this.withKey = withKey
    this.keySource = keySource
  }
}

/** RFC 6749 §5.2, and what the library finds before it asks. */
const TOKEN_EXITS: Record<string, number> = {
  invalid_client: EXIT.notAllowed,
  unauthorized_client: EXIT.notAllowed,
  unreachable: EXIT.unreachable,
  credential_unavailable: EXIT.usage,
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage
  if (error instanceof ConfigurationError) return EXIT.configuration
  if (error instanceof UnreachableError) return EXIT.unreachable
  if (error instanceof CallError) return exitCodeOf(error.error)
  if (error instanceof TokenRequestError) return TOKEN_EXITS[error.error] ?? EXIT.failed
  if (!(error instanceof ApiError) || error.code === 'unexpected_answer') return EXIT.failed
  if (error.status === 404) return EXIT.notFound
  return error.status === 401 || error.status === 403 ? EXIT.notAllowed : EXIT.failed
}
