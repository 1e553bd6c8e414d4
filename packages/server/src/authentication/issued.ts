import { type Denied, deny, type IssuedKind, parseIssuedCredential } from '@countersign/resource-server'
import { KnownCredential } from './known-credentials.ts'
import type { CredentialKind, Resolver } from './resolver.ts'
import type { FindStored } from './stored.ts'

/** What is presented nowhere but at the token endpoint. */
const NEVER_PRESENTED: readonly IssuedKind[] = ['secret']

/** The credentials that we issue. */
export function issuedKind(sha256Hex: (text: string) => string, find: FindStored): CredentialKind {
  return ours(issuedResolver(sha256Hex, find, NEVER_PRESENTED))
}

/** The same, with those that are never presented: whoever reports one that leaked has it all the same. */
export function anyIssuedKind(sha256Hex: (text: string) => string, find: FindStored): CredentialKind {
  return ours(issuedResolver(sha256Hex, find, []))
}

function ours(resolve: Resolver): CredentialKind {
  return { recognise: (text) => (text.startsWith('cs_') ? resolve : undefined) }
}

/** Resolves credentials that we issued: by their form, then by the SHA-256 of the whole string. */
function issuedResolver(
  sha256Hex: (text: string) => string,
  find: FindStored,
  refused: readonly IssuedKind[],
): Resolver {
  return (text) => {
    const form = parseIssuedCredential(text)
    if (form === undefined || form === 'mistyped') return deny('credential_mistyped')
    if (refused.includes(form.kind)) return deny('credential_kind_refused', { kind: form.kind })
    const found = find(sha256Hex(text))
    return found instanceof Promise ? found.then((known) => asItsForm(known, form.kind)) : asItsForm(found, form.kind)
  }
}

/**
 * Security: a digest says nothing of the text behind it. One that was imported for a secret must not stand for a key
 * because somebody holds a key with this digest.
 */
function asItsForm(found: KnownCredential | Denied, kind: IssuedKind): KnownCredential | Denied {
  return found instanceof KnownCredential && found.stored.kind !== kind ? deny('credential_unknown') : found
}
