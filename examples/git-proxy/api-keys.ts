// The keys that people make for themselves. Their texts are not kept, only their digests.

import { createHash, randomBytes } from 'node:crypto'
import type { OwnCredential } from '@countersign/resource-server'

export const KEY_PREFIX = 'gitproxy_'
export const MAX_KEY_DAYS = 366

export class ApiKeys {
  readonly #byDigest = new Map<string, OwnCredential>()

  /** Makes a key; its text is shown once. */
  make(owner: string, scopes: readonly string[], expiresAt: Date): { readonly id: string; readonly key: string } {
    const key = `${KEY_PREFIX}${randomBytes(32).toString('base64url')}`
    const id = `key-${crypto.randomUUID()}`
    const digest = createHash('sha256').update(key).digest('hex')
    this.#byDigest.set(digest, { id, owner, scopes, projects: null, expiresAt, revokedAt: null })
    return { id, key }
  }

  /** Whatever its state: that is for the guard to judge. */
  find(digest: string): OwnCredential | undefined {
    return this.#byDigest.get(digest)
  }

  /** Says whether the owner has such a key, which from now on is revoked. */
  revoke(owner: string, id: string, revokedAt: Date): boolean {
    for (const [digest, key] of this.#byDigest) {
      if (key.id !== id || key.owner !== owner) continue
      this.#byDigest.set(digest, { ...key, revokedAt: key.revokedAt ?? revokedAt })
      return true
    }
    return false
  }
}
