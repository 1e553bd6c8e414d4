// What the application hears of sources that fail: when it began, why, and when it was over.
import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { writeAccessTokenClaims } from './access-token.ts'
import { type ProtectFault, type ProtectFetch, type ProtectOptions, protect } from './index.ts'
import { formatCredential } from './issued-credential.ts'
import { AUDIENCE, NOW, type SigningIssuer, signingIssuer } from './testing/signing-issuer.ts'

const COUNTERSIGN = 'https://auth.example.com'
const SECRET = 'the-secret-of-the-introspector'
const KEY = formatCredential('key', new Uint8Array(32).fill(7))
const OWN = 'git_alices-key-of-her-own'
const MINUTE = 60_000

let corp: SigningIssuer
let jwt: string
beforeAll(async () => {
  corp = await signingIssuer('https://idp.example.com', 'corp-1')
  jwt = await corp.token({ exp: NOW.getTime() / 1000 + 80_000 })
})

let nowMs: number
let told: ProtectFault[]
let answer: ProtectFetch
let onDecision: NonNullable<ProtectOptions['onDecision']>
let findCredential: () => undefined
beforeEach(() => {
  nowMs = NOW.getTime()
  told = []
  answer = async () => Response.json(corp.jwks)
  onDecision = () => {}
  findCredential = () => undefined
})

const trust = [{ name: 'machine', match: { sub: 'machine' }, roles: ['ADMIN'] }]
const guardOf = (options: Partial<ProtectOptions> = {}) => {
  const guard = protect({
    resource: { name: 'git', identifier: AUDIENCE },
    issuers: [{ name: 'corp', issuer: corp.iss, trust, jwksUri: 'https://idp.example.com/keys' }],
    countersign: { issuer: COUNTERSIGN, introspection: { clientId: 'git', clientSecret: SECRET }, cacheSeconds: 0 },
    store: { prefix: 'git_', findCredential: () => findCredential(), findOwner: () => undefined },
    fetch: (uri, init) => answer(uri, init),
    now: () => new Date(nowMs),
    onDecision: (record) => onDecision(record),
    onFault: (fault) => void told.push(fault),
    ...options,
    absent: 'refuse',
  })
  return async (text: string) => {
    const said = await guard(new Request('https://git.example.com/', { headers: { authorization: `Bearer ${text}` } }))
    return said.outcome === 'deny' ? said.code : said.outcome
  }
}
const failing = (code?: string) => () => {
  const error = new Error(`no way with ${SECRET} ${KEY} ${jwt}`)
  throw code === undefined ? error : Object.assign(error, { code })
}
const lines = () => told.map(({ source, state, because }) => `${source} ${state} ${because}`)

describe('an outage', () => {
  type Row = [source: string, text: () => string, fail: () => void, mend: () => void, because: string]
  const ROWS: Row[] = [
    [
      'issuer corp',
      () => jwt,
      () => {
        answer = failing('ECONNREFUSED')
      },
      () => {
        answer = async () => Response.json(corp.jwks)
      },
      'it could not be asked (ECONNREFUSED)',
    ],
    [
      'introspection',
      () => KEY,
      () => {
        answer = async () => new Response(SECRET, { status: 502 })
      },
      () => {
        answer = async () => Response.json({ active: false })
      },
      'it answered 502',
    ],
    [
      'store',
      () => OWN,
      () => {
        findCredential = failing()
      },
      () => {
        findCredential = () => undefined
      },
      'it failed (Error)',
    ],
    [
      'onDecision',
      () => KEY,
      () => {
        answer = async () => Response.json({ active: false })
        onDecision = async () => failing('ENOSPC')()
      },
      () => {
        onDecision = async () => {}
      },
      'it failed (ENOSPC)',
    ],
  ]
  for (const [source, text, fail, mend, because] of ROWS) {
    test(`of ${source} is two lines, however many meet it, and the next one two more`, async () => {
      const ask = guardOf()
      const expected: string[] = []
      for (const _ of [1, 2]) {
        fail()
        for (let at = 0; at < 5; at++) {
          nowMs += 11 * MINUTE
          await Promise.all([ask(text()), ask(text())])
        }
        expected.push(`${source} began ${because}`)
        expect(lines()).toEqual(expected)
        mend()
        for (let at = 0; at < 3; at++) {
          nowMs += 11 * MINUTE
          await ask(text())
        }
        expected.push(`${source} ended undefined`)
        expect(lines()).toEqual(expected)
      }
      expect(told[0]?.at).toEqual(new Date(NOW.getTime() + 11 * MINUTE))
    })
  }

  test('of a source that comes and goes is told every ten seconds at most', async () => {
    const ask = guardOf()
    for (let at = 0; at < 20; at++) {
      answer = async () => (at % 2 === 0 ? new Response('', { status: 500 }) : Response.json({ active: false }))
      await ask(KEY)
      nowMs += 1000
    }
    expect(lines()).toEqual([
      'introspection began it answered 500',
      'introspection ended undefined',
      'introspection began it answered 500',
      'introspection ended undefined',
    ])
  })

  test('of one source says nothing of another', async () => {
    answer = failing()
    const ask = guardOf()
    await ask(KEY)
    await ask(jwt)
    answer = async () => Response.json({ active: false })
    await ask(KEY)
    expect(lines()).toEqual([
      'introspection began it could not be asked (Error)',
      'issuer corp began it could not be asked (Error)',
      'introspection ended undefined',
    ])
  })
})

