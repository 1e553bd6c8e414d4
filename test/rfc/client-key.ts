// A client's own key, and the assertions that it signs with it, for a server that any client may be pointed at.
import { makeSigner } from '../support/client-key.ts'

type Words = Readonly<Record<string, unknown>>

export type ClientKey = {
  readonly key: CryptoKey
  readonly publicJwk: JsonWebKey & { readonly kid: string }
  /** A client assertion (RFC 7523 §3) for one minute; `changed` claims that are undefined are left out. */
  assertion(audience: unknown, changed?: Words, header?: Words): Promise<string>
}

/** `now` is in milliseconds. */
export async function clientKey(clientId: string, kid = 'one', now: () => number = Date.now): Promise<ClientKey> {
  const clock = {
    get now() {
      return new Date(now())
    },
  }
  const signer = makeSigner({ clock }, clientId, 'ES256', kid)
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const key = await crypto.subtle.importKey('jwk', signer.privateKey.export({ format: 'jwk' }), algorithm, true, [
    'sign',
  ])
  return {
    key,
    publicJwk: { ...signer.jwk, kid },
    assertion: async (audience, changed = {}, header = {}) => signer.assertion({ aud: audience, ...changed }, header),
  }
}
