import { CONFINED_VECTORS, CREDENTIAL_VECTORS, ELSEWHERE_VECTORS } from './credentials.ts'
import { HEADER_VECTORS } from './headers.ts'
import { HOST_VECTORS, METHOD_VECTORS, TARGET_VECTORS } from './targets.ts'
import type { Vector } from './vector.ts'

export const VECTORS: readonly Vector[] = [
  ...HEADER_VECTORS,
  ...CREDENTIAL_VECTORS,
  ...CONFINED_VECTORS,
  ...ELSEWHERE_VECTORS,
  ...TARGET_VECTORS,
  ...HOST_VECTORS,
  ...METHOD_VECTORS,
]
