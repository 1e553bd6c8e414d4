// Asks Countersign about each request, as a reverse proxy would, and believes nothing but its signed answer.

import { type Asserted, assertionVerifier } from '@countersign/resource-server'

export type CountersignOptions = {
  /** The public URL of Countersign: who signs. */
  readonly issuer: string
  /** Where Countersign answers proxies: its internal listener, if it has one. This API's address must be among COUNTERSIGN_TRUSTED_PROXIES. */
  readonly verifyUrl: string
  /** The identifier and the host of the resource, as they are declared. Never those that the caller names. */
  readonly resource: string
  readonly host: string
}

/** What of a refusal is for the caller. */
const PASSED_ON = ['content-type', 'www-authenticate', 'countersign-decision', 'retry-after']
const TIMEOUT_MS = 5000

/** Makes the gate: who calls, once Countersign let them pass; else the answer for the caller. */
export function askCountersign({ issuer, verifyUrl, resource, host }: CountersignOptions) {
  const whoPasses = assertionVerifier({ issuer, resource })

  return async (request: Request, from: string): Promise<Asserted | Response> => {
    const { pathname, search } = new URL(request.url)
    const headers = new Headers({
      'X-Forwarded-Method': request.method,
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': host,
      'X-Forwarded-Uri': pathname + search,
      'X-Forwarded-For': from,
    })
    for (const name of ['authorization', 'x-api-key']) {
      const shown = request.headers.get(name)
      if (shown !== null) headers.set(name, shown)
    }

    const answer = await fetch(verifyUrl, {
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch(() => undefined)
    if (answer === undefined) return cannotTell()
    if (answer.status === 200) {
      const caller = await whoPasses(answer.headers)
      return caller.outcome === 'allow' ? caller : cannotTell()
    }
    if (answer.status >= 500) return cannotTell()
    const refused = new Response(await answer.text(), {
      status: answer.status,
      headers: { 'Cache-Control': 'no-store' },
    })
    for (const name of PASSED_ON) {
      const value = answer.headers.get(name)
      if (value !== null) refused.headers.set(name, value)
    }
    return refused
  }
}

/** No answer is no "yes", and no fault of the caller's. */
function cannotTell(): Response {
  return new Response('Countersign cannot be asked right now.\n', {
    status: 503,
    headers: { 'Cache-Control': 'no-store', 'Retry-After': '5' },
  })
}
