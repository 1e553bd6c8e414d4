import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type AccessTokenFacts, parseSubject, readAccessToken, writeAccessTokenClaims } from './access-token.ts'
import type { JwtHeader } from './jwt.ts'

const ISSUER = 'https://auth.example.com'
const HEADER: JwtHeader = { alg: 'ES256', kid: 'k', typ: 'at+jwt' }
const FACTS: AccessTokenFacts = {
  jti: 'at_01JABCDEFGHJKMNPQRSTVWXYZ0',
  subject: 'client:canister',
  clientId: 'canister',
  audience: 'https://webdav.example.com',
  resource: 'webdav',
  scopes: ['files:read', 'files:write'],
  projects: null,
  networks: [],
  issuedAt: new Date('2030-01-01T00:00:00Z'),
  expiresAt: new Date('2030-01-01T00:10:00Z'),
  ancestors: ['secret_01JABCDEFGHJKMNPQRSTVWXYZ0'],
  revision: 7,
}
const written = (facts: AccessTokenFacts) =>
  JSON.parse(JSON.stringify(writeAccessTokenClaims(facts, ISSUER))) as Record<string, unknown>

test('what is written is what is read, whatever confines it', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  const words = fc.array(word, { minLength: 1, maxLength: 3 })
  const second = fc.integer({ min: 0, max: 4_000_000_000 })
  const facts = fc
    .record({
      subject: fc.tuple(fc.constantFrom('client', 'user'), word).map(([kind, id]) => `${kind}:${id}`),
      scopes: words,
      projects: fc.option(words),
      networks: fc.subarray(['10.0.0.0/8', '192.0.2.1/32', '2001:db8::/32']),
      ancestors: words,
      revision: fc.nat(),
      iat: second,
      lives: fc.integer({ min: 1, max: 86_400 }),
    })
    .map(({ iat, lives, ...rest }) => ({
      ...{ ...FACTS, ...rest },
      ...{ issuedAt: new Date(iat * 1000), expiresAt: new Date((iat + lives) * 1000) },
    }))
  fc.assert(fc.property(facts, (one) => expect(readAccessToken(HEADER, written(one), ISSUER)).toEqual(one)))
})

test('what narrows nothing is not written', () => {
  expect(Object.keys(written(FACTS))).toEqual([
    'iss',
    'sub',
    'aud',
    'exp',
    'iat',
    'jti',
    'client_id',
    'scope',
    'credential',
    'resource',
    'revision',
  ])
})

describe('a claim that is missing, or of another type, is a refusal and never a wider token', () => {
  const whole = written({ ...FACTS, projects: ['a'], networks: ['10.0.0.0/8'], ancestors: ['secret_1', 'key_1'] })
  /** What of `values` is of the right type all the same. */
  const readable: Readonly<Record<string, readonly unknown[]>> = { ancestors: [[]], revision: [0], iat: [0, -1] }
  const values = [undefined, null, '', 0, 1.5, -1, true, [], [null], [''], {}, { length: 1 }]
  for (const name of Object.keys(whole)) {
    test(name, () => {
      for (const value of values) {
        // Without them it is confined to nothing: that is what it says then.
        const isOptional = ['projects', 'networks', 'ancestors'].includes(name) && value === undefined
        const isRead = readable[name]?.some((one) => JSON.stringify(one) === JSON.stringify(value)) === true
        const claims = { ...whole, [name]: value }
        if (isOptional) delete (claims as Record<string, unknown>)[name]
        const said = readAccessToken(HEADER, claims, ISSUER)
        expect({ name, value, read: 'jti' in said }).toEqual({ name, value, read: isOptional || isRead })
      }
    })
  }

  test('one that restricts in a way that is not read here', () => {
    for (const name of ['nbf', 'cnf']) {
      expect(readAccessToken(HEADER, { ...whole, [name]: 1 }, ISSUER)).toMatchObject({ detail: { because: name } })
    }
  })

  test('others are left alone', () => {
    expect(readAccessToken(HEADER, { ...written(FACTS), roles: ['admin'], act: {} }, ISSUER)).toEqual(FACTS)
  })
})

describe('whom it stands for', () => {
  const read = ['client:canister', 'user:alice', 'user:a.b_c@example.com', 'client:bootstrap']
  for (const subject of read) {
    const [kind = '', id = ''] = subject.split(':')
    test(subject, () => expect(parseSubject(subject)).toEqual({ kind, id } as never))
  }
  const refused = ['', 'client', 'client:', 'Client:x', 'client:X', 'group:x', 'client:a:b', 'client:a b', 'client:a\n']
  for (const subject of refused)
    test(`nobody: ${JSON.stringify(subject)}`, () => expect(parseSubject(subject)).toBeUndefined())
})
