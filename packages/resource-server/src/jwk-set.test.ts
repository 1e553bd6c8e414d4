import { describe, expect, test } from 'bun:test'
import { base64url, CompactSign, compactVerify, exportJWK, generateKeyPair, type JWK } from 'jose'
import { inlineKeys } from './inline-keys.ts'
import { type JwkSet, keyFinder, parseJwkSet, VERIFICATION_ALGORITHMS } from './jwk-set.ts'

const ALL = Object.keys(VERIFICATION_ALGORITHMS)
const EVERY = ['none', 'HS256', 'RSA-OAEP', 'ES256K', '__proto__', ...ALL]

type Pair = { jwk: JWK; privateJwk: JWK; privateKey: CryptoKey }
async function pairOf(alg: string): Promise<Pair> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { jwk: await exportJWK(publicKey), privateJwk: await exportJWK(privateKey), privateKey }
}
const [ec, otherEc, p384, p521, ed, rsa] = (await Promise.all(
  ['ES256', 'ES256', 'ES384', 'ES512', 'Ed25519', 'RS256'].map(pairOf),
)) as [Pair, Pair, Pair, Pair, Pair, Pair]

async function read(keys: readonly unknown[], algorithms: readonly string[] = ALL): Promise<JwkSet> {
  const set = await parseJwkSet({ keys }, { algorithms })
  if (set === undefined) throw new Error('it is no set')
  return set
}
const namesOf = (set: JwkSet) => set.keys.map(({ kid, alg }) => `${kid} ${alg}`)

function number(value: bigint, bytes: number): string {
  return base64url.encode(Uint8Array.from(Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex')))
}
const rsaOf = (modulus: bigint, e = 'AQAB'): JWK => ({
  kty: 'RSA',
  n: number(modulus, Math.ceil(modulus.toString(16).length / 2)),
  e,
})

/** A modulus as the generator of CVE-2017-15361 made them: both factors are powers of 65537 by the first primes. */
function rocaModulus(): bigint {
  const primes: bigint[] = []
  for (let n = 2n; primes.length < 126; n++) if (primes.every((prime) => n % prime !== 0n)) primes.push(n)
  const product = primes.reduce((all, prime) => all * prime)
  const factor = (k: bigint, power: number) => {
    let rest = 1n
    for (let i = 0; i < power; i++) rest = (rest * 65537n) % product
    return k * product + rest
  }
  return factor((1n << 60n) + 3n, 5) * factor((1n << 61n) + 9n, 11)
}

describe('a key verifies what it is for', () => {
  const rows: [alg: string, pair: Pair][] = [
    ['ES256', ec],
    ['ES384', p384],
    ['ES512', p521],
    ['EdDSA', ed],
    ['Ed25519', ed],
    ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg): [string, Pair] => [alg, rsa]),
  ]
  test.each(rows)('%s', async (alg, { jwk, privateJwk }) => {
    const signed = await new CompactSign(new Uint8Array([1])).setProtectedHeader({ alg }).sign({ ...privateJwk })
    for (const shown of [
      jwk,
      { ...jwk, alg },
      { ...jwk, use: 'jwt-svid' },
      { ...jwk, use: 'sig', key_ops: ['verify'], x5c: ['x'], __proto__: 1 },
    ]) {
      const found = await inlineKeys({ jwks: { keys: [{ ...shown, kid: 'k' }] }, algorithms: EVERY }).find('k', alg)
      if (typeof found === 'string') throw new Error(found)
      expect((await compactVerify(signed, found)).payload).toEqual(new Uint8Array([1]))
    }
  })
})

