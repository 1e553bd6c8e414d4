import { CLAIMS_VECTORS } from './external-jwt-claims.ts'
import { FORGED_VECTORS } from './external-jwt-forged.ts'
import { PLATFORM_VECTORS } from './external-jwt-platforms.ts'
import type { ExternalJwtVector } from './external-vector.ts'

/** Tokens of other issuers that are nearly good: as somebody else would forge them, and as their own issuer might sign them. */
export const EXTERNAL_JWT_VECTORS: readonly ExternalJwtVector[] = [
  ...FORGED_VECTORS,
  ...CLAIMS_VECTORS,
  ...PLATFORM_VECTORS,
]
