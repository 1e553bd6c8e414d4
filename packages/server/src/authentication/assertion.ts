import { ASSERTION_TYP, deny } from '@countersign/resource-server'
import { couldBeJwt, saidIn } from './lenient-jwt.ts'
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
  if (!couldBeJwt(text)) return false
  const typ = saidIn(text.slice(0, text.indexOf('.')), 'typ')
  return typeof typ === 'string' && typ.toLowerCase().replace(/^application\//, '') === ASSERTION_TYP
}
