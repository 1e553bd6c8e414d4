// Which of the keys that an issuer publishes an API may believe, and for how long: the library, with key sets of others.
import { beforeEach, describe, expect, test } from 'bun:test'
import { accessTokenVerifier, type KeyFetch, writeAccessTokenClaims } from '@countersign/resource-server'
import { type Json, signedBy, strangersKey } from '../support/forging.ts'

const ISSUER = 'https://auth.example.com'
const RESOURCE = 'https://api.example.com'
const STARTED = new Date('2030-01-01T00:00:00Z')
const DAY_SECONDS = 86_400

let now: Date
let asked: number
let answer: () => Response
const later = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000)
}
const publish = (...keys: object[]) => {
  answer = () => Response.json({ keys })
}
beforeEach(() => {
  now = STARTED
  asked = 0
})

const fetchKeys: KeyFetch = async () => {
  asked++
  return answer()
}
const own = strangersKey()
const other = strangersKey()
const CLAIMS = JSON.parse(
  JSON.stringify(
    writeAccessTokenClaims(
      {
        ...{ jti: 'at_01JABCDEFGHJKMNPQRSTVWXYZ0', subject: 'client:canister', clientId: 'canister', resource: 'api' },
        ...{ audience: RESOURCE, scopes: ['usage:read'], projects: null, networks: [], ancestors: ['secret_1'] },
        ...{ issuedAt: STARTED, expiresAt: new Date('2030-02-01T00:00:00Z'), revision: 1 },
      },
      ISSUER,
    ),
  ),
) as Record<string, unknown>
const token = ({ privateKey, jwk } = own, header: Record<string, unknown> = {}): string =>
  signedBy(privateKey, { alg: 'ES256', typ: 'at+jwt', kid: jwk.kid, ...header } as Json, CLAIMS)

const fetching = () => accessTokenVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: fetchKeys, now: () => now })
type Check = ReturnType<typeof fetching>
const codeOf = async (check: Check, text: string) => {
  const caller = await check(new Headers({ Authorization: `Bearer ${text}` }))
  return caller.outcome === 'deny' ? caller.code : 'OK'
}
const believedWith = async (keys: object[], text = token()) =>
  codeOf(accessTokenVerifier({ issuer: ISSUER, resource: RESOURCE, keys: { keys } as never, now: () => STARTED }), text)

describe('a key', () => {
  const { alg: _, use: __, ...bare } = own.jwk
  test('JWT-03 that names no algorithm is for the one that is allowed, never for the one that a token names', async () => {
    expect(await believedWith([bare])).toBe('OK')
    for (const alg of ['HS256', 'RS512', 'PS256', 'ES384', 'none']) {
      expect(await believedWith([bare], token(own, { alg }))).toBe('token_unverified')
    }
  })

  const REFUSED: readonly [name: string, keys: object[]][] = [
    ['JWT-04 of another algorithm', [{ ...own.jwk, alg: 'ES384' }]],
    ['JWT-06 for encryption', [{ ...own.jwk, use: 'enc' }]],
    ['JWT-06 for other operations', [{ ...own.jwk, key_ops: ['encrypt'] }]],
    ['JWT-12 whose id another has, too', [own.jwk, { ...other.jwk, kid: own.jwk.kid }]],
    ['JWT-12 whose id is another', [{ ...own.jwk, kid: 'x' }]],
    ['JWT-50 whose private part is published', [{ ...own.jwk, d: own.privateKey.export({ format: 'jwk' }).d }]],
    ['JWT-50 that is a shared secret', [{ kty: 'oct', k: 'AAAA', kid: own.jwk.kid, alg: 'ES256' }]],
    ['JWT-51 off its curve', [{ ...own.jwk, y: other.jwk.y }]],
    ['JWT-51 at infinity', [{ ...own.jwk, x: 'A'.repeat(43), y: 'A'.repeat(43) }]],
  ]
  for (const [name, keys] of REFUSED) {
    test(`${name} is none, and the others stay good`, async () => {
      expect(await believedWith(keys)).toBe('token_unverified')
      const neighbour = strangersKey()
      expect(await believedWith([...keys, neighbour.jwk], token(neighbour))).toBe('OK')
    })
  }

  test('JWT-11 that a token does not name is not looked for, be it the only one', async () => {
    expect(await believedWith([own.jwk], token(own, { kid: undefined }))).toBe('token_unverified')
  })
})

describe('a source of keys', () => {
  const FAULTS: readonly [how: string, answer: () => Response][] = [
    ['fails', () => new Response('', { status: 500 })],
    ['redirects inside', () => Response.redirect('http://169.254.169.254/', 302)],
    ['answers without end', () => new Response(endless())],
    ['answers another thing', () => new Response('<html>')],
    ['answers a thousand keys', () => Response.json({ keys: Array.from({ length: 1000 }, () => own.jwk) })],
    [
      'breaks off',
      () => {
        throw new TypeError('reset')
      },
    ],
  ]
  for (const [how, fault] of FAULTS) {
    test(`JWT-46 that ${how} is asked less and less, while known keys stay good`, async () => {
      publish(own.jwk)
      const check = fetching()
      expect(await codeOf(check, token())).toBe('OK')
      answer = fault
      later(601)
      asked = 0
      for (let second = 0; second < 120; second++) {
        expect(await codeOf(check, token())).toBe('OK')
        expect(await codeOf(check, token(other))).toBe('store_unavailable')
        later(1)
      }
      // After 1, 2, 4 … 60 seconds.
      expect(asked).toBeLessThanOrEqual(9)
    })
  }

  test('JWT-47 that is out leaves what was known good for a day, and then nobody can tell', async () => {
    publish(own.jwk)
    const check = fetching()
    expect(await codeOf(check, token())).toBe('OK')
    answer = () => new Response('', { status: 503 })
    later(DAY_SECONDS - 1)
    expect(await codeOf(check, token())).toBe('OK')
    later(1)
    expect(await codeOf(check, token())).toBe('store_unavailable')
  })

  test('JWT-48 that shows a new key is believed within half a minute', async () => {
    publish(own.jwk)
    const check = fetching()
    expect(await codeOf(check, token(other))).toBe('token_unverified')
    publish(own.jwk, other.jwk)
    later(30)
    expect(await codeOf(check, token(other))).toBe('OK')
    expect(asked).toBe(2)
  })

  test('JWT-49 that takes a key back is believed within ten minutes', async () => {
    publish(own.jwk, other.jwk)
    const check = fetching()
    expect(await codeOf(check, token(other))).toBe('OK')
    publish(own.jwk)
    later(600)
    expect(await codeOf(check, token(other))).toBe('token_unverified')
    expect(await codeOf(check, token())).toBe('OK')
  })
})

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1 << 16).fill(0x20)) })
}
