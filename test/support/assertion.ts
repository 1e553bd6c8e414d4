// A JWT checked with WebCrypto alone: another hand than the server's own.

type Claims = Readonly<Record<string, unknown>>

/** Header and claims of an ES256 JWT, after its signature was checked with the key of that `kid`. */
export async function checkedJwt(jwt: string, jwksUrl: string): Promise<{ header: Claims; claims: Claims }> {
  const [head = '', payload = '', signature = ''] = jwt.split('.')
  const [header, claims] = [head, payload].map(
    (part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Claims,
  )
  if (header === undefined || claims === undefined || header.alg !== 'ES256') throw new Error('not an ES256 JWT')

  const { keys } = (await (await fetch(jwksUrl)).json()) as { keys: (JsonWebKey & { kid: string })[] }
  const jwk = keys.find((key) => key.kid === header.kid)
  if (jwk === undefined) throw new Error('no key of that kid')
  const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify'])
  const [signed, bytes] = [Buffer.from(`${head}.${payload}`), Buffer.from(signature, 'base64url')]
  if (!(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, bytes, signed))) {
    throw new Error('the signature is not by that key')
  }
  return { header, claims }
}
