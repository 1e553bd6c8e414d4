import { challengeFor } from './challenge.ts'
import { type Denied, REFUSALS } from './refusals.ts'

/**
 * Writes a refusal for the caller: status, challenge and a constant sentence. The detail stays with the operator. `scopes`
 * are those that are needed, said where one is missing.
 *
 * @see RFC 6750 §3
 */
export function refusalResponse(denied: Denied, realm: string, scopes: readonly string[] = []): Response {
  const refusal = REFUSALS[denied.code]
  const headers: Record<string, string> = { 'Cache-Control': 'no-store', 'Content-Type': 'text/plain; charset=utf-8' }
  if (refusal.status === 401 || refusal.wire !== null) {
    headers['WWW-Authenticate'] = challengeFor(refusal, { realm, scopes, offerBasic: false })
  }
  return new Response(`${refusal.description}\n`, { status: refusal.status, headers })
}