describe('a key is found by exactly its kid, alg and type', () => {
  test('its own alg is the only one', async () => {
    expect(namesOf(await read([{ ...rsa.jwk, kid: 'k', alg: 'PS256' }], EVERY))).toEqual(['k PS256'])
    expect(namesOf(await read([{ ...rsa.jwk, kid: 'k', alg: 'ES256' }], EVERY))).toEqual([])
    expect(namesOf(await read([{ ...ec.jwk, kid: 'k', alg: 'ES384' }], EVERY))).toEqual([])
    expect(namesOf(await read([{ ...ec.jwk, kid: 'k', alg: 'HS256' }], EVERY))).toEqual([])
    expect(namesOf(await read([{ ...ec.jwk, kid: 'k', alg: 7 }], EVERY))).toEqual([])
    expect(namesOf(await read([{ ...ec.jwk, kid: 'k', alg: '' }], EVERY))).toEqual([])
  })

  test('without alg it is for what the list allows of its type, and nothing else', async () => {
    const keys = [rsa, ec, p384, p521, ed].map(({ jwk }, at) => ({ ...jwk, kid: `${at}` }))
    expect(namesOf(await read(keys, ['PS256', 'RS256', 'ES384', 'HS256', 'none']))).toEqual([
      '0 PS256',
      '0 RS256',
      '2 ES384',
    ])
    expect(namesOf(await read(keys, []))).toEqual([])
    expect(namesOf(await read(keys, ALL))).toHaveLength(6 + 1 + 1 + 1 + 2)
  })

  test('another kid, or the same for another alg, is unknown', async () => {
    const keys = inlineKeys({ jwks: { keys: [{ ...ec.jwk, kid: 'k' }] }, algorithms: ALL })
    expect(await keys.find('k', 'ES256')).toBeInstanceOf(CryptoKey)
    for (const kid of ['K', 'k ', '', 'constructor', '__proto__']) expect(keys.find(kid, 'ES256')).toBe('unknown')
    for (const alg of ['ES384', 'RS256', 'HS256', 'none', 'es256', '', '__proto__'])
      expect(keys.find('k', alg)).toBe('unknown')
  })

  test('a kid is not cut at its spaces', async () => {
    const find = keyFinder((await read([{ ...ec.jwk, kid: 'a b' }])).keys)
    expect([find('b', 'ES256 a'), find('a', 'ES256')]).toEqual([undefined, undefined])
    expect(find('a b', 'ES256')).toBeInstanceOf(CryptoKey)
  })

  test('without a kid the one key of the alg is found; of several none', async () => {
    const one = keyFinder((await read([{ ...ec.jwk, kid: 'k' }, rsa.jwk])).keys)
    expect(one(undefined, 'ES256')).toBeInstanceOf(CryptoKey)
    expect(one(undefined, 'RS256')).toBeInstanceOf(CryptoKey)
    const several = keyFinder((await read([ec.jwk, otherEc.jwk, p384.jwk])).keys)
    expect(several(undefined, 'ES256')).toBeUndefined()
    expect(several(undefined, 'ES384')).toBeInstanceOf(CryptoKey)
    const three = keyFinder((await read([ec.jwk, otherEc.jwk, ec.jwk])).keys)
    expect(three(undefined, 'ES256')).toBeUndefined()
  })
})

