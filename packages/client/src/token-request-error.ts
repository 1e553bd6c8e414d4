/** What is known of a token that was not got. */
export type TokenRefusal = {
  readonly error: string
  readonly description?: string | undefined
  readonly status?: number | undefined
  readonly decisionId?: string | undefined
  readonly retryAfterSeconds?: number | undefined
}

/**
 * No token was got.
 *
 * `error` is the server's code (RFC 6749 §5.2, RFC 8707 §2: `invalid_client`, `invalid_scope`, `invalid_target`, …) or
 * one of ours: `unreachable` (no answer in time), `unexpected_answer` (what came is no answer of RFC 6749 or RFC 8414),
 * `credential_unavailable` (the file or the key to authenticate with cannot be read).
 *
 * Security: it has no cause, and neither secret, assertion nor token in any of its members, even if the server sent them
 * back.
 *
 * @example
 * import { clientSecretBasic, TokenRequestError, tokenSource } from '@countersign/client'
 *
 * const source = tokenSource({
 *   issuer: 'https://auth.example.com',
 *   clientId: 'canister',
 *   authentication: clientSecretBasic('a wrong secret'),
 * })
 * try {
 *   await source.token()
 * } catch (error) {
 *   if (!(error instanceof TokenRequestError)) throw error
 *   console.log(error.error, error.status) // invalid_client 401
 *   console.log(`countersign why ${error.decisionId}`) // countersign why dec_example
 * }
 *
 * @see RFC 6749 §5.2
 */
export class TokenRequestError extends Error {
  override readonly name = 'TokenRequestError'
  /** The code. */
  readonly error: string
  /** The server's words, or ours. */
  readonly description: string | undefined
  /** The HTTP status; undefined: there was no answer. */
  readonly status: number | undefined
  /** What `countersign why` explains: the header `Countersign-Decision`. */
  readonly decisionId: string | undefined
  /** Seconds until asking again makes sense, if the server said so. */
  readonly retryAfterSeconds: number | undefined

  constructor({ error, description, status, decisionId, retryAfterSeconds }: TokenRefusal) {
    const details = [
      status !== undefined ? `status ${status}` : undefined,
      decisionId !== undefined ? `decision ${decisionId}` : undefined,
      retryAfterSeconds !== undefined ? `retry after ${retryAfterSeconds} s` : undefined,
    ].filter((detail) => detail !== undefined)
    const tail = details.length > 0 ? ` (${details.join(', ')})` : ''
    super(`No token: ${error}${description !== undefined ? `: ${description}` : ''}${tail}`)
    this.error = error
    this.description = description
    this.status = status
    this.decisionId = decisionId
    this.retryAfterSeconds = retryAfterSeconds
  }

  /** Whether the same request may succeed later: no answer, 429, or trouble of the server. */
  get isTemporary(): boolean {
    return this.error === 'unreachable' || this.status === 429 || (this.status ?? 0) >= 500
  }
}
