// Each claim that is asked for, by what happens when it says something else.
import { describe, expect, test } from 'bun:test'
import { isDenied } from './access-rule.ts'
import { readExternalToken } from './external-token.ts'
import type { TokenPolicy } from './issuer.ts'
import type { Claims } from './jwt.ts'
import { PLATFORM_CLAIMS } from './testing/platform-claims.ts'

const IAT = 1_800_000_000
const PLAIN: TokenPolicy = {
  name: 'corp',
  issuer: 'https://idp.example.com',
  algorithms: ['ES256', 'RS256'],
  profile: 'plain',
  maxLifetimeSeconds: 3600,
  toleranceSeconds: 60,
  allowedClients: null,
  isKubernetes: false,
}
const RFC_9068: TokenPolicy = { ...PLAIN, profile: 'at+jwt' }
const CLAIMS: Claims = {
  iss: 'https://idp.example.com',
  sub: 'machine',
  aud: 'https://api.example.com',
  iat: IAT,
  exp: IAT + 600,
  jti: 'one',
  client_id: 'nightly',
}
const ABSENT = Symbol('absent')

type Words = Readonly<Record<string, unknown>>

function read(claims: Words = {}, header: Words = {}, policy = PLAIN) {
  const said = Object.fromEntries(Object.entries({ ...CLAIMS, ...claims }).filter(([, value]) => value !== ABSENT))
  const typ = policy.profile === 'at+jwt' ? 'at+jwt' : 'jwt'
  return readExternalToken({ text: '', header: { alg: 'ES256', kid: 'k', typ, ...header }, claims: said }, policy)
}

/** Why it is refused, for the operator; `ok`: it is not. */
function why(claims?: Words, header?: Words, policy?: TokenPolicy): string {
  const facts = read(claims, header, policy)
  if (!isDenied(facts)) return 'ok'
  expect(facts).toMatchObject({ code: 'external_token_refused', detail: { issuer: 'corp' } })
  return String(facts.detail.because)
}

const shown = (value: unknown) => (value === ABSENT ? 'absent' : (JSON.stringify(value)?.slice(0, 60) ?? String(value)))

test('facts are what the claims say, by the name of the issuer here', () => {
  const at = (seconds: number) => new Date((IAT + seconds) * 1000)
  const facts = read({ aud: ['a', 'b'], nbf: IAT + 5, groups: ['x'] })
  expect(facts).toEqual({
    issuer: 'corp',
    subject: 'machine',
    audiences: ['a', 'b'],
    issuedAt: at(0),
    believedFrom: at(5 - 60),
    believedUntil: at(600 + 60),
    expiresAt: at(600),
    jti: 'one',
    claims: { ...CLAIMS, aud: ['a', 'b'], nbf: IAT + 5, groups: ['x'] },
  })
})

test('it is believed from the later of nbf and iat on', () => {
  const from = (nbf: unknown) => {
    const facts = read({ nbf })
    return isDenied(facts) ? facts.code : facts.believedFrom.getTime() / 1000 - IAT
  }
  expect([ABSENT, IAT - 100, IAT, IAT + 100].map(from)).toEqual([-60, -60, -60, 40])
})

test('a jti is optional, and an aud in a list is as good as alone', () => {
  expect(read({ jti: ABSENT })).toMatchObject({ jti: undefined })
  expect(read({ aud: 'a' })).toMatchObject({ audiences: ['a'] })
})

