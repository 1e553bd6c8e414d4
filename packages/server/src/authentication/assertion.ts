import { ASSERTION_TYP, deny } from '@countersign/resource-server'
import type { CredentialKind } from './resolver.ts'

/**
 * Our own assertions are ours, hence never "foreign" and never passed over, and refused as a credential everywhere:
 * an upstream that got one must not be able to act as the caller.
 */
export const assertionKind: CredentialKind = {
  recognise: (text) => (isAssertion(text) ? refuseAssertion : undefined),
}

function refuseAssertion() {
  return deny('credential_kind_refused', { kind: 'assertion' })
}

function isAssertion(text: string): boolean {
  const end = text.indexOf('.')
  if (end < 0 || !text.startsWith('ey')) return false
  try {
    const header: unknown = JSON.parse(Buffer.from(text.slice(0, end), 'base64url').toString())
    const typ = typeof header === 'object' && header !== null && 'typ' in header ? header.typ : undefined
    return typeof typ === 'string' && typ.toLowerCase().replace(/^application\//, '') === ASSERTION_TYP
  } catch {
    return false
  }
}
