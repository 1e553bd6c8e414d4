import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ClientAuthentication,
  clientSecretBasic,
  clientSecretPost,
  type PrivateKeyJwtOptions,
  privateKeyJwt,
  type SigningAlgorithm,
  tokenFile,
  tokenSource,
} from './index.ts'
import {
  failureOf,
  type Received,
  refusal,
  startAuthorizationServer,
  startClock,
} from './testing/authorization-server.ts'

const server = startAuthorizationServer()
const folder = mkdtempSync(join(tmpdir(), 'client-'))
const clock = startClock()
beforeEach(() => void server.received.splice(0))
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

async function asks(authentication: ClientAuthentication, clientId = 'canister', fresh = true): Promise<Received> {
  await tokenSource({ issuer: server.issuer, clientId, authentication, now: clock.now }).token({ fresh })
  const last = server.received.at(-1)
  if (last === undefined) throw new Error('nothing was sent')
  return last
}

describe('client_secret_basic', () => {
  // RFC 6749 §2.3.1: encoded as forms are (appendix B), then as RFC 7617 says.
  const rows: [string, string, string][] = [
    ['canister', 'cs_secret_a1', 'canister:cs_secret_a1'],
    ['a:b', 'c:d', 'a%3Ab:c%3Ad'],
    ['a b', 'é+%&=', 'a+b:%C3%A9%2B%25%26%3D'],
  ]
  for (const [id, secret, pair] of rows) {
    test(`sends ${id} and ${secret} as ${pair}`, async () => {
      const { headers, body } = await asks(clientSecretBasic(secret), id)
      expect(headers.get('authorization')).toBe(`Basic ${btoa(pair)}`)
      expect([...body.keys()]).toEqual(['grant_type'])
    })
  }
})

test('client_secret_post sends id and secret in the body alone', async () => {
  const { headers, body } = await asks(clientSecretPost('c:d é'))
  expect(headers.get('authorization')).toBeNull()
  expect([body.get('client_id'), body.get('client_secret')]).toEqual(['canister', 'c:d é'])
})

test('a secret that a function gives is asked for with each request', async () => {
  let secret = 'old'
  for (const authentication of [clientSecretPost(() => secret), clientSecretPost(async () => secret)]) {
    secret = 'old'
    const source = tokenSource({ issuer: server.issuer, clientId: 'canister', authentication })
    await source.token()
    secret = 'new'
    await source.token({ fresh: true })
    const sent = server.received.splice(0).map(({ body }) => body.get('client_secret'))
    expect(sent).toEqual(['old', 'new'])
  }
})

test('an empty secret is not sent', async () => {
  for (const authentication of [clientSecretBasic(''), clientSecretPost(() => '')]) {
    expect(await failureOf(() => asks(authentication))).toBeInstanceOf(TypeError)
  }
  expect(server.received).toEqual([])
})

test('a refusal of what a function of the caller’s own sent, readable or not, is a refusal', async () => {
  server.script = () => refusal(401, 'invalid_client')
  const authentication: ClientAuthentication = ({ headers }) => headers.set('Authorization', 'Basic no base64!')
  const failure = await failureOf(() => asks(authentication))
  server.script = () => undefined
  expect(failure).toMatchObject({ error: 'invalid_client', status: 401 })
})

test('what a function that gives a secret throws reaches the caller', async () => {
  const closed = new Error('the vault is closed')
  const authentication = clientSecretPost(() => Promise.reject(closed))
  expect(await failureOf(() => asks(authentication))).toBe(closed)
})

