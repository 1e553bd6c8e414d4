import { type Denied, deny, isDenied, type Listener } from '@countersign/resource-server'
import type { KnownCredential } from '../authentication/known-credentials.ts'
import { isOutage } from '../store/outage.ts'
import { type AuthenticatedClient, authenticateClient } from './authenticate-client.ts'
import { readClientAuthentication } from './client-authentication.ts'
import type { OAuthAsked, OAuthDeps } from './deps.ts'
import { errorResponse, methodRefused, type OAuthDenied } from './error-response.ts'
import { type Form, readForm } from './form.ts'

/** A request of a client that showed who it is. */
export type OAuthCall = AuthenticatedClient & { readonly asked: OAuthAsked; readonly form: Form }

/** What one endpoint does with such a request. */
export type Answer = (call: OAuthCall) => Response | OAuthDenied | Promise<Response | OAuthDenied>

/**
 * What all OAuth endpoints share: POST alone, one form, one authentication of the client, and then `answer`.
 *
 * Security: whatever throws becomes a 500 or 503 here, with no token in it. The clock is looked at when the form is there
 * to its end: else a body that drips in would have what expired long ago judged by the moment at which it began.
 */
export function oauthEndpoint(path: string, listener: Listener, deps: OAuthDeps, answer: Answer) {
  const counts = deps.counts.at(path)
  return async (request: Request, peer: string | null): Promise<Response> => {
    if (request.method !== 'POST') return methodRefused()
    const { headers } = request
    const form = await readForm(request)
    const clientAddress = () => deps.addressOf(headers, peer)
    const asked = { path, now: deps.clock(), listener, peer, headers, clientAddress }
    const beganMs = deps.monotonicMs()
    let known: KnownCredential | undefined
    const refuse = (denied: OAuthDenied, requestId = deps.requestIdOf(headers, peer)) => {
      counts.noteRefused(denied.code)
      const id = deps.noteRefusal(denied, asked, denied.shown ?? known)
      deps.tellRefused(asked, denied.code, id, requestId)
      return errorResponse(denied, id, requestId)
    }
    try {
      if (isDenied(form)) return refuse(form)
      const shown = readClientAuthentication(request, form)
      if (isDenied(shown)) return refuse(shown)
      const unconfirmed = deps.isConfirmed() ? undefined : await confirmedOr503(deps)
      if (unconfirmed !== undefined) return refuse(unconfirmed)
      // What is known here is not waited for: each turn of the loop that is saved is one less between two requests.
      const authenticating = authenticateClient(shown, asked, deps)
      const authenticated = authenticating instanceof Promise ? await authenticating : authenticating
      if (isDenied(authenticated)) return refuse(authenticated)
      known = authenticated.known
      const answering = answer({ client: authenticated.client, known, asked, form })
      const answered = answering instanceof Promise ? await answering : answering
      if (!(answered instanceof Response)) return refuse(answered)
      counts.answered++
      return answered
    } catch (error) {
      const requestId = deps.requestIdOf(headers, peer)
      deps.onError(error, requestId)
      if (isOutage(error)) return refuse(deny('store_unavailable', { because: error.message }), requestId)
      return refuse(deny('internal_error', { because: error instanceof Error ? error.name : 'unknown' }), requestId)
    } finally {
      counts.took.add(deps.monotonicMs() - beganMs)
    }
  }
}

/** What the directory holds may be used only while the database has confirmed it. */
function confirmedOr503({ confirm }: OAuthDeps): Promise<Denied | undefined> {
  return confirm().then(
    () => undefined,
    (error: unknown) => deny('revision_unconfirmed', { because: error instanceof Error ? error.message : 'unknown' }),
  )
}
