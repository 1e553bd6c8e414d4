import type { ForeignPrefix } from '../domain/foreign-prefix.ts'
import type { Seal } from './seal.ts'

// The keys by which other systems made the digests of their credentials. Whoever has one can test guesses at them.

export function sealForeignKey(prefix: string, key: Uint8Array, seal: Seal): string {
  return seal.seal(key, purposeOf(prefix))
}

/** Undefined: it was sealed by another key-encryption key, for another prefix, or was altered. */
export function openForeignKey({ prefix, keySealed }: ForeignPrefix, seal: Seal): Uint8Array | undefined {
  return keySealed === null ? undefined : seal.open(keySealed, purposeOf(prefix))
}

function purposeOf(prefix: string): string {
  return `foreign-prefix:${prefix}`
}
