// Clients that sign: a key pair, registered with the app, and assertions (RFC 7523) into which any fault can be put.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { PUBLIC_URL, type TestApp } from './app.ts'

export type Jwk = Readonly<Record<string, unknown>>
type Words = Readonly<Record<string, unknown>>
type Kind = { make(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject }; hash: string | null }

const KINDS: Readonly<Record<string, Kind>> = {
  ES256: { make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), hash: 'sha256' },
  ES384: { make: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), hash: 'sha384' },
  ES512: { make: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }), hash: 'sha512' },
  EdDSA: { make: () => generateKeyPairSync('ed25519'), hash: null },
  RS256: { make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), hash: 'sha256' },
}

export type SigningClient = {
  readonly id: string
  readonly jwk: Jwk
  readonly privateKey: KeyObject
  /** A good assertion by the clock of the app, with these claims and header members in place of its own. */
  assertion(claims?: Words, header?: Words): string
  /** The parameters that show it. */
  form(assertion?: string): Readonly<Record<string, string>>
}

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** The parameters that show an assertion. */
export function showing(assertion: string): Readonly<Record<string, string>> {
  return { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion }
}

export function makeSigner(
  { clock }: { readonly clock: { readonly now: Date } },
  id = 'canister',
  alg = 'ES256',
  kid = 'one',
): SigningClient {
  const kind = KINDS[alg]
  if (kind === undefined) throw new Error(`no ${alg} in this test`)
  const { privateKey, publicKey } = kind.make()
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
  const assertion = (claims: Words = {}, header: Words = {}) => {
    const now = Math.floor(clock.now.getTime() / 1000)
    const said = { iss: id, sub: id, aud: PUBLIC_URL, iat: now, exp: now + 60, jti: crypto.randomUUID(), ...claims }
    const input = `${encode({ alg, kid, ...header })}.${encode(said)}`
    const signature = sign(kind.hash, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
  const form = (text = assertion()) => ({ grant_type: 'client_credentials', ...showing(text) })
  return { id, jwk, privateKey, assertion, form }
}

/** Registers the keys with a client that may authenticate by them alone. */
export async function registerKeys(test: TestApp, id: string, keys: Words): Promise<void> {
  const body = { token_endpoint_auth_methods: ['private_key_jwt'], ...keys }
  const answer = await test.api('PATCH', `/api/v1/clients/${id}`, body)
  if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
}

/** A signer whose key the client has registered. */
export async function withKey(test: TestApp, id = 'canister', alg = 'ES256'): Promise<SigningClient> {
  const signer = makeSigner(test, id, alg)
  await registerKeys(test, id, { jwks: { keys: [signer.jwk] } })
  return signer
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