describe('a claim is what it has to be', () => {
  const long = 'x'.repeat(513)
  const NO_DATES = [ABSENT, null, '1800000300', true, [IAT + 300], {}, IAT + 300.5, Number.POSITIVE_INFINITY, '']
  const rows: readonly [claim: string, values: readonly unknown[], because: RegExp][] = [
    [
      'iss',
      [
        ABSENT,
        '',
        null,
        ['https://idp.example.com'],
        'https://idp.example.com/',
        'https://idp.example.com:443',
        'https://IDP.example.com',
        'http://idp.example.com',
        ' https://idp.example.com',
        'https://idp.example.com.attacker.example',
        'https://idp.example.co',
        'https://ıdp.example.com',
      ],
      /^its iss is another one$/,
    ],
    ['sub', [ABSENT, '', null, 7, ['machine'], {}, true], /^its sub is missing, empty or no text$/],
    ['sub', [long, 'x'.repeat(8000)], /^its sub is longer than 512 characters$/],
    [
      'sub',
      ['a\nb', 'a\r', '\u0000', 'a\u007f', 'a\u0085b', 'a\u2028b', '\ud800', 'a\udc00b'],
      /^its sub has control characters$/,
    ],
    ['aud', [ABSENT, '', null, 7, [], [''], ['a', ''], ['a', 7], [['a']], { 0: 'a' }, true], /^its aud is missing/],
    ['aud', [Array.from({ length: 65 }, (_, at) => `a${at}`)], /^its aud lists more than 64$/],
    ['aud', [long, ['a', long], 'a\n', ['a', '\u001b]0;x\u0007'], '\ud800'], /^its aud has control characters, or is/],
    ['exp', NO_DATES, /^its exp is missing or no whole number of seconds$/],
    ['iat', NO_DATES, /^its iat is missing or no whole number of seconds$/],
    ['nbf', NO_DATES.slice(1), /^its nbf is no whole number of seconds$/],
    ['exp', [IAT, IAT - 1, 0, -1], /^its exp is not after its iat$/],
    ['exp', [IAT + 3601, IAT + 10 * 365 * 86_400], /^it lives for \d+ seconds, and this issuer's tokens may for 3600$/],
    ['iat', [IAT + 600 - 3601, 0, -1], /^it lives for \d+ seconds/],
    ['jti', ['', null, 7, ['one'], {}], /^its jti is empty or no text$/],
    ['jti', [long], /^its jti is longer than 512 characters$/],
  ]
  for (const [claim, values, because] of rows) {
    for (const value of values) {
      test(`${claim}: ${shown(value)}`, () => expect(why({ [claim]: value })).toMatch(because))
    }
  }

  const good: readonly [claim: string, value: unknown][] = [
    ['sub', 'x'.repeat(512)],
    ['sub', 'repo:octo-org/octo-repo:ref:refs/heads/main'],
    ['sub', 'Jörg 漢字 🙂, a; b'],
    ['aud', Array.from({ length: 64 }, (_, at) => `a${at}`)],
    ['aud', 'a'.repeat(512)],
    ['exp', IAT + 1],
    ['exp', IAT + 3600],
    ['jti', 'x'.repeat(512)],
    ['nbf', IAT - 3600],
  ]
  for (const [claim, value] of good) {
    test(`${claim} may be ${shown(value)}`, () => expect(why({ [claim]: value })).toBe('ok'))
  }
})

test('what only a prototype has is not said', () => {
  const claims = JSON.parse(`{"__proto__":${JSON.stringify(CLAIMS)}}`) as Claims
  for (const said of [claims, Object.create(CLAIMS) as Claims]) {
    const jwt = { text: '', header: { alg: 'ES256', kid: 'k', typ: 'jwt' }, claims: said }
    expect(readExternalToken(jwt, PLAIN)).toMatchObject({ detail: { because: 'its iss is another one' } })
  }
})

test('dates that no clock reaches are none, however long a token may live', () => {
  const policy = { ...PLAIN, maxLifetimeSeconds: Number.MAX_SAFE_INTEGER }
  const LAST = 8_640_000_000_000
  expect(why({ exp: LAST }, {}, policy)).toBe('its dates are beyond what can be told')
  expect(why({ iat: -LAST }, {}, policy)).toBe('its dates are beyond what can be told')
  expect(why({ exp: LAST - 60, iat: 60 - LAST }, {}, policy)).toBe('ok')
})

test('a limit that is no number lets nothing through', () => {
  expect(why({}, {}, { ...PLAIN, maxLifetimeSeconds: Number.NaN })).toMatch(/^it lives for 600 seconds/)
  expect(why({}, {}, { ...PLAIN, toleranceSeconds: Number.NaN })).toBe('its dates are beyond what can be told')
})

describe('the algorithm is one of the issuer’s', () => {
  for (const alg of ['none', 'HS256', 'PS256', 'es256', 'ES256 ', 'EdDSA', '__proto__']) {
    test(`not ${alg}`, () => expect(why({}, { alg })).toBe('its alg is none of ES256, RS256'))
  }
  test('RS256', () => expect(why({}, { alg: 'RS256' })).toBe('ok'))
})

describe('the kind, by the profile plain', () => {
  const typ = (value: string | undefined) => why({}, { typ: value })
  test('no typ, and those that say no more than that it is a JWT', () => {
    expect([undefined, 'jwt', 'at+jwt', 'jose'].map(typ)).toEqual(['ok', 'ok', 'ok', 'ok'])
  })
  for (const other of [
    'logout+jwt',
    'secevent+jwt',
    'dpop+jwt',
    'token-introspection+jwt',
    'countersign-assertion+jwt',
    'id+jwt',
    'jwt+x',
    'entity-statement+jwt',
  ]) {
    test(`not ${other}`, () => expect(typ(other)).toBe(`its typ is «${other}»: it is for something else`))
  }
  for (const other of ['', 'x'.repeat(65), 'a\nb', 'a b', 'ä', '«']) {
    test(`${shown(other)} is not repeated`, () =>
      expect(typ(other)).toBe('its typ is not readable: it is for something else'))
  }

  for (const sign of ['nonce', 'at_hash', 'c_hash', 's_hash']) {
    for (const value of ['x', '', null, false]) {
      test(`no ID token: ${sign} of ${shown(value)}`, () =>
        expect(why({ [sign]: value })).toBe(`it is an ID token (it has ${sign}): send an access token`))
    }
  }
  test('no event', () => {
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    expect(why({ events })).toMatch(/^it tells of an event/)
  })
  test('of Keycloak, Bearer alone', () => {
    expect(why({ typ: 'Bearer' })).toBe('ok')
    for (const purpose of ['ID', 'Refresh', 'Offline', 'Logout', 'Serialized-ID', 'bearer', 'DPoP']) {
      expect(why({ typ: purpose })).toBe(`its claim typ is «${purpose}», not Bearer: send an access token`)
    }
    for (const purpose of [null, 7, '', ['Bearer'], {}]) {
      expect(why({ typ: purpose })).toBe('its claim typ is not readable, not Bearer: send an access token')
    }
  })
})

describe('the kind, by the profile at+jwt', () => {
  const strict = (claims?: Words, header?: Words) => why(claims, header, RFC_9068)
  test('at+jwt alone', () => {
    expect(strict()).toBe('ok')
    expect(strict({}, { typ: undefined })).toBe('its typ is missing, not at+jwt')
    expect(strict({}, { typ: 'jwt' })).toBe('its typ is «jwt», not at+jwt')
    expect(strict({}, { typ: 'application/at+jwt' })).toBe('its typ is «application/at+jwt», not at+jwt')
  })
  for (const claim of ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti']) {
    test(`${claim} has to be there`, () => {
      expect(strict({ [claim]: ABSENT })).toMatch(new RegExp(`^its ${claim} is `))
      expect(strict({ [claim]: null })).toMatch(new RegExp(`^its ${claim} is `))
    })
  }
})

test('a profile that is none asks what the strict one does', () => {
  const policy = { ...PLAIN, profile: 'strict' as 'plain' }
  expect(why({}, { typ: 'jwt' }, policy)).toBe('its typ is «jwt», not at+jwt')
})

test('a token that is bound to a key is not taken for one that is not, by either profile', () => {
  for (const policy of [PLAIN, RFC_9068]) {
    for (const cnf of [{ jkt: 'x' }, { 'x5t#S256': 'x' }, {}, null]) expect(why({ cnf }, {}, policy)).toMatch(/\(cnf\)/)
  }
})

describe('where only some clients are allowed', () => {
  const by = (claims: Words, allowedClients: readonly string[] = ['nightly', 'other']) =>
    why({ client_id: ABSENT, ...claims }, {}, { ...PLAIN, allowedClients })
  for (const claim of ['azp', 'appid', 'cid', 'client_id']) {
    test(`${claim} says who fetched it`, () => {
      expect(by({ [claim]: 'nightly' })).toBe('ok')
      for (const value of ['stranger', 'Nightly', 'nightly ', '', null, 7, ['nightly']]) {
        expect(by({ [claim]: value })).toBe(`its ${claim} is none of the allowed clients`)
      }
    })
  }
  test('each that is there has to be of them, and one has to be there', () => {
    expect(by({ azp: 'nightly', client_id: 'other' })).toBe('ok')
    expect(by({ azp: 'nightly', client_id: 'stranger' })).toBe('its client_id is none of the allowed clients')
    expect(by({})).toBe('it does not say which client fetched it (azp, appid, cid, client_id)')
  })
  test('an empty list allows none', () => {
    expect(by({ azp: 'nightly' }, [])).toBe('its azp is none of the allowed clients')
  })
})

describe('tokens of clusters', () => {
  const { kubernetes, github } = PLATFORM_CLAIMS
  const cluster = { ...PLAIN, issuer: kubernetes.iss, maxLifetimeSeconds: 86_400, isKubernetes: true }
  const by = (claims: Claims, policy: TokenPolicy) =>
    readExternalToken({ text: '', header: { alg: 'RS256', kid: 'k', typ: undefined }, claims }, policy)

  test('have to say of which ServiceAccount they are', () => {
    expect(by(kubernetes, cluster)).toMatchObject({ subject: kubernetes.sub })
    const { 'kubernetes.io': _, ...without } = kubernetes
    expect(by(without, cluster)).toMatchObject({
      detail: { because: expect.stringMatching(/no ServiceAccount token/) },
    })
    expect(by(github, { ...cluster, issuer: github.iss })).toMatchObject({ code: 'external_token_refused' })
  })
  test('are of the subject that they tell of, also where the issuer is not known to be a cluster', () => {
    const forged = { ...kubernetes, sub: 'system:serviceaccount:kube-system:admin' }
    for (const isKubernetes of [true, false]) {
      expect(by(forged, { ...cluster, isKubernetes })).toMatchObject({
        detail: { because: 'its sub is not the ServiceAccount that its claim kubernetes.io names' },
      })
    }
  })
  test('are none when they come from a Secret, which is said before anything else', () => {
    const legacy = { iss: 'kubernetes/serviceaccount', sub: kubernetes.sub }
    expect(by(legacy, cluster)).toMatchObject({ detail: { because: expect.stringMatching(/ServiceAccount Secret/) } })
  })
})

describe('what real platforms sign passes the profile plain', () => {
  for (const [platform, claims] of Object.entries(PLATFORM_CLAIMS)) {
    test(platform, () => {
      const policy = { ...PLAIN, issuer: claims.iss, maxLifetimeSeconds: 86_400 }
      const jwt = { text: '', header: { alg: 'RS256', kid: 'k', typ: 'jwt' }, claims: claims as Claims }
      expect(readExternalToken(jwt, policy)).toMatchObject({ subject: claims.sub })
    })
  }
})
