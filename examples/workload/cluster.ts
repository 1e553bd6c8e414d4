// A cluster of one key, in place of a real one: it signs projected tokens as Kubernetes does.

import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'

type Words = Readonly<Record<string, unknown>>
type ServiceAccount = { readonly namespace: string; readonly name: string; readonly audience: string }

export type Cluster = {
  readonly issuer: string
  readonly jwks: { readonly keys: readonly object[] }
  /** The token that the kubelet writes into a pod: `projected.serviceAccountToken`. Undefined takes a claim out. */
  projectedToken(account: ServiceAccount, claims?: Words): string
}

export function cluster(issuer: string, nowSeconds = () => Math.floor(Date.now() / 1000)): Cluster {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const kid = createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64url')
  const jwk = { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }
  return {
    issuer,
    jwks: { keys: [jwk] },
    projectedToken({ namespace, name, audience }, claims = {}) {
      const issuedAt = nowSeconds()
      const said = {
        iss: issuer,
        sub: `system:serviceaccount:${namespace}:${name}`,
        aud: [audience],
        ...{ iat: issuedAt, nbf: issuedAt, exp: issuedAt + 3607, jti: crypto.randomUUID() },
        'kubernetes.io': {
          namespace,
          pod: { name: `${name}-6c8d9`, uid: 'f3f1a1c0-7d0e-4d53-9f3c-0c6a5c1e2b34' },
          serviceaccount: { name, uid: '2f8b1c6e-9a57-4c0d-8d0b-7b1f7a1f5e21' },
        },
        ...claims,
      }
      const input = [{ alg: 'RS256', kid }, said].map((part) => encode(JSON.stringify(part))).join('.')
      return `${input}.${encode(sign('sha256', Buffer.from(input), privateKey))}`
    },
  }
}

function encode(part: string | Buffer): string {
  return Buffer.from(part).toString('base64url')
}
