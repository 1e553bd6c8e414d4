/** What a resource accepts in `Authorization: Bearer` (RFC 6750 §2.1): one word, so that it can break no header. */
const BEARER = /^[A-Za-z0-9._~+/-]+=*$/
const MAX_LENGTH = 16_384

/** Says whether the text can be sent as a bearer token. */
export function isBearerToken(text: string): boolean {
  return text.length <= MAX_LENGTH && BEARER.test(text)
}

/** What is known of a token beside itself. */
export type AboutToken = {
  /** When it stops working, by the clock here; null: it says no end. */
  readonly expiresAt: Date | null
  /** The scopes it was granted, in the server's order; undefined: not known. */
  readonly scopes: readonly string[] | undefined
  /** The resource that was asked for; undefined: the default resource of the client. */
  readonly resource: string | undefined
}

/**
 * A token to send, and what is known of it.
 *
 * Security: the text is behind a getter of the class, never a member of its own: `JSON.stringify`, `util.inspect`, a
 * spread and a log of this object show everything but the token.
 *
 * Throws a `TypeError` for a text that cannot be a bearer token; the text is not in the message.
 *
 * @example
 * import { AccessToken } from '@countersign/client'
 *
 * const token = new AccessToken('cs_at_example', { expiresAt: null, scopes: ['files:read'], resource: undefined })
 * console.log(`Bearer ${token.token}`) // Bearer cs_at_example
 * console.log(JSON.stringify(token)) // {"expiresAt":null,"scopes":["files:read"]}
 *
 * @see RFC 6750 §2.1
 */
export class AccessToken {
  readonly #token: string
  readonly expiresAt: Date | null
  readonly scopes: readonly string[] | undefined
  readonly resource: string | undefined

  constructor(token: string, { expiresAt, scopes, resource }: AboutToken) {
    if (!isBearerToken(token)) throw new TypeError('expected a bearer token: letters, digits and -._~+/ alone')
    this.#token = token
    this.expiresAt = expiresAt
    this.scopes = scopes
    this.resource = resource
  }

  /** The token itself. */
  get token(): string {
    return this.#token
  }
}
