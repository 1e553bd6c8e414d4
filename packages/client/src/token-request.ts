import { AccessToken, isBearerToken } from './access-token.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import { askJson, type JsonAnswer } from './json-answer.ts'
import type { Clock, Fetch, Random } from './runtime.ts'
import { refusalOf } from './token-refusal.ts'
import { TokenRequestError } from './token-request-error.ts'

/** What a token is for; each may be left to the server. */
export type Wanted = {
  readonly resource: string | undefined
  readonly scopes: readonly string[] | undefined
}

export type TokenRequestOptions = {
  readonly issuer: string
  readonly clientId: string
  readonly authentication: ClientAuthentication
  readonly tokenEndpoint: (signal: AbortSignal) => Promise<URL>
  readonly fetch: Fetch
  readonly now: Clock
  readonly random: Random
}

/** Sends one token request. @see RFC 6749 §4.4.2, RFC 8707 §2 */
export async function requestToken(
  wanted: Wanted,
  options: TokenRequestOptions,
  signal: AbortSignal,
): Promise<AccessToken> {
  const { issuer, clientId, authentication, fetch, now, random } = options
  const endpoint = await options.tokenEndpoint(signal)
  const headers = new Headers({ Accept: 'application/json', 'Content-Type': 'application/x-www-form-urlencoded' })
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  if (wanted.scopes !== undefined) body.set('scope', wanted.scopes.join(' '))
  if (wanted.resource !== undefined) body.set('resource', wanted.resource)
  await authentication({ issuer, clientId, body, headers, now, random })

  // Read before the request leaves: by our clock a token ends too early rather than too late.
  const askedAt = now()
  const answer = await askJson(fetch, endpoint, { method: 'POST', headers, body: body.toString() }, signal)
  if (answer.status !== 200) throw refusalOf(answer, { body, headers }, now())
  return issued(answer, wanted, askedAt)
}

/** RFC 6749 §5.1. What is wrong with an answer is told by name of the member, never by its value. */
function issued({ status, body }: JsonAnswer, wanted: Wanted, askedAt: Date): AccessToken {
  const { access_token: token, token_type: type, expires_in: lifetimeSeconds, scope } = body
  const refuse = (description: string) => new TokenRequestError({ error: 'unexpected_answer', description, status })
  if (typeof token !== 'string' || !isBearerToken(token)) throw refuse('access_token: expected a bearer token')
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') throw refuse('token_type: expected Bearer')
  if (typeof lifetimeSeconds !== 'number' || !(lifetimeSeconds > 0)) throw refuse('expires_in: expected seconds')
  if (scope !== undefined && typeof scope !== 'string') throw refuse('scope: expected scopes in one text')
  const expiresAt = new Date(askedAt.getTime() + lifetimeSeconds * 1000)
  if (Number.isNaN(expiresAt.getTime())) throw refuse('expires_in: expected seconds')
  // Left out, the scopes are those that were asked for.
  const scopes = scope === undefined ? wanted.scopes : scope.split(' ').filter((one) => one !== '')
  return new AccessToken(token, { expiresAt, scopes, resource: wanted.resource })
}
