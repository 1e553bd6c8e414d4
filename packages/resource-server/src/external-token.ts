// Tokens of other issuers: what their claims say, once the gate of jwt.ts let them in. Signatures are checked elsewhere.

import type { TokenPolicy } from './issuer.ts'
import type { Claims, UnverifiedJwt } from './jwt.ts'
import { type Denied, deny } from './refusals.ts'

/** What a token of an external issuer says. Whom it stands for is for trust rules to say. */
export type ExternalFacts = {
  /** Name of the issuer here. */
  readonly issuer: string
  readonly subject: string
  readonly audiences: readonly string[]
  readonly issuedAt: Date
  /** From when on it is believed: `nbf` and `iat`, less the tolerance. */
  readonly believedFrom: Date
  /** `exp`, and the tolerance: from then on it is dead. */
  readonly believedUntil: Date
  readonly expiresAt: Date
  /** Undefined: it has none. */
  readonly jti: string | undefined
  readonly claims: Claims
}

export function readExternalToken(_jwt: UnverifiedJwt, { name }: TokenPolicy): ExternalFacts | Denied {
  return deny('external_token_refused', { issuer: name, because: 'not implemented' })
}
