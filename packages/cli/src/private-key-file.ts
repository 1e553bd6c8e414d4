import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { PrivateKeyJwtOptions } from '@countersign/client'
import { UsageError } from './exit.ts'
import type { Terminal } from './terminal.ts'
import { readTextFile } from './text-file.ts'

const OPTION = '--private-key-file'
const EXPECTED = `${OPTION}: expected an unencrypted private key, as PEM or JWK: P-256, Ed25519, or RSA of 2048 bits or more.`

/** RFC 7518 §3.1, RFC 8037 §3.1; of an RSA key only a JWK says otherwise. */
const ALGORITHMS = { ec: 'ES256', ed25519: 'EdDSA', rsa: 'RS256', 'rsa-pss': 'PS256' } as const

/**
 * A client's private key, in whichever form it is kept, as what assertions are signed with.
 *
 * Security: errors say nothing of the key, and the platform's own, which may quote it, are not passed on.
 */
export async function readSigningKey(
  terminal: Terminal,
  path: string,
  keyId: string | undefined,
): Promise<PrivateKeyJwtOptions> {
  const text = await readTextFile(terminal, path, OPTION)
  const jwk = text.trimStart().startsWith('{') ? parseJwk(text) : undefined
  const key = privateKeyOf(jwk ?? text)
  const alg = jwk?.alg === 'PS256' ? jwk.alg : ALGORITHMS[key.asymmetricKeyType as keyof typeof ALGORITHMS]
  if (alg === undefined) throw new UsageError(EXPECTED)
  const kid = keyId ?? jwk?.kid
  // Exported as PKCS #8: the one form of PEM that every runtime takes.
  const pem = key.export({ format: 'pem', type: 'pkcs8' })
  return { key: pem.toString(), alg, ...(typeof kid === 'string' && { kid }) }
}

type Jwk = JsonWebKey & { readonly kid?: unknown }

function privateKeyOf(given: Jwk | string): KeyObject {
  try {
    return createPrivateKey(typeof given === 'string' ? given : { key: given, format: 'jwk' })
  } catch {
    throw new UsageError(EXPECTED)
  }
}

function parseJwk(text: string): Jwk {
  try {
    return JSON.parse(text) as Jwk
  } catch {
    throw new UsageError(EXPECTED)
  }
}
