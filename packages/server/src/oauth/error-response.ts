import { DECISION_HEADER, type Denied, REFUSALS } from '@countersign/resource-server'
import type { KnownCredential } from '../authentication/known-credentials.ts'

/** A refusal that tells its caller more than the constant sentence: what it may ask for, or which parameter it was. */
export type OAuthDenied = Denied & {
  readonly says?: string
  /** What was shown, where that is known: for the operator alone. */
  readonly shown?: KnownCredential
  /** When to come back. */
  readonly retryAfterSeconds?: number
}

export const REQUEST_ID_HEADER = 'X-Request-Id'
export const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const

const JSON_HEADERS = { ...NO_STORE, 'Content-Type': 'application/json' } as const

/** Writes every JSON answer of the OAuth endpoints: none may be kept by a cache. @see RFC 6749 §5.1 */
export function oauthJson(status: number, body: object, headers?: Readonly<Record<string, string>>): Response {
  return oauthText(status, JSON.stringify(body), headers)
}

/** The same, of what was written as JSON before. */
export function oauthText(status: number, json: string, headers?: Readonly<Record<string, string>>): Response {
  return new Response(json, { status, headers: headers === undefined ? JSON_HEADERS : { ...JSON_HEADERS, ...headers } })
}

/**
 * The only writer of error answers of the OAuth endpoints.
 *
 * Security: whatever is wrong with a client or its credential reads alike: unknown, disabled, fenced off, revoked.
 * Nothing that was sent is repeated but what `says` was made of. The id of the decision stands in the body too, where
 * curl and scripts show it; clients ignore members that they do not know.
 *
 * @see RFC 6749 §5.2
 */
export function errorResponse(
  { code, says, retryAfterSeconds = 1 }: OAuthDenied,
  decision: string,
  requestId: string,
): Response {
  const { status, wire, description } = REFUSALS[code]
  const headers: Record<string, string> = { [DECISION_HEADER]: decision, [REQUEST_ID_HEADER]: requestId }
  if (status === 401 || status === 403) {
    headers['WWW-Authenticate'] = 'Basic realm="countersign", charset="UTF-8"'
    const sentence = REFUSALS.client_unauthenticated.description
    return oauthJson(401, { error: 'invalid_client', error_description: sentence, decision }, headers)
  }
  if (status === 503 || status === 429) headers['Retry-After'] = String(retryAfterSeconds)
  const error = status === 503 ? 'temporarily_unavailable' : status === 500 ? 'server_error' : wire
  const sentence = says === undefined ? description : `${description} ${quotable(says)}`
  return oauthJson(status, { error, error_description: sentence, decision }, headers)
}

/** The answer to every method but POST, before anything is read. @see RFC 6749 §3.2, RFC 9110 §15.5.6 */
export function methodRefused(): Response {
  return oauthJson(405, { error: 'invalid_request', error_description: 'Send POST.' }, { Allow: 'POST' })
}

/** The characters of RFC 6749 §5.2; others are left out. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '')
}