describe('a member that is null is absent', () => {
  const members = ['use', 'alg', 'key_ops', 'kid', 'x5c', 'd', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']
  test.each(members)('%s', async (member) => {
    for (const { jwk } of [ec, rsa, ed]) {
      const set = await read([{ ...jwk, kid: 'k', [member]: null }], ['ES256', 'RS256', 'Ed25519'])
      expect(set).toMatchObject({ keys: [{ kid: member === 'kid' ? undefined : 'k' }], problems: [], ignored: [] })
    }
  })

  test('and all of them at once, as some serializers write them', async () => {
    const nothing = Object.fromEntries([...members, 'crv', 'x', 'y'].map((member) => [member, null]))
    expect(namesOf(await read([{ ...nothing, ...rsa.jwk, kid: 'k' }], ['RS256']))).toEqual(['k RS256'])
  })

  test('but a type that is null is none', async () => {
    expect(namesOf(await read([{ ...ec.jwk, kid: 'k', kty: null }]))).toEqual([])
    expect(namesOf(await read([{ ...ec.jwk, kid: 'k', crv: null }]))).toEqual([])
  })
})

describe('of two keys of one kid', () => {
  test('and one alg neither is usable, and both are told', async () => {
    const set = await read([
      { ...ec.jwk, kid: 'k' },
      { ...otherEc.jwk, kid: 'k' },
      { ...ed.jwk, kid: 'other' },
    ])
    expect(namesOf(set)).toEqual(['other EdDSA', 'other Ed25519'])
    expect(set.problems).toEqual([0, 1].map((at) => ({ at, kid: 'k', because: 'another ES256 key has the same kid' })))
  })

  test('and different algs both are usable', async () => {
    expect(
      namesOf(
        await read([
          { ...ec.jwk, kid: 'k' },
          { ...rsa.jwk, kid: 'k', alg: 'RS256' },
        ]),
      ),
    ).toEqual(['k ES256', 'k RS256'])
  })

  test('and one algorithm in common the common one is lost', async () => {
    const two = [
      { ...rsa.jwk, kid: 'k', alg: 'RS256' },
      { ...(await pairOf('RS256')).jwk, kid: 'k' },
    ]
    expect(namesOf(await read(two, ['RS256', 'PS256']))).toEqual(['k PS256'])
  })

  test('that are one key listed twice, the key is usable', async () => {
    const find = keyFinder(
      (
        await read([
          { ...ec.jwk, kid: 'k' },
          { ...ec.jwk, kid: 'k', use: 'sig' },
        ])
      ).keys,
    )
    expect(find('k', 'ES256')).toBeInstanceOf(CryptoKey)
    expect(find(undefined, 'ES256')).toBeInstanceOf(CryptoKey)
  })
})

describe('what is for something else is passed over without a problem', () => {
  const rows: [what: string, jwk: unknown, because: string][] = [
    ['a shared secret', { kty: 'oct', k: 'AAAA', kid: 'k', alg: 'HS256' }, 'it is a shared secret'],
    ['use enc', { ...ec.jwk, use: 'enc' }, 'its use is not sig'],
    ['a key of a SPIFFE bundle for certificates', { ...ec.jwk, use: 'x509-svid' }, 'its use is not sig'],
    ['use that is no text', { ...ec.jwk, use: ['sig'] }, 'its use is not sig'],
    ['key_ops without verify', { ...ec.jwk, key_ops: ['encrypt'] }, 'its key_ops have no verify'],
    ['key_ops that are no list', { ...ec.jwk, key_ops: 'verify' }, 'its key_ops have no verify'],
    ['an unknown type', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA' }, 'it is for no algorithm that is allowed'],
    ['no type', { crv: 'P-256' }, 'it is for no algorithm that is allowed'],
    ['another curve', { ...ec.jwk, crv: 'secp256k1' }, 'it is for no algorithm that is allowed'],
    ['an inherited member', Object.create(ec.jwk) as unknown, 'it is for no algorithm that is allowed'],
  ]
  test.each(rows)('%s', async (_, jwk, because) => {
    const set = await read([jwk, { ...otherEc.jwk, kid: 'good' }])
    expect(namesOf(set)).toEqual(['good ES256'])
    expect(set.problems).toEqual([])
    expect(set.ignored).toMatchObject([{ at: 0, because }])
  })
})

describe('a bad key is refused and told, and the others stay usable', () => {
  const published = 'its private part is published'
  const invalid = 'it is no valid key of its type'
  const small = 'anybody can sign for it: its order is small'
  const odd2048 = (1n << 2047n) + 12345n
  const rows: [what: string, jwk: unknown, because: string][] = [
    ['an EC key with d', ec.privateJwk, published],
    ['an RSA key with all of it', rsa.privateJwk, published],
    ['an RSA key with p alone', { ...rsa.jwk, p: 'AQ' }, published],
    ['an Ed25519 key with an empty d', { ...ed.jwk, d: '' }, published],
    ['an encryption key with d', { ...ec.privateJwk, use: 'enc' }, published],
    ['RSA of 512 bits', rsaOf((1n << 511n) + 1n), 'it has 512 bits; expected at least 2048'],
    ['RSA of 2047 bits', rsaOf((1n << 2046n) + 12345n), 'it has 2047 bits; expected at least 2048'],
    ['RSA of 8200 bits', rsaOf((1n << 8199n) + 12345n), 'it is longer than 8192 bits'],
    ['RSA of 100 000 bits', { kty: 'RSA', n: number(1n << 99_999n, 12_500), e: 'AQAB' }, 'it is longer than 8192 bits'],
    ['RSA of exponent 1', rsaOf(odd2048, 'AQ'), 'it is no RSA key'],
    ['RSA of an even exponent', rsaOf(odd2048, 'Ag'), 'it is no RSA key'],
    ['RSA of an even modulus', rsaOf(1n << 2047n), 'it is no RSA key'],
    ['RSA without n', { kty: 'RSA', e: 'AQAB' }, 'it lacks n or e in base64url'],
    ['RSA whose n is no base64url', { kty: 'RSA', n: 'a+b', e: 'AQAB' }, 'it lacks n or e in base64url'],
    ['a ROCA key', rsaOf(rocaModulus()), 'its private part can be computed (ROCA, CVE-2017-15361)'],
    ['a point off its curve', { ...ec.jwk, y: ec.jwk.x }, invalid],
    ['the point at infinity', { ...ec.jwk, x: number(0n, 32), y: number(0n, 32) }, invalid],
    ['a point of another curve', { ...p384.jwk, crv: 'P-256' }, 'its x has not the length of its curve'],
    ['a coordinate that is too long', { ...ec.jwk, y: `AAAA${ec.jwk.y}` }, 'its y has not the length of its curve'],
    ['no coordinate', { kty: 'EC', crv: 'P-256' }, 'its x has not the length of its curve'],
    ['the neutral point', { ...ed.jwk, x: number(1n << 248n, 32) }, small],
    ['a point of order 4', { ...ed.jwk, x: number(0n, 32) }, small],
    ['a point of order 8', { ...ed.jwk, x: 'xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o' }, small],
    ['another, with its sign', { ...ed.jwk, x: 'JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_IU' }, small],
    ['a kid that is no text', { ...ec.jwk, kid: 7 }, 'its kid is no text of at most 512 characters'],
    ['an empty kid', { ...ec.jwk, kid: '' }, 'its kid is no text of at most 512 characters'],
    ['a number', 7, 'it is no JSON object'],
    ['null', null, 'it is no JSON object'],
    ['a list', [ec.jwk], 'it is no JSON object'],
  ]
  test.each(rows)('%s', async (_, jwk, because) => {
    const set = await read([jwk, { ...otherEc.jwk, kid: 'good' }])
    expect(namesOf(set)).toEqual(['good ES256'])
    expect(set.problems).toMatchObject([{ at: 0, because }])
  })

  test('a key whose private part another entry publishes', async () => {
    const set = await read([
      { ...ec.jwk, kid: 'k' },
      { ...ec.privateJwk, kid: 'same', use: 'enc' },
    ])
    expect(namesOf(set)).toEqual([])
    expect(set.problems.map(({ because }) => because)).toEqual([published, published])
  })

  test('no problem quotes the key', async () => {
    const set = await read(rows.map(([, jwk]) => jwk))
    expect(JSON.stringify([set.problems, set.ignored])).not.toMatch(/[A-Za-z0-9_-]{30}/)
  })
})

test('ordinary keys are not taken for weak ones', async () => {
  const keys = await Promise.all(['RS256', 'ES256', 'Ed25519', 'ES512'].flatMap((alg) => [pairOf(alg), pairOf(alg)]))
  const set = await read(keys.map(({ jwk }, at) => ({ ...jwk, kid: `${at}` })))
  expect(set.problems).toEqual([])
  expect(new Set(set.keys.map(({ kid }) => kid)).size).toBe(8)
})

test('a set is an object with at most 100 keys', async () => {
  const malformed = [undefined, null, 7, 'x', [], {}, { keys: {} }, { keys: 'x' }, Object.create({ keys: [] })]
  for (const json of malformed) expect(await parseJwkSet(json, { algorithms: ALL })).toBeUndefined()
  expect(await parseJwkSet({ keys: new Array(101).fill(ec.jwk) }, { algorithms: ALL })).toBeUndefined()
  expect((await read(new Array(100).fill(ec.jwk))).keys).toHaveLength(100)
  expect((await read([])).keys).toEqual([])
  const none = inlineKeys({ jwks: 'x', algorithms: ALL })
  expect(await none.find('k', 'ES256')).toBe('unknown')
})
