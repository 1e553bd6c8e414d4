import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { generateKeyPair } from 'jose'
import { dateClaim, parseJwt, textClaim, textsClaim } from './jwt.ts'
import { isSigned } from './signature.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const encode = (part: string | Uint8Array) => Buffer.from(part as string).toString('base64url')
const HEADER = '{"alg":"ES256","kid":"k","typ":"at+jwt"}'
const jwtOf = (header: string, claims = '{"iss":"x"}', signature = 'AAAA') =>
  `${encode(header)}.${encode(claims)}.${signature}`

async function signer() {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const signed = async (header: string, claims: string) => {
    const input = `${encode(header)}.${encode(claims)}`
    const ecdsa = { name: 'ECDSA', hash: 'SHA-256' }
    return `${input}.${encode(new Uint8Array(await crypto.subtle.sign(ecdsa, privateKey, Buffer.from(input))))}`
  }
  return { publicKey, signed }
}

test('a JWT is its text, what is said of its signature, and its claims', () => {
  const text = jwtOf(HEADER)
  expect(parseJwt(text)).toEqual({ text, header: { alg: 'ES256', kid: 'k', typ: 'at+jwt' }, claims: { iss: 'x' } })
})

describe('a header', () => {
  const read: readonly [header: string, expected: object][] = [
    ['{"alg":"ES256"}', { alg: 'ES256', kid: undefined, typ: undefined }],
    ['{"alg":"none"}', { alg: 'none', kid: undefined, typ: undefined }],
    ['{"alg":"ES256","typ":"Application/AT+JWT"}', { typ: 'at+jwt' }],
    ['{"alg":"ES256","typ":"application/application/x"}', { typ: 'application/x' }],
    ['{"alg":"ES256","jwk":{},"jku":"https://attacker.example","x5c":[],"x5u":""}', { alg: 'ES256', kid: undefined }],
  ]
  for (const [header, expected] of read) {
    test(`is read: ${header}`, () => expect(parseJwt(jwtOf(header))?.header).toMatchObject(expected))
  }
  const refused = [
    '{}',
    '[]',
    '{"alg":""}',
    '{"alg":null}',
    '{"alg":["ES256"]}',
    '{"alg":"ES256","kid":""}',
    '{"alg":"ES256","kid":1}',
    '{"alg":"ES256","kid":null}',
    '{"alg":"ES256","typ":null}',
    '{"alg":"ES256","typ":["at+jwt"]}',
    '{"alg":"ES256","crit":[]}',
    '{"alg":"ES256","crit":["exp"],"exp":1}',
    '{"alg":"ES256","b64":true}',
    '{"alg":"ES256","alg":"none"}',
    '{"alg":"ES256","\\u0061lg":"none"}',
    '{"__proto__":{"alg":"ES256"}}',
    '\ufeff{"alg":"ES256"}',
  ]
  for (const header of refused) {
    test(`is refused: ${header}`, () => expect(parseJwt(jwtOf(header))).toBeUndefined())
  }
})

test('8 192 characters are read, one more is not', () => {
  const fitting = jwtOf(HEADER, '{"iss":"x"}', '')
  const room = 8192 - fitting.length
  expect(parseJwt(fitting + 'A'.repeat(room - (room % 4)))).toBeDefined()
  const long = jwtOf(HEADER, '{"iss":"x"}', 'A'.repeat(8192 - fitting.length + 4))
  expect(parseJwt(long)).toBeUndefined()
})

describe('claims are read by what an object has itself', () => {
  const claims = (text: string) => JSON.parse(text) as Record<string, unknown>
  test('not by what its prototype has', () => {
    expect(textClaim(claims('{"__proto__":{"iss":"x"}}'), 'iss')).toBeUndefined()
    expect(textClaim(claims('{}'), 'constructor')).toBeUndefined()
    expect(dateClaim(claims('{}'), '__proto__')).toBeUndefined()
  })

  const dates: readonly [written: string, isDate: boolean][] = [
    ['0', true],
    ['1893456000', true],
    ['1893456000.0', true],
    ['1.893456e9', true],
    ['-1', true],
    ['8640000000000', true],
    ['8640000000001', false],
    ['1893456000.5', false],
    ['1e400', false],
    ['-1e400', false],
    ['"1893456000"', false],
    ['null', false],
    ['true', false],
    ['[1893456000]', false],
    ['{}', false],
  ]
  for (const [written, isDate] of dates) {
    test(`${written} is ${isDate ? 'a date' : 'none'}`, () => {
      const date = dateClaim(claims(`{"exp":${written}}`), 'exp')
      expect(date?.getTime()).toBe(isDate ? Number(written) * 1000 : undefined)
    })
  }

  test('a list of texts holds texts alone, and none that is empty', () => {
    const texts = (written: string) => textsClaim(claims(`{"x":${written}}`), 'x')
    expect(texts('["a","b"]')).toEqual(['a', 'b'])
    expect(texts('[]')).toEqual([])
    for (const written of ['"a"', '["a",1]', '[""]', '[null]', '[["a"]]', '{"0":"a","length":1}', 'null'])
      expect(texts(written)).toBeUndefined()
  })
})