describe('of keys it is told', () => {
  const noUse = [{ kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'corp-1' }]
  const issuerWith = (keys: object): Partial<ProtectOptions> => ({
    issuers: [{ name: 'corp', issuer: corp.iss, trust, ...keys }],
  })
  const ROWS: [string, () => Partial<ProtectOptions>, () => Promise<Response>, string][] = [
    [
      'that discovery finds another issuer',
      () => issuerWith({}),
      async () => Response.json({ issuer: 'https://evil.example.com' }),
      'issuer corp began its discovery document is of https://evil.example.com, not of https://idp.example.com',
    ],
    [
      'that they are gibberish',
      () => ({}),
      async () => new Response('<html>'),
      'issuer corp began its answer is not a JSON object with "keys", a list of at most 100 keys',
    ],
    [
      'that one cannot be used',
      () => ({}),
      async () => Response.json({ keys: [...corp.jwks.keys, ...noUse] }),
      'keys of issuer corp began the key at 1 is refused: ',
    ],
    [
      'that there are none of use',
      () => ({}),
      async () => Response.json({ keys: [] }),
      'keys of issuer corp began it has none for the algorithms that are allowed',
    ],
    [
      'that pinned ones cannot be used',
      () => issuerWith({ jwks: { keys: noUse } }),
      async () => new Response(''),
      'keys of issuer corp began the key at 0 is refused: ',
    ],
    [
      'that what reads them fails',
      () => issuerWith({ readKeys: async () => failing('ENOENT')() }),
      async () => new Response(''),
      'issuer corp began it could not be read (ENOENT)',
    ],
  ]
  for (const [claim, options, answered, expected] of ROWS) {
    test(claim, async () => {
      answer = answered
      await guardOf(options())(jwt)
      expect(lines()).toEqual([expect.stringContaining(expected)])
    })
  }

  test('that those of Countersign do not come', async () => {
    answer = async () => new Response('', { status: 404 })
    const facts = {
      ...{ jti: 'at_01JABCDEFGHJKMNPQRSTVWXYZ0', subject: 'client:nightly', clientId: 'nightly', audience: AUDIENCE },
      ...{ resource: 'git', scopes: ['repos:read'], projects: null, networks: [] },
      ...{ issuedAt: NOW, expiresAt: new Date('2030-01-01T00:10:00Z'), ancestors: ['secret_1'], revision: 7 },
    }
    const countersign = await signingIssuer(COUNTERSIGN)
    await guardOf()(await countersign.token(writeAccessTokenClaims(facts, COUNTERSIGN), { typ: 'at+jwt' }))
    expect(lines()).toEqual(['countersign began it answered 404'])
  })
})

test('what was thrown is not told: it may hold what was sent', async () => {
  answer = failing(SECRET)
  findCredential = failing(KEY)
  onDecision = failing(jwt)
  const ask = guardOf()
  for (const text of [KEY, OWN, jwt]) await ask(text)
  expect(new Set(told.map(({ source }) => source))).toEqual(
    new Set(['introspection', 'store', 'issuer corp', 'onDecision']),
  )
  for (const text of [SECRET, KEY, jwt, 'no way']) expect(JSON.stringify(told)).not.toContain(text)
})

test('whoever is told may fail or hang: the answer is the same', async () => {
  findCredential = failing()
  for (const onFault of [failing(), async () => failing()(), () => new Promise<void>(() => {})]) {
    expect(await guardOf({ onFault })(OWN)).toBe('store_unavailable')
  }
})
