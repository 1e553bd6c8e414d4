// A client's own key, and the assertions that it signs with it: by WebCrypto alone, so that any fault can be put in.

type Words = Readonly<Record<string, unknown>>

export type ClientKey = {
  readonly key: CryptoKey
  readonly publicJwk: JsonWebKey & { readonly kid: string }
  /** A client assertion (RFC 7523 §3) for one minute; `changed` claims that are undefined are left out. */
  assertion(audience: unknown, changed?: Words, header?: Words): Promise<string>
}

/** `now` is in milliseconds. */
export async function clientKey(clientId: string, kid = 'one', now: () => number = Date.now): Promise<ClientKey> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey: key, publicKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const { kty = '', crv = '', x = '', y = '' } = await crypto.subtle.exportKey('jwk', publicKey)
  return {
    key,
    publicJwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' },
    async assertion(audience, changed = {}, header = {}) {
      const iat = Math.floor(now() / 1000)
      const claims = { iss: clientId, sub: clientId, aud: audience, iat, exp: iat + 60, jti: crypto.randomUUID() }
      const signed = `${part({ alg: 'ES256', kid, ...header })}.${part({ ...claims, ...changed })}`
      const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, Buffer.from(signed))
      return `${signed}.${Buffer.from(signature).toString('base64url')}`
    },
  }
}

function part(words: Words): string {
  return Buffer.from(JSON.stringify(words)).toString('base64url')
}