describe('private_key_jwt', () => {
  const RSA = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }
  const algorithms: Record<SigningAlgorithm, EcKeyGenParams | RsaHashedKeyGenParams | { name: string }> = {
    ES256: { name: 'ECDSA', namedCurve: 'P-256' },
    EdDSA: { name: 'Ed25519' },
    RS256: { name: 'RSASSA-PKCS1-v1_5', ...RSA },
    PS256: { name: 'RSA-PSS', ...RSA },
  }
  const generateAs = async (algorithm: (typeof algorithms)[SigningAlgorithm]) =>
    (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const generate = (alg: SigningAlgorithm) => generateAs(algorithms[alg])
  const pemOf = async (key: CryptoKey) => {
    const text = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64')
    return `-----BEGIN PRIVATE KEY-----\n${text.replaceAll(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`
  }
  const partsOf = ({ body }: Received) => {
    const [header = '', claims = '', signature = ''] = (body.get('client_assertion') ?? '').split('.')
    const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
    return { header: read(header), claims: read(claims), signed: `${header}.${claims}`, signature }
  }

  for (const alg of Object.keys(algorithms) as SigningAlgorithm[]) {
    test(`signs with ${alg}, whether the key comes as CryptoKey, JWK or PEM`, async () => {
      const { privateKey, publicKey } = await generate(alg)
      const jwk = { ...(await crypto.subtle.exportKey('jwk', privateKey)), kid: 'k1', use: 'sig', key_ops: ['verify'] }
      const given: PrivateKeyJwtOptions[] = [
        { key: privateKey, alg, kid: 'k1' },
        { key: jwk, alg },
        { key: async () => jwk, alg },
        { key: await pemOf(privateKey), alg, kid: 'k1' },
      ]
      for (const options of given) {
        const { header, signed, signature } = partsOf(await asks(privateKeyJwt(options)))
        expect(header).toEqual({ alg, typ: 'client-authentication+jwt', kid: 'k1' })
        const verified = await crypto.subtle.verify(
          { name: algorithms[alg].name, hash: 'SHA-256', saltLength: 32 },
          publicKey,
          Buffer.from(signature, 'base64url'),
          Buffer.from(signed),
        )
        expect(verified).toBe(true)
      }
    })
  }

  test('names client and issuer, ends after a minute, and never twice says the same', async () => {
    const { privateKey } = await generate('ES256')
    const authentication = privateKeyJwt({ key: privateKey, alg: 'ES256' })
    const [one, other] = [await asks(authentication), await asks(authentication)]
    expect(one.body.get('client_id')).toBe('canister')
    expect(one.body.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    const { header, claims } = partsOf(one)
    const iat = clock.now().getTime() / 1000
    expect(header).toEqual({ alg: 'ES256', typ: 'client-authentication+jwt' })
    expect(claims).toEqual({
      iss: 'canister',
      sub: 'canister',
      aud: server.issuer,
      jti: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
      iat,
      exp: iat + 60,
    })
    expect(partsOf(other).claims.jti).not.toBe(claims.jti)
  })

  test('signs with the key of the moment', async () => {
    const keys = await Promise.all([generate('ES256'), generate('ES256')])
    const jwks = await Promise.all(keys.map(({ privateKey }) => crypto.subtle.exportKey('jwk', privateKey)))
    let turn = 0
    const authentication = privateKeyJwt({
      key: () => ({ ...jwks[turn], kid: `k${turn}` }) as JsonWebKey,
      alg: 'ES256',
    })
    const kids = []
    for (turn of [0, 1]) kids.push(partsOf(await asks(authentication)).header.kid)
    expect(kids).toEqual(['k0', 'k1'])
  })

  test('refuses a key that does not fit, and shows nothing of it', async () => {
    const { privateKey, publicKey } = await generate('ES256')
    const jwk = await crypto.subtle.exportKey('jwk', privateKey)
    const short = await crypto.subtle.generateKey({ name: 'RSASSA-PKCS1-v1_5', ...RSA, modulusLength: 1024 }, true, [
      'sign',
      'verify',
    ])
    const options: PrivateKeyJwtOptions[] = [
      { key: publicKey, alg: 'ES256' },
      { key: privateKey, alg: 'EdDSA' },
      { key: jwk, alg: 'PS256' },
      { key: { ...jwk, d: undefined } as unknown as JsonWebKey, alg: 'ES256' },
      { key: { ...jwk, crv: 'P-384' }, alg: 'ES256' },
      { key: (await pemOf(privateKey)).replace('PRIVATE', 'EC PRIVATE'), alg: 'ES256' },
      { key: '', alg: 'ES256' },
      { key: short.privateKey, alg: 'RS256' },
      { key: (await generateAs({ name: 'ECDSA', namedCurve: 'P-384' })).privateKey, alg: 'ES256' },
      { key: (await generate('PS256')).privateKey, alg: 'RS256' },
      { key: (await generateAs({ name: 'RSA-PSS', ...RSA, hash: 'SHA-512' })).privateKey, alg: 'PS256' },
    ]
    for (const option of options) {
      const error = await failureOf(() => asks(privateKeyJwt(option)))
      expect(error).toBeInstanceOf(TypeError)
      expect(String(error)).toContain(`expected a private key for ${option.alg}`)
      expect(Bun.inspect(error)).not.toContain(jwk.d ?? '')
    }
    expect(server.received).toEqual([])
  })

  test('refuses an algorithm that is none', () => {
    for (const alg of ['none', 'HS256', 'toString'] as unknown as SigningAlgorithm[]) {
      expect(() => privateKeyJwt({ key: '', alg })).toThrow('alg: expected ES256')
    }
  })
})

describe('a token file', () => {
  const path = join(folder, 'token')

  test('is shown as assertion, read anew for each request', async () => {
    const sent = []
    for (const text of ['aaa.bbb.ccc', 'ddd.eee.fff\n']) {
      writeFileSync(path, text)
      const { body, headers } = await asks(tokenFile(path))
      expect(body.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      expect([body.get('client_id'), headers.get('authorization')]).toEqual(['canister', null])
      sent.push(body.get('client_assertion'))
    }
    expect(sent).toEqual(['aaa.bbb.ccc', 'ddd.eee.fff'])
  })

  test('that is missing, empty or holds more than one token is told by its path, and nothing is sent', async () => {
    for (const text of ['', '\n', 'one two', 'one\ntwo', 'é']) {
      writeFileSync(path, text)
      const error = await failureOf(() => asks(tokenFile(path)))
      expect(error).toMatchObject({ error: 'credential_unavailable', isTemporary: false })
      expect(String(error)).toContain(path)
      expect(String(error)).not.toContain('two')
    }
    const error = await failureOf(() => asks(tokenFile(`${path}-not`)))
    expect(error).toMatchObject({ description: `${path}-not cannot be read (ENOENT)` })
    expect(server.received).toEqual([])
  })
})
