import type { AccessToken } from './access-token.ts'
import { attempts } from './attempts.ts'
import { tokenEndpointOf } from './authorization-server.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import { KeptTokens } from './kept-tokens.ts'
import {
  type Clock,
  type Fetch,
  platformFetch,
  type Random,
  systemClock,
  systemRandom,
  systemWait,
  type Wait,
} from './runtime.ts'
import { requestToken } from './token-request.ts'

/** RFC 6749 §3.3 */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** What a call asks for. */
export type AskedToken = {
  /** The identifier of the resource that the token is for (RFC 8707). Omitted: the source's, else the client's default. */
  readonly resource?: string | undefined
  /** The scopes that are needed, in any order. Omitted: the source's, else all that the client may have there. */
  readonly scopes?: readonly string[] | undefined
  /** Ask the server, even if a token that lives is kept. */
  readonly fresh?: boolean | undefined
  /** A token that a resource refused: not this one. Asks the server only if no other one is kept by now. */
  readonly refused?: AccessToken | undefined
  /** Ends the wait of this call; the request itself goes on while others wait for it. */
  readonly signal?: AbortSignal | undefined
}

/** Where tokens come from: made by `tokenSource`, `fileTokenSource` or `apiKey`. */
export type TokenSource = {
  token(asked?: AskedToken): Promise<AccessToken>
}

export type TokenSourceOptions = {
  /** The issuer of the authorization server, byte for byte as its metadata say: Countersign's public URL. */
  readonly issuer: string
  readonly clientId: string
  readonly authentication: ClientAuthentication
  /** For calls that name none. */
  readonly resource?: string | undefined
  /** For calls that name none. */
  readonly scopes?: readonly string[] | undefined
  /** Where tokens are issued, such as an internal listener. Omitted: found in the server's metadata (RFC 8414). */
  readonly tokenEndpoint?: string | undefined
  /** For one call with all its attempts, in seconds; default 30. */
  readonly timeoutSeconds?: number | undefined
  readonly fetch?: Fetch
  /** The clock, for tests. */
  readonly now?: Clock
  /** Chance, for tests. */
  readonly random?: Random
  /** How pauses between attempts are waited for, for tests. */
  readonly wait?: Wait
}

/**
 * Makes a source of access tokens by the client credentials grant. Make one per client and keep it: it holds the tokens.
 *
 * A token is kept for each resource and set of scopes, refreshed before it ends, and asked for by one request at a time.
 * No answer, 429 and 5xx are tried again, three times in all; `Retry-After` is heeded, also by the calls that follow.
 * Nothing runs between calls: no timer keeps a program alive.
 *
 * Throws a `TypeError` for an `issuer` or `tokenEndpoint` that is neither https nor on loopback. `token()` rejects with a
 * `TokenRequestError`, with the reason of its `signal`, with a `TypeError` for a scope that is none, or with what a
 * function that gives a secret threw.
 *
 * Does not check what is in a token: that is for the resource.
 *
 * @example
 * import { clientSecretBasic, tokenSource } from '@countersign/client'
 *
 * const source = tokenSource({
 *   issuer: 'https://auth.example.com',
 *   clientId: 'canister',
 *   authentication: clientSecretBasic(process.env.CLIENT_SECRET ?? ''),
 *   resource: 'https://webdav.example.com',
 * })
 * const { token, expiresAt, scopes } = await source.token()
 * console.log(scopes) // [ "files:read", "files:write" ]
 *
 * @see RFC 6749 §4.4, RFC 8414, RFC 8707
 */
export function tokenSource(options: TokenSourceOptions): TokenSource {
  const { issuer, clientId, authentication, timeoutSeconds = 30 } = options
  const { fetch = platformFetch, now = systemClock, random = systemRandom, wait = systemWait } = options
  const tokenEndpoint = tokenEndpointOf({ issuer, tokenEndpoint: options.tokenEndpoint, fetch, now })
  const asking = { issuer, clientId, authentication, tokenEndpoint, fetch, now, random }
  const kept = new KeptTokens({
    request: (wanted, signal) =>
      attempts((one) => requestToken(wanted, asking, one), signal, { timeoutSeconds, random, wait }),
    now,
    random,
  })
  requireScopes(options.scopes)
  return {
    async token({ resource = options.resource, scopes = options.scopes, fresh, refused, signal } = {}) {
      requireScopes(scopes)
      return kept.token({ resource, scopes }, { fresh, refused, signal })
    },
  }
}

function requireScopes(scopes: readonly string[] | undefined): void {
  if (scopes === undefined || (scopes.length > 0 && scopes.every((scope) => SCOPE.test(scope)))) return
  throw new TypeError('scopes: expected at least one, each without spaces; leave it out to get all that are permitted')
}
