import { credentialRefused, type Denied, deny, isDenied, parseIssuedCredential } from '@countersign/resource-server'
import type { KnownCredential } from '../authentication/known-credentials.ts'
import type { Client } from '../domain/client.ts'
import { refText } from '../domain/credential.ts'
import type { ShownClient } from './client-authentication.ts'
import type { OAuthAsked, OAuthDeps } from './deps.ts'

/** A client that showed who it is, and by which credential. */
export type AuthenticatedClient = { readonly client: Client; readonly known: KnownCredential }

/**
 * Believes a client, or does not.
 *
 * Security: a secret is looked for by its digest, whoever is said to show it, and only then compared with who that is.
 * So unknown clients and wrong secrets cost the same work and read the same; and whom a token stands for comes from
 * the credential itself, never from a second look-up by the name that was sent.
 *
 * @see RFC 6749 §2.3, §3.2.1
 */
export async function authenticateClient(
  shown: ShownClient,
  asked: OAuthAsked,
  deps: OAuthDeps,
): Promise<AuthenticatedClient | Denied> {
  const known = shown.method === 'private_key_jwt' ? deny('client_unauthenticated') : await findSecret(shown, deps)
  if (isDenied(known)) return known
  const { owner } = known.stored
  if (owner.kind !== 'client' || (shown.id !== undefined && shown.id !== owner.id)) {
    return deny('client_mismatch', { of: refText(owner), claimed: shown.id?.slice(0, 64) ?? null })
  }
  const client = deps.directory.client(owner.id)
  const dead = credentialRefused(known.callerAt(deps.directory.management, deps.directory), asked)
  if (dead !== undefined) return dead
  if (client === undefined) return deny('owner_missing')
  if (!client.authMethods.includes(shown.method)) return deny('client_method_refused', { method: shown.method })
  deps.noteUse(known, asked)
  return { client, known }
}

function findSecret({ secret }: { secret: string }, deps: OAuthDeps) {
  const form = parseIssuedCredential(secret)
  if (form === undefined || form === 'mistyped') return deny('credential_mistyped')
  if (form.kind !== 'secret') return deny('credential_kind_refused', { kind: form.kind })
  return deps.find(deps.sha256Hex(secret))
}