describe('a signed token has one spelling', () => {
  /** What somebody could do to a text without knowing the key. */
  const character = fc.constantFrom(...ALPHABET, ...'+/=.~ \t\n%"é\u0000')
  const edit = fc.oneof(
    fc.record({ at: fc.nat(), put: character, drop: fc.constantFrom(0, 1) }),
    fc.record({ at: fc.nat(), put: fc.constant(''), drop: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ at: fc.constantFrom(-1, -2, -3), put: character, drop: fc.constantFrom(0, 1) }),
    fc.record({
      at: fc.constantFrom(-1),
      put: fc.constantFrom('=', '==', '\r\n', ' ', '.', '.x'),
      drop: fc.constant(0),
    }),
  )
  const edited = (text: string, { at, put, drop }: { at: number; put: string; drop: number }) => {
    const place = at < 0 ? text.length + 1 + at - drop : at % (text.length + 1)
    return text.slice(0, place) + put + text.slice(place + drop)
  }

  test('no edit of one or a few characters passes both the gate and the signature', async () => {
    const { publicKey, signed } = await signer()
    const claims = fc.record({ iss: fc.webUrl(), sub: fc.string({ maxLength: 12 }), n: fc.nat() })
    let atGate = 0
    let atSignature = 0
    const property = fc.asyncProperty(claims, fc.array(edit, { minLength: 30, maxLength: 30 }), async (said, edits) => {
      const text = await signed(HEADER, JSON.stringify(said))
      const whole = parseJwt(text)
      expect(whole !== undefined && (await isSigned(whole, publicKey, 'ES256'))).toBe(true)
      for (const one of edits) {
        const other = edited(text, one)
        if (other === text) continue
        const jwt = parseJwt(other)
        if (jwt === undefined) atGate++
        else {
          atSignature++
          expect({ other, isSigned: await isSigned(jwt, publicKey, 'ES256') }).toEqual({ other, isSigned: false })
        }
      }
    })
    await fc.assert(property, { numRuns: 60 })
    expect(Math.min(atGate, atSignature)).toBeGreaterThan(50)
  })

  test('of all texts that differ in the last character alone, the gate leaves those with other bytes', async () => {
    const { publicKey, signed } = await signer()
    const text = await signed(HEADER, '{"iss":"x"}')
    const bytesOf = (one: string) => Buffer.from(one.slice(one.lastIndexOf('.') + 1), 'base64url').toString('hex')
    const left = [...ALPHABET].map((last) => text.slice(0, -1) + last).filter((one) => parseJwt(one) !== undefined)
    expect(new Set(left.map(bytesOf)).size).toBe(left.length)
    expect(left.length).toBe(4)
    for (const one of left) {
      const jwt = parseJwt(one)
      expect(jwt !== undefined && (await isSigned(jwt, publicKey, 'ES256'))).toBe(one === text)
    }
  })

  test('the gate takes exactly the spelling in which the bytes would be written', () => {
    const part = fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(part, (signature) => {
        const isOwn = Buffer.from(signature, 'base64url').toString('base64url') === signature
        expect(parseJwt(jwtOf(HEADER, '{"iss":"x"}', signature)) !== undefined).toBe(isOwn)
      }),
      { numRuns: 2000 },
    )
  })
})

test('no text throws at the gate', () => {
  const part = fc.oneof(
    fc.base64String({ maxLength: 30 }),
    fc.json().map((json) => encode(json)),
    fc.string({ maxLength: 20 }),
    fc.constant(encode(HEADER)),
  )
  const text = fc.oneof(
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
    fc.string(),
  )
  fc.assert(
    fc.property(text, (one) => {
      parseJwt(one)
    }),
    { numRuns: 5000 },
  )
})

test('the longest and oddest texts are gone through once: no pattern of them multiplies the work', () => {
  // Each would keep a reader that backtracks busy for longer than this suite may take.
  const odd = [
    '.'.repeat(8192),
    'A'.repeat(8192),
    `${'A.'.repeat(4096)}`,
    `${encode(HEADER)}.${'A'.repeat(8000)}=`,
    'A'.repeat(50_000_000),
    `${'A'.repeat(25_000_000)}.`.repeat(2),
    jwtOf(HEADER, `{"a":"${'\\\\'.repeat(2800)}"}`),
    jwtOf(HEADER, `{"a"${' '.repeat(5800)}:1}`),
    jwtOf(HEADER, `{${Array.from({ length: 900 }, (_, n) => `"${n}":1`).join(',')}}`),
    jwtOf(HEADER, `{"a":${'['.repeat(2900)}${']'.repeat(2900)}}`),
  ]
  for (const text of odd) for (let round = 0; round < 20; round++) parseJwt(text)
})
