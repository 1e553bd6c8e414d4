import {
  credentialRefused,
  type Denied,
  deny,
  isDenied,
  parseIssuedCredential,
  parseJwt,
  REFUSALS,
  textClaim,
} from '@countersign/resource-server'
import type { KnownCredential } from '../authentication/known-credentials.ts'
import type { Client } from '../domain/client.ts'
import { refText } from '../domain/credential.ts'
import type { ServerTrustRule } from '../domain/trust-rule.ts'
import type { ShownClient } from './client-authentication.ts'
import type { OAuthAsked, OAuthDeps } from './deps.ts'
import type { OAuthDenied } from './error-response.ts'
import { isFederated, proveFederation, spendFederation } from './federated-assertion.ts'
import { proveAssertion, spendAssertion } from './private-key-jwt.ts'
import { attemptOf } from './throttle.ts'

/** A client that showed who it is, and by which credential. */
export type AuthenticatedClient = { readonly client: Client; readonly known: KnownCredential }

type Authentication = AuthenticatedClient | OAuthDenied

/**
 * Believes a client, or does not; and counts how often it did not. Synchronous for a secret that this node knows.
 *
 * Security: what others tried holds up nobody elsewhere, and nobody whom this node knows: where a client has used up its
 * failures the check is made all the same, and where a source has, for what is known. What is not known is neither
 * looked up nor verified then, so a client that comes from an attacker's own address for the first time has to wait.
 *
 * @see RFC 6749 §2.3, §2.3.1, §3.2.1
 */
export function authenticateClient(
  shown: ShownClient,
  asked: OAuthAsked,
  deps: OAuthDeps,
): Authentication | Promise<Authentication> {
  if ('assertion' in shown) {
    return authenticateThrottled(shown, () => proveByAssertion(shown, asked, deps), asked, deps)
  }
  const digest = digestOf(shown.secret, deps)
  const known = typeof digest === 'string' ? deps.known(digest) : undefined
  const judged = known && judge(known, shown, asked, deps)
  if (judged === undefined || isDenied(judged)) {
    return authenticateThrottled(shown, () => proveBySecret(shown, digest, asked, deps), asked, deps)
  }
  deps.noteUse(judged.known, asked)
  return judged
}

/** The same where it may fail, or has to be waited for. */
async function authenticateThrottled(
  shown: ShownClient,
  prove: () => Promise<Authentication>,
  asked: OAuthAsked,
  deps: OAuthDeps,
): Promise<Authentication> {
  const { throttle } = deps
  const attempt = attemptOf(asked.clientAddress(), claimedId(shown))
  const sourceWaitMs = throttle.waitMs(attempt)
  // Assertions are never remembered: of those it is known that the client showed one of its keys from here before.
  const isKnownHere = 'assertion' in shown && throttle.wasProven(attempt)
  if (sourceWaitMs > 0 && !isKnownHere) return throttled('its source', sourceWaitMs)

  const authenticated = await prove()
  if (!isDenied(authenticated)) {
    if ('assertion' in shown && attempt.client !== '') throttle.noteProven(attempt)
    deps.noteUse(authenticated.known, asked)
    return authenticated
  }
  if (!isFailure(authenticated)) return authenticated
  const refused = authenticated.shown === undefined ? claiming(authenticated, claimedId(shown)) : authenticated
  if (sourceWaitMs > 0) return throttled('its source', sourceWaitMs)
  const clientWaitMs = throttle.noteFailure(attempt)
  return clientWaitMs > 0 ? throttled('the client that it names', clientWaitMs) : refused
}

/** Under what a secret is kept; a refusal, for what cannot be one. */
function digestOf(secret: string, { sha256Hex }: OAuthDeps): string | Denied {
  const form = parseIssuedCredential(secret)
  if (form === undefined) return deny('client_unauthenticated', { because: 'what it sent is none of our secrets' })
  if (form === 'mistyped') return deny('credential_mistyped')
  return form.kind === 'secret' ? sha256Hex(secret) : deny('credential_kind_refused', { kind: form.kind })
}

/**
 * Security: a secret is looked for by its digest, whoever is said to show it, and only then compared with who that is.
 * So unknown clients and wrong secrets cost the same work and read the same; and whom a token stands for comes from
 * the credential itself, never from a second look-up by the name that was sent.
 */
