import type { Directory } from '../directory/directory.ts'
import type { KnownCredentials } from './known-credentials.ts'
import { KnownExternal } from './known-external.ts'
import { couldBeJwt } from './lenient-jwt.ts'
import type { CredentialKind } from './resolver.ts'

export type KnownTokenDeps = {
  readonly known: KnownCredentials
  readonly directory: Directory
  readonly sha256Hex: (text: string) => string
}

/**
 * JWTs that were verified before, whoever issued them: found by the SHA-256 of the whole text, and nothing of them is read
 * again. Stands before the kinds that verify them.
 */
export function knownTokenKind({ known, directory, sha256Hex }: KnownTokenDeps): CredentialKind {
  return {
    recognise(text) {
      if (!couldBeJwt(text)) return undefined
      const hit = known.get(sha256Hex(text))
      if (hit === undefined) return undefined
      // Of an issuer that is not registered any more: as foreign as any other.
      if (hit instanceof KnownExternal && directory.issuer(hit.genuine.issuer.name) === undefined) {
        known.forget([hit.stored.id])
        return undefined
      }
      return () => hit.shownAgain(text)
    },
  }
}
