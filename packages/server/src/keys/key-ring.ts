import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { StoredSigningKey } from '../store/signing-keys.ts'
import type { Seal } from './seal.ts'
import { openSigningKey, type PublicJwk, type SigningKey } from './signing-key.ts'

/** r and s of P-256, RFC 7518 §3.4. */
const SIGNATURE_BYTES = 64

/**
 * The signing keys that are published, as the directory holds them: opened once, and again when they change.
 *
 * Security: a key signs only once `activeFrom` has come, so that whoever fetches our keys knows it before it is used.
 */
export class KeyRing {
  #stored: readonly StoredSigningKey[] | undefined
  /** The one that signs last first. */
  #keys: readonly SigningKey[] = []
  readonly #opened = new Map<string, SigningKey>()
  readonly #publicKeys = new WeakMap<SigningKey, KeyObject>()

  constructor(
    private readonly publishedNow: () => readonly StoredSigningKey[],
    private readonly seal: Seal,
  ) {}

  /**
   * Signs claims as a compact JWS (RFC 7515 §7.1). Synchronous: the verify path awaits nothing. While the clock is behind
   * them all, the oldest key signs: it has been published for the longest time. Throws when one does not open.
   */
  signJwt(typ: string, claims: Readonly<Record<string, unknown>>, now: Date): string {
    const keys = this.#current()
    const key = keys.find(({ activeFrom }) => activeFrom <= now) ?? keys.at(-1)
    if (key === undefined) throw new Error('there is no signing key')
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const input = `${encode({ alg: 'ES256', typ, kid: key.kid })}.${encode(claims)}`
    // r and s side by side, RFC 7518 §3.4
    const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }

  /** What `/.well-known/jwks.json` publishes: public members only. */
  get publicKeys(): readonly PublicJwk[] {
    return this.#current().map(({ publicJwk }) => publicJwk)
  }

  /** The published key of this id: the same object for as long as it is published. */
  find(kid: string): PublicJwk | undefined {
    return this.#current().find((key) => key.kid === kid)?.publicJwk
  }

  /**
   * Says whether a compact JWS of ours is signed by ES256 with the published key of this id. Its form was judged before.
   *
   * Synchronous, with the primitive that also signs: what asks a pool of threads costs twice the signature itself.
   */
  isSigned(text: string, kid: string): boolean {
    const key = this.#current().find((one) => one.kid === kid)
    return key !== undefined && isSignedWith(this.#publicKeyOf(key), text)
  }

  #publicKeyOf(key: SigningKey): KeyObject {
    const known = this.#publicKeys.get(key) ?? createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' })
    this.#publicKeys.set(key, known)
    return known
  }

  #current(): readonly SigningKey[] {
    const stored = this.publishedNow()
    if (stored !== this.#stored) {
      this.#keys = stored.map((key) => this.#open(key))
      this.#stored = stored
    }
    return this.#keys
  }

  #open(stored: StoredSigningKey): SigningKey {
    const key = this.#opened.get(stored.kid) ?? openSigningKey(stored, this.seal)
    this.#opened.set(stored.kid, key)
    return key
  }
}

/** Whether this P-256 key signed the compact JWS. */
export function isSignedWith(key: KeyObject, text: string): boolean {
  const end = text.lastIndexOf('.')
  const signature = Buffer.from(text.slice(end + 1), 'base64url')
  const signed = Buffer.from(text.slice(0, end))
  return signature.length === SIGNATURE_BYTES && verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
}