async function proveBySecret(
  shown: ShownClient,
  digest: string | Denied,
  asked: OAuthAsked,
  deps: OAuthDeps,
): Promise<Authentication> {
  const found = typeof digest === 'string' ? await deps.find(digest) : digest
  return isDenied(found) ? found : judge(found, shown, asked, deps)
}

async function proveByAssertion(
  shown: ShownClient & { readonly assertion: string },
  asked: OAuthAsked,
  deps: OAuthDeps,
): Promise<Authentication> {
  if (isFederated(parseJwt(shown.assertion), deps)) return proveByFederation(shown, asked, deps)
  const proven = await proveAssertion(shown.assertion, shown.id, asked.now, deps)
  if (isDenied(proven)) return proven
  const judged = judge(proven.known, shown, asked, deps)
  if (isDenied(judged)) return judged
  const spent = await spendAssertion(proven.assertion, deps.store)
  // Judged again: what was revoked while it was written down counts.
  return spent ?? judge(proven.known, shown, asked, deps)
}

/** By a token of another issuer, which a rule has stand for the client. */
async function proveByFederation(
  shown: ShownClient & { readonly assertion: string },
  asked: OAuthAsked,
  deps: OAuthDeps,
): Promise<Authentication> {
  const isFor = ({ as }: ServerTrustRule) => as.kind === 'client' && (shown.id === undefined || as.id === shown.id)
  const proven = await proveFederation(shown.assertion, deps, isFor)
  if (isDenied(proven)) return proven
  const federated = { id: shown.id, method: BY_RULE } as const
  const judged = judge(proven.known, federated, asked, deps)
  if (isDenied(judged)) return judged
  const spent = await spendFederation(proven, deps.store)
  return spent ?? judge(proven.minting, federated, asked, deps)
}

/** A client needs no registration for it: the trust rule that names it is one. */
const BY_RULE = 'federated_assertion'

/** Whether the client may authenticate by this, as things are now. */
function judge(
  known: KnownCredential,
  shown: { readonly id: string | undefined; readonly method: ShownClient['method'] | typeof BY_RULE },
  asked: OAuthAsked,
  { directory }: OAuthDeps,
): Authentication {
  const { owner, kind, revision } = known.stored
  const refuse = (denied: Denied): OAuthDenied => ({ ...denied, shown: known })
  if (owner.kind !== 'client' || (shown.id !== undefined && shown.id !== owner.id)) {
    return refuse(deny('client_mismatch', { of: refText(owner), claimed: shown.id?.slice(0, 64) ?? null }))
  }
  // By its form it is a secret; it was imported as something else.
  if (/^client_secret_/.test(shown.method) && kind !== 'secret') return deny('credential_unknown')
  const client = directory.client(owner.id)
  const dead = credentialRefused(known.callerAt(directory.management, directory), asked)
  if (dead !== undefined) return refuse(dead)
  if (client === undefined) return refuse(deny('owner_missing'))
  if (kind === 'client_key' && client.keys?.revision !== revision) {
    const because = 'the keys of the client were replaced meanwhile'
    return refuse(deny('assertion_refused', { because, claimed: client.id }))
  }
  if (shown.method !== BY_RULE && !client.authMethods.includes(shown.method)) {
    return refuse(deny('client_method_refused', { auth_method: shown.method }))
  }
  return { client, known }
}

/** Whom the caller names; nothing of it is believed. */
function claimedId(shown: ShownClient): string | undefined {
  if (shown.id !== undefined || 'secret' in shown) return shown.id
  const jwt = parseJwt(shown.assertion)
  return jwt && textClaim(jwt.claims, 'sub')
}

/** Names, for the operator, whom the caller said to be. */
function claiming(denied: OAuthDenied, client: string | undefined): OAuthDenied {
  return client === undefined ? denied : { ...denied, detail: { claimed: client.slice(0, 64), ...denied.detail } }
}

/** That we cannot tell is nobody's failure. */
function isFailure({ code }: Denied): boolean {
  const { status } = REFUSALS[code]
  return status === 401 || status === 403
}

function throttled(of: string, waitMs: number): OAuthDenied {
  const retryAfterSeconds = Math.ceil(waitMs / 1000)
  return { ...deny('client_throttled', { of, retry_after_seconds: retryAfterSeconds }), retryAfterSeconds }
}
