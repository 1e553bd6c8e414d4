/** How the digests of another system's credentials are made. */
export const FOREIGN_DIGESTS = ['sha256', 'hmac-sha256'] as const

/** What the credentials of another system begin with, and how they are known by their digests. For ever the same. */
export type ForeignPrefix = {
  readonly prefix: string
  readonly digest: (typeof FOREIGN_DIGESTS)[number]
  /** The key of HMAC-SHA-256, sealed by the key-encryption key. */
  readonly keySealed: string | null
  readonly createdAt: Date
  readonly revision: number
}

/**
 * Under which digest a credential with this prefix is kept.
 *
 * Security: ours are kept under 64 hexadecimal digits alone. So no digest that is imported can ever stand for a
 * credential of ours, nor for one with another prefix, and no text of ours is ever found under one of these.
 */
export function foreignDigest({ prefix, digest }: Pick<ForeignPrefix, 'prefix' | 'digest'>, hex: string): string {
  return `${digest}:${prefix}:${hex}`
}

/** Whether a credential could begin with both: then it would be nobody's to say whose it is. */
export function prefixesMeet(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one)
}
