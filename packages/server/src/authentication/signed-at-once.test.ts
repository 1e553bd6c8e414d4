// The same answer as `isSigned`, which does not know of it, or none.
import { expect, test } from 'bun:test'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { isSigned, parseJwt } from '@countersign/resource-server'
import { isSignedAtOnce } from './signed-at-once.ts'

const EC = { name: 'ECDSA', namedCurve: 'P-256' }
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength })

const imported = (key: KeyObject, algorithm: Parameters<typeof crypto.subtle.importKey>[2]) =>
  crypto.subtle.importKey('jwk', key.export({ format: 'jwk' }), algorithm, true, ['verify'])
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const inputOf = (alg: string) => `${encode({ alg, kid: 'k' })}.${encode({ sub: 'a', n: Math.random() })}`
const jwtOf = (input: string, signature: Uint8Array) => {
  const jwt = parseJwt(`${input}.${Buffer.from(signature).toString('base64url')}`)
  if (jwt === undefined) throw new Error('not a JWT')
  return jwt
}

const CASES = [
  { alg: 'ES256', pair: ec, algorithm: EC, others: [['ES384', 'PS256', 'RS256', 'none']] },
  { alg: 'RS256', pair: rsa, algorithm: RSA, others: [['ES256', 'PS256', 'RS512', 'HS256']] },
] as const

for (const { alg, pair, algorithm, others } of CASES) {
  test(`${alg}: what the key signed, and nothing else, whatever stands in place of the signature`, async () => {
    const [own, stranger] = [pair(), pair()]
    const key = await imported(own.publicKey, algorithm)
    const signed = (input: string, by: KeyObject) =>
      sign('sha256', Buffer.from(input), { key: by, dsaEncoding: 'ieee-p1363' })
    const input = inputOf(alg)
    const good = signed(input, own.privateKey)
    const der = sign('sha256', Buffer.from(input), own.privateKey)
    const flipped = Uint8Array.from(good, (byte, at) => (at === 7 ? byte ^ 1 : byte))
    const bad = [
      ...[signed(input, stranger.privateKey), signed(inputOf(alg), own.privateKey), flipped],
      ...[good.subarray(1), good.subarray(0, -1), Buffer.concat([good, Buffer.alloc(1)]), Buffer.alloc(1)],
      ...[Buffer.alloc(good.length), Buffer.alloc(good.length, 255), ...(alg === 'ES256' ? [der] : [])],
    ]
    expect(isSignedAtOnce(jwtOf(input, good), key, alg)).toBe(true)
    expect(await isSigned(jwtOf(input, good), key, alg)).toBe(true)
    for (const one of bad) {
      expect(isSignedAtOnce(jwtOf(input, one), key, alg)).toBe(false)
      expect(await isSigned(jwtOf(input, one), key, alg)).toBe(false)
    }
    for (const other of others.flat()) expect(isSignedAtOnce(jwtOf(input, good), key, other)).toBeUndefined()
  })
}

test('keys of another kind, private ones, very large ones and what is no key are left to others', async () => {
  const jwt = jwtOf(inputOf('RS256'), Buffer.alloc(256))
  const { publicKey, privateKey } = rsa()
  const asPss = await imported(publicKey, { name: 'RSA-PSS', hash: 'SHA-256' })
  const asRs512 = await imported(publicKey, { ...RSA, hash: 'SHA-512' })
  const p384 = await imported(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey, {
    ...EC,
    namedCurve: 'P-384',
  })
  const secret = await crypto.subtle.importKey('jwk', privateKey.export({ format: 'jwk' }), RSA, true, ['sign'])
  const large = await imported(rsa(4224).publicKey, RSA)
  for (const key of [asPss, asRs512, p384, secret, large, publicKey.export({ format: 'jwk' }), undefined, 'unknown']) {
    for (const alg of ['RS256', 'ES256']) expect(isSignedAtOnce(jwt, key, alg)).toBeUndefined()
  }
})
