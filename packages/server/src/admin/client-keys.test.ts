// Which public keys a client may register, and where it may say that it publishes them.
import { beforeAll, describe, expect, test } from 'bun:test'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type StartedApi, startApi } from './support.test.ts'

type Jwk = Record<string, unknown>

const jwkOf = (key: KeyObject, more: Jwk = {}): Jwk => ({ ...key.export({ format: 'jwk' }), ...more })
const ec = (more: Jwk = {}) => jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, more)
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const weakRsa = jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)

let started: StartedApi
beforeAll(async () => {
  started = await startApi({ shared: true })
  await started.ok('POST', '/clients', { body: { id: 'canister' } })
})

const change = (body: object) => started.call('PATCH', '/clients/canister', { body })

describe('keys that could not be used are refused, each at its place', () => {
  const one = ec({ kid: 'one' })
  test.each<[string, Jwk[], string, string]>([
    ['a private key', [jwkOf(privateKey)], 'jwks.keys[0]', 'expected a public key: send no private members'],
    ['a shared secret', [{ kty: 'oct', k: 'AAAA' }], 'jwks.keys[0].kty', 'expected "EC", "OKP" or "RSA"'],
    ['a key of 1024 bits', [one, { ...weakRsa, kid: 'two' }], 'jwks.keys[1]', 'it has 1024 bits'],
    ['a point off its curve', [{ ...ec(), y: ec().y }], 'jwks.keys[0]', 'it is no valid key of its type'],
    ['a point of small order', [{ kty: 'OKP', crv: 'Ed25519', x: `AQ${'A'.repeat(41)}` }], 'jwks.keys[0]', 'small'],
    ['two keys of one name', [one, ec({ kid: 'one' })], 'jwks.keys[0]', 'another ES256 key has the same kid'],
    ['a key to encrypt with', [ec({ use: 'enc' })], 'jwks.keys[0]', 'its use is not sig'],
    ['a curve that nobody signs with', [ec({ crv: 'P-224' })], 'jwks.keys[0]', 'for no algorithm that is allowed'],
    ['several of which one has no name', [one, jwkOf(publicKey)], 'jwks.keys[1]', 'of several keys each needs a kid'],
    ['no key', [], 'jwks.keys', 'expected at least one key'],
  ])('%s', async (_what, keys, path, because) => {
    const { status, body } = await change({ jwks: { keys } })
    expect([status, body.problems[0]?.path]).toEqual([400, path])
    expect(body.problems[0]?.message).toContain(because)
  })
})

test.each([
  'http://keys.example.com/jwks.json',
  'https://user:secret@keys.example.com/jwks.json',
  'https://keys.example.com/jwks.json#one',
  'file:///etc/passwd',
  'keys.example.com',
])('nobody fetches keys from %s', async (jwks_uri) => {
  const { status, body } = await change({ jwks_uri })
  expect([status, body.problems[0]?.path]).toEqual([400, 'jwks_uri'])
})

test.each(['https://keys.example.com/jwks.json', 'http://127.0.0.1:9000/jwks', 'http://localhost/jwks'])(
  'keys may be kept at %s, instead of keys that are registered',
  async (jwks_uri) => {
    const jwks = { keys: [ec(), jwkOf(publicKey)].map((key, at) => ({ ...key, kid: String(at) })) }
    expect((await change({ jwks })).body).toMatchObject({ jwks, jwks_uri: null })
    expect((await change({ jwks_uri })).body).toMatchObject({ jwks: null, jwks_uri })
    expect((await change({ name: 'C' })).body).toMatchObject({ jwks: null, jwks_uri })
    expect((await change({ jwks, jwks_uri })).status).toBe(400)
    expect((await change({ jwks_uri: null })).body).toMatchObject({ jwks: null, jwks_uri: null })
  },
)

test('one key needs no name, and a client that signs needs a key', async () => {
  const signing = { token_endpoint_auth_methods: ['private_key_jwt'] }
  const refused = await change(signing)
  expect([refused.status, refused.body.problems[0]?.path]).toEqual([400, 'jwks'])
  expect((await change({ ...signing, jwks: { keys: [ec()] } })).status).toBe(200)
  const taken = await change({ jwks: null })
  expect([taken.status, taken.body.problems[0]?.path]).toEqual([400, 'jwks'])
  expect((await change({ token_endpoint_auth_methods: [], jwks: null })).status).toBe(200)
})
