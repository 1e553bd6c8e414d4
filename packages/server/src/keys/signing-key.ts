import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { insertSigningKey, listSigningKeys, type StoredSigningKey } from '../store/signing-keys.ts'
import { type Change, change, HOST_ACTOR, type Store } from '../store/store.ts'
import type { Seal } from './seal.ts'

export type PublicJwk = {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  readonly kid: string
  readonly alg: 'ES256'
  readonly use: 'sig'
}

export type SigningKey = {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicJwk: PublicJwk
  readonly activeFrom: Date
}

const SEAL_PURPOSE = 'signing-key'

/** Makes the first signing key where there is none; it signs at once, since nobody knows an older one. */
export async function ensureSigningKey(store: Store, seal: Seal): Promise<void> {
  if ((await listSigningKeys(store.reader)).length > 0) return
  await change(store, HOST_ACTOR, async (running) => {
    // Another node on this database may have been first.
    if ((await listSigningKeys(running.db)).length === 0) await makeSigningKey(running, seal, running.now)
  })
}

/** Makes a key that signs from a moment on, and is published until then. Returns its id. */
export async function makeSigningKey(running: Change, seal: Seal, activeFrom: Date): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x, y } = publicKey.export({ format: 'jwk' })
  if (x === undefined || y === undefined) throw new Error('a P-256 key has no coordinates')
  const kid = thumbprint(x, y)
  const jwk: PublicJwk = { kty: 'EC', crv: 'P-256', x, y, kid, alg: 'ES256', use: 'sig' }
  const privateSealed = seal.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), `${SEAL_PURPOSE}:${kid}`)
  await insertSigningKey(running, { kid, publicJwk: JSON.stringify(jwk), privateSealed, activeFrom })
  await running.record('signing_key.create', 'signing_key', kid, { active_from: activeFrom.toISOString() })
  return kid
}

/** Opens a stored key. Throws when it does not open, or is published as another one. */
export function openSigningKey(stored: StoredSigningKey, seal: Seal): SigningKey {
  const { kid, activeFrom } = stored
  const opened = seal.open(stored.privateSealed, `${SEAL_PURPOSE}:${kid}`)
  if (opened === undefined) throw new Error(`signing key ${kid} was sealed by another key-encryption key`)
  const privateKey = createPrivateKey({ key: Buffer.from(opened), format: 'der', type: 'pkcs8' })
  const publicJwk = JSON.parse(stored.publicJwk) as PublicJwk
  const own = createPublicKey(privateKey).export({ format: 'jwk' })
  if (own.x !== publicJwk.x || own.y !== publicJwk.y || thumbprint(publicJwk.x, publicJwk.y) !== kid) {
    throw new Error(`signing key ${kid} is published with another public key`)
  }
  return { kid, privateKey, publicJwk, activeFrom }
}

/** As `thumbprintOf` of the library, but at once: the path opens keys and awaits nothing. @see RFC 7638 §3 */
function thumbprint(x: string, y: string): string {
  return createHash('sha256').update(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`).digest('base64url')
}
