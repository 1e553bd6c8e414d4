import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { insertSigningKey, listSigningKeys } from '../store/signing-keys.ts'
import { change, HOST_ACTOR, type Store } from '../store/store.ts'
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

export type SigningKeys = {
  /** Signs claims as a compact JWS (RFC 7515 §7.1) with the newest key. Synchronous: the verify path awaits nothing. */
  signJwt(typ: string, claims: Readonly<Record<string, unknown>>): string
  /** What `/.well-known/jwks.json` publishes: public members only. */
  readonly publicKeys: readonly PublicJwk[]
}

const SEAL_PURPOSE = 'signing-key'

/** Loads the signing keys; makes the first one where there is none. */
export async function loadSigningKeys(store: Store, seal: Seal): Promise<SigningKeys> {
  let stored = await listSigningKeys(store.reader)
  if (stored.length === 0) {
    await makeSigningKey(store, seal)
    stored = await listSigningKeys(store.reader)
  }
  const [newest] = stored
  if (newest === undefined) throw new Error('there is no signing key')
  const opened = seal.open(newest.privateSealed, `${SEAL_PURPOSE}:${newest.kid}`)
  if (opened === undefined) throw new Error(`signing key ${newest.kid} was sealed by another key-encryption key`)
  const privateKey = createPrivateKey({ key: Buffer.from(opened), format: 'der', type: 'pkcs8' })
  const published = JSON.parse(newest.publicJwk) as PublicJwk
  const own = createPublicKey(privateKey).export({ format: 'jwk' })
  if (own.x !== published.x || own.y !== published.y || thumbprint(published.x, published.y) !== newest.kid) {
    throw new Error(`signing key ${newest.kid} is published with another public key`)
  }
  return {
    publicKeys: stored.map((key) => JSON.parse(key.publicJwk) as PublicJwk),
    signJwt: (typ, claims) => signCompact(privateKey, { alg: 'ES256', typ, kid: newest.kid }, claims),
  }
}

async function makeSigningKey(store: Store, seal: Seal): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x, y } = publicKey.export({ format: 'jwk' })
  if (x === undefined || y === undefined) throw new Error('a P-256 key has no coordinates')
  const kid = thumbprint(x, y)
  const jwk: PublicJwk = { kty: 'EC', crv: 'P-256', x, y, kid, alg: 'ES256', use: 'sig' }
  const privateSealed = seal.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), `${SEAL_PURPOSE}:${kid}`)
  await change(store, HOST_ACTOR, async (running) => {
    // Another node on this database may have been first.
    if ((await listSigningKeys(running.db)).length > 0) return
    await insertSigningKey(running, { kid, publicJwk: JSON.stringify(jwk), privateSealed })
    await running.record('signing_key.create', 'signing_key', kid)
  })
}

/** @see RFC 7638 §3 */
function thumbprint(x: string, y: string): string {
  return createHash('sha256').update(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`).digest('base64url')
}

/** @see RFC 7515 §5.1; ES256 signatures are r and s side by side, RFC 7518 §3.4 */
function signCompact(key: KeyObject, header: Readonly<Record<string, string>>, claims: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
