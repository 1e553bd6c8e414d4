import { deny, isDenied } from '@countersign/resource-server'
import { type BelievedCredential, refText } from '../domain/credential.ts'
import { BURST } from '../domain/holder-revocations.ts'
import { revokeWithItsOwn } from '../store/revocation.ts'
import type { OAuthDeps } from './deps.ts'
import type { Answer } from './endpoint.ts'
import { NO_STORE, type OAuthDenied } from './error-response.ts'
import { cannotTell, findShown, isOwn, tokenOf } from './shown-token.ts'

const REASON = 'revoked by its owner'

/**
 * Revokes a credential of the client that asks, of whatever kind, and what it minted. 200 says that it is refused from
 * the next request on, or was refused before: also of what never was.
 *
 * Security: where the store cannot be asked, or does not keep it, the answer is never 200.
 *
 * @see RFC 7009 §2.1, §2.2
 */
export function revocationEndpoint(deps: OAuthDeps): Answer {
  const { directory } = deps
  return async ({ form, client, known: shownBy, asked }) => {
    const token = tokenOf(form)
    if (typeof token !== 'string') return token
    const known = await findShown(token, deps.recogniseAny)
    if (isDenied(known)) return cannotTell(known) ? known : revoked()

    const { stored } = known
    const { revocation } = known.callerAt(directory.management, directory)
    if (revocation !== undefined || (stored.expiresAt !== null && stored.expiresAt <= asked.now)) return revoked()
    if (!isOwn(known, client)) return deny('token_not_owned', { token: stored.id, of: refText(stored.owner) })
    const actor = { by: refText({ kind: 'client', id: client.id }), credential: shownBy.stored.id }
    const revoking = deps.revocations.run(stored, () =>
      deps.change(actor, (change) => revokeWithItsOwn(change, stored, REASON, { reason: REASON })),
    )
    if (typeof revoking === 'number') return throttled(stored, revoking)
    await revoking
    return revoked()
  }
}

function throttled({ owner }: Pick<BelievedCredential, 'owner'>, waitMs: number): OAuthDenied {
  const denied = deny('revocations_throttled', { of: refText(owner), at_once: BURST })
  return { ...denied, retryAfterSeconds: Math.ceil(waitMs / 1000) }
}

/** The body means nothing: a client looks at the status alone. */
function revoked(): Response {
  return new Response(null, { headers: NO_STORE })
}
