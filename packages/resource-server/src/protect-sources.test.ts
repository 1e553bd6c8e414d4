// Every kind of credential side by side: each is believed by its own source alone, none falls back to another, and what
// fails lets nobody in.
import { beforeAll, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import fc from 'fast-check'
import { writeAccessTokenClaims } from './access-token.ts'
import { formatCredential } from './issued-credential.ts'
import type { OwnCredential, OwnOwner } from './own-store.ts'
import { protect } from './protect.ts'
import type { ProtectRecord } from './protect-answer.ts'
import type { ProtectOptions } from './protect-options.ts'
import { REFUSALS, type RefusalCode } from './refusals.ts'
import { AUDIENCE, NOW, type SigningIssuer, signingIssuer } from './testing/signing-issuer.ts'

const COUNTERSIGN = 'https://auth.example.com'
const STATIC = 'a-static-key-of-forty-characters-0123456'
const OWN = 'acme_0123456789abcdef'
const KEY = formatCredential('key', new Uint8Array(32).fill(7))
const ACTIVE = {
  ...{ active: true, scope: 'repos:read', client_id: 'nightly', sub: 'client:nightly', aud: AUDIENCE },
  ...{ jti: 'key_1', roles: [], groups: [], projects: null },
}
const RULES = [
  { path: '/public/**', require: { public: true as const } },
  { path: '/admin/**', require: { roles: ['ADMIN'] } },
  { path: '/write/**', require: { scopes: ['repos:write'] } },
  { path: '/inside/**', require: { networks: ['10.0.0.0/8'] } },
  { path: '/p/:project/**' },
  { path: '/look-up/**', require: { project: 'any' as const } },
  { path: '/api/**' },
]

let corp: SigningIssuer
let countersign: SigningIssuer
let stranger: SigningIssuer
beforeAll(async () => {
  corp = await signingIssuer('https://idp.example.com', 'corp-1')
  countersign = await signingIssuer(COUNTERSIGN, 'cs-1')
  stranger = await signingIssuer(corp.iss, 'corp-1')
})

let now: Date
let credential: OwnCredential
let owner: OwnOwner
let asked: URLSearchParams[]
let introspection: object
let records: ProtectRecord[]
beforeEach(() => {
  now = NOW
  credential = { id: 'k1', owner: 'alice', scopes: null, projects: null, expiresAt: null, revokedAt: null }
  owner = {
    ...{ kind: 'user', id: 'alice', name: 'Alice', email: 'alice@example.com', disabled: false },
    ...{ roles: ['reader'], scopes: ['repos:read', 'repos:write'] },
  }
  asked = []
  introspection = ACTIVE
  records = []
})

const options = (changed: Partial<ProtectOptions> = {}): ProtectOptions => ({
  resource: { name: 'git', identifier: AUDIENCE, scopes: ['repos:read', 'repos:write'], rules: RULES },
  issuers: corpWith({ jwks: corp.jwks }),
  countersign: {
    issuer: COUNTERSIGN,
    keys: keysOf(countersign),
    introspection: { clientId: 'git', clientSecret: 's' },
  },
  store: { prefix: 'acme_', findCredential: () => credential, findOwner: () => owner },
  staticKeys: [{ fromEnv: 'GIT_KEY', principal: { kind: 'client', id: 'backup' }, roles: ['ADMIN'] }],
  env: { GIT_KEY: STATIC },
  now: () => now,
  fetch: async (_uri, init) => {
    asked.push(new URLSearchParams(init.body ?? ''))
    return Response.json(introspection)
  },
  onDecision: (record) => void records.push(record),
  ...changed,
})
const corpWith = (keys: object) => {
  const trust = [{ name: 'machine', match: { sub: 'machine' }, scopes: ['repos:read'] }]
  return [{ name: 'corp', issuer: corp.iss, trust, ...keys }]
}
const keysOf = ({ jwks }: SigningIssuer) => jwks as NonNullable<NonNullable<ProtectOptions['countersign']>['keys']>
const requestOf = (path: string, headers: Record<string, string>) =>
  new Request(`https://git.example.com${path}`, { headers })
const ask = (path: string, headers: Record<string, string> = {}, changed: Partial<ProtectOptions> = {}) =>
  protect(options(changed))(requestOf(path, headers))
const bearer = (text: string) => ({ authorization: `Bearer ${text}` })
const said = async (answering: ReturnType<typeof ask>) => {
  const answer = await answering
  return answer.outcome === 'deny' ? answer.code : answer.outcome
}
const FACTS = {
  ...{ jti: 'at_01JABCDEFGHJKMNPQRSTVWXYZ0', subject: 'client:nightly', clientId: 'nightly', audience: AUDIENCE },
  ...{ resource: 'git', scopes: ['repos:read'], projects: null as string[] | null, networks: [] as string[] },
  ...{ issuedAt: NOW, expiresAt: new Date('2030-01-01T00:10:00Z'), ancestors: ['secret_1'], revision: 7 },
}
const accessToken = (facts: Partial<typeof FACTS> & { permittedProjects?: string[] } = {}, typ = 'at+jwt') =>
  countersign.token(writeAccessTokenClaims({ ...FACTS, ...facts }, COUNTERSIGN), { typ })
const seconds = NOW.getTime() / 1000

type Text = () => string | Promise<string>
/** A good credential of each kind, and whom it stands for. */
const GOOD: Record<string, { readonly text: Text; readonly stands: object }> = {
  external: {
    text: () => corp.token(),
    stands: {
      principal: { kind: 'workload', id: 'corp:machine', issuer: 'corp', subject: 'machine' },
      ...{ scopes: new Set(['repos:read']), roles: new Set(), client: undefined },
      credential: { kind: 'external', id: expect.stringMatching(/^jwt_/), expiresAt: new Date('2030-01-01T00:11:00Z') },
    },
  },
  access_token: {
    text: () => accessToken(),
    stands: {
      ...{ principal: { kind: 'client', id: 'nightly', name: 'nightly' }, client: 'nightly' },
      ...{ scopes: new Set(['repos:read']), roles: new Set() },
      credential: { kind: 'access_token', id: FACTS.jti, expiresAt: FACTS.expiresAt },
    },
  },
  issued: {
    text: () => KEY,
    stands: {
      ...{ principal: { kind: 'client', id: 'nightly', name: 'nightly' }, client: 'nightly' },
      ...{ scopes: new Set(['repos:read']), roles: new Set() },
      credential: { kind: 'issued', id: 'key_1', expiresAt: null },
    },
  },
  own: {
    text: () => OWN,
    stands: {
      ...{ principal: { kind: 'user', id: 'alice', name: 'Alice', email: 'alice@example.com' }, client: undefined },
      ...{ scopes: new Set(['repos:read', 'repos:write']), roles: new Set(['reader']) },
      credential: { kind: 'own', id: 'k1', expiresAt: null },
    },
  },
  static: {
    text: () => STATIC,
    stands: {
      ...{ principal: { kind: 'client', id: 'backup', name: 'backup' }, client: 'backup' },
      ...{ scopes: new Set(), roles: new Set(['ADMIN']) },
      credential: { kind: 'static', id: 'static:GIT_KEY', expiresAt: null },
    },
  },
}

for (const [kind, { text: textOf, stands }] of Object.entries(GOOD)) {
  describe(kind, () => {
    test('is believed as Bearer, in Basic and in X-Api-Key', async () => {
      const text = await textOf()
      for (const headers of [bearer(text), { authorization: `Basic ${btoa(`any:${text}`)}` }, { 'x-api-key': text }]) {
        const answer: unknown = await ask('/api/x', headers)
        expect(answer).toEqual({ outcome: 'allow', projects: null, project: undefined, resource: 'git', ...stands })
      }
    })

    test('is refused beside any other, of its kind or not', async () => {
      for (const other of Object.values(GOOD)) {
        const headers = { ...bearer(await textOf()), 'x-api-key': await other.text() }
        expect(await said(ask('/api/x', headers))).toBe('credential_ambiguous')
      }
    })

    test('is in no decision, and in no answer', async () => {
      const text = await textOf()
      for (const path of ['/api/x', '/admin/x', '/write/x', '/nowhere', '/p/a/x']) {
        const answer = await ask(path, bearer(text))
        const told = answer.outcome === 'deny' ? await answer.response.text() : ''
        expect(`${JSON.stringify(answer)}${told}${JSON.stringify(records)}`).not.toContain(text.slice(5, 25))
      }
    })
  })
}

describe('a bad credential is refused, where absent ones continue as well', () => {
  const ROWS: [string, Text, RefusalCode][] = [
    [
      'a token whose end comes before its beginning',
      () => corp.token({ exp: seconds - 100 }),
      'external_token_refused',
    ],
    ['a token that ended', () => corp.token({ iat: seconds - 90, exp: seconds - 60 }), 'credential_expired'],
    ['a token for another audience', () => corp.token({ aud: 'https://other.example.com' }), 'audience_refused'],
    ['a token of somebody else', () => corp.token({ sub: 'stranger' }), 'trust_rule_missing'],
    [
      'a token with another signature',
      async () => `${(await corp.token()).slice(0, -8)}AAAAAAAA`,
      'external_token_refused',
    ],
    ['a token in another spelling', async () => `${await corp.token()}=`, 'token_malformed'],
    ['a token by no key', () => corp.token({}, { kid: 'none' }), 'external_token_refused'],
    ['a token by a key of the same name', () => stranger.token(), 'external_token_refused'],
    ['a token of another issuer', () => corp.token({ iss: 'https://evil.example.com' }), 'credential_foreign'],
    [
      'a token of corp that says it is of Countersign',
      () => corp.token({ iss: COUNTERSIGN }),
      'credential_kind_refused',
    ],
    [
      'a token of Countersign that says it is of corp',
      () => countersign.token({ iss: corp.iss }),
      'external_token_refused',
    ],
    [
      'an access token for another resource',
      () => accessToken({ audience: 'https://other.example.com' }),
      'audience_refused',
    ],
    ['an access token that ended', () => accessToken({ issuedAt: new Date(0), expiresAt: NOW }), 'credential_expired'],
    ['an access token of another network', () => accessToken({ networks: ['10.0.0.0/8'] }), 'client_address_unknown'],
    ['another JWT of Countersign', () => accessToken({}, 'countersign-assertion+jwt'), 'credential_kind_refused'],
    ['a mistyped key', () => KEY.slice(0, -1), 'credential_mistyped'],
    ['a client secret', () => formatCredential('secret', new Uint8Array(32).fill(7)), 'credential_kind_refused'],
    ['a static key and a letter', () => `${STATIC}6`, 'credential_foreign'],
    ['what nobody knows', () => 'somebody-elses', 'credential_foreign'],
  ]
  for (const [name, textOf, expected] of ROWS) {
    test(`${name}: ${expected}`, async () => {
      const headers = { ...bearer(await textOf()), cookie: 'session=1' }
      for (const absent of ['refuse', 'continue'] as const) {
        for (const path of ['/api/x', '/public/x']) {
          const answer = await ask(path, headers, { absent })
          if (answer.outcome !== 'deny') throw new Error(answer.outcome)
          expect([answer.code, answer.response.status]).toEqual([expected, REFUSALS[expected].status])
        }
      }
    })
  }

  test('any other text', async () => {
    const guard = protect(options({ absent: 'continue' }))
    const text = fc.oneof(fc.stringMatching(/^[ -~]{1,40}$/), fc.stringMatching(/^(Bearer|Basic|Digest) [ -~]{0,40}$/))
    const shown = fc.record({ name: fc.constantFrom('authorization', 'x-api-key'), value: text })
    await fc.assert(
      fc.asyncProperty(shown, async ({ name, value }) => {
        return (await guard(requestOf('/api/x', { [name]: value }))).outcome === 'deny'
      }),
    )
  })

  test('also where foreign ones pass, if it says that it is of an issuer here', async () => {
    const changed = {
      resource: { ...options().resource, foreignCredentials: 'pass' as const },
      absent: 'continue' as const,
    }
    expect(await said(ask('/api/x', bearer('somebody-elses'), changed))).toBe('continue')
    expect(await said(ask('/api/x', bearer(`${await corp.token()}=`), changed))).toBe('token_malformed')
    expect(await said(ask('/api/x', { ...bearer('somebody-elses'), 'x-api-key': STATIC }, changed))).toBe('allow')
  })
})

describe('projects', () => {
  test('that a key is confined to are all that it reaches', async () => {
    credential = { ...credential, projects: ['a'] }
    expect(await ask('/p/a/x', bearer(OWN))).toMatchObject({ outcome: 'allow', projects: ['a'], project: 'a' })
    expect(await said(ask('/p/b/x', bearer(OWN)))).toBe('project_not_granted')
    expect(await said(ask('/api/x', bearer(OWN)))).toBe('project_not_captured')
    expect(await ask('/look-up/x', bearer(OWN))).toMatchObject({ outcome: 'allow', projects: ['a'] })
  })

  test('of an access token are those that it and its owner have', async () => {
    const text = await accessToken({ projects: ['a', 'b'], permittedProjects: ['b', 'c'] })
    const reached = await Promise.all(['a', 'b', 'c'].map((project) => said(ask(`/p/${project}/x`, bearer(text)))))
    expect(reached).toEqual(['project_not_granted', 'allow', 'project_not_granted'])
    expect(await ask('/look-up/x', bearer(text))).toMatchObject({ projects: ['b'] })
  })

  test('of an opaque credential are those that Countersign says', async () => {
    introspection = { ...ACTIVE, projects: ['a'] }
    const reached = await Promise.all(['a', 'b'].map((project) => said(ask(`/p/${project}/x`, bearer(KEY)))))
    expect(reached).toEqual(['allow', 'project_not_granted'])
    expect(await said(ask('/public/x', bearer(KEY)))).toBe('project_not_captured')
    introspection = { ...ACTIVE, projects: [] }
    expect(await said(ask('/look-up/x', bearer(KEY)))).toBe('project_not_granted')
  })
})

test('what Countersign says of scopes of another resource gives nothing', async () => {
  introspection = { ...ACTIVE, scope: 'other:x' }
  expect(await said(ask('/api/x', bearer(KEY)))).toBe('permission_missing')
  expect(await said(ask('/api/x', bearer(await accessToken({ scopes: ['other:x'] }))))).toBe('permission_missing')
})

describe('an address', () => {
  const from = async (text: string, path: string, clientAddress?: string) => {
    const answer = await protect(options())(requestOf(path, bearer(text)), { clientAddress })
    return answer.outcome === 'deny' ? answer.code : answer.outcome
  }

  test('is what the application says, and judged by rules and tokens', async () => {
    const bound = await accessToken({ networks: ['10.0.0.0/8'] })
    expect(await from(OWN, '/inside/x', '10.1.2.3')).toBe('allow')
    expect(await from(OWN, '/inside/x', '192.0.2.1')).toBe('network_refused')
    expect(await from(OWN, '/inside/x', 'nonsense')).toBe('client_address_unknown')
    expect(await from(bound, '/api/x', '10.1.2.3')).toBe('allow')
    expect(await from(bound, '/api/x', '192.0.2.1')).toBe('credential_network_refused')
  })

  test('is told to Countersign, where it is one', async () => {
    await from(KEY, '/api/x', '10.1.2.3')
    await from(KEY, '/api/x', 'nonsense')
    expect(asked.map((form) => form.get('client_address'))).toEqual(['10.1.2.3', null])
  })
})

describe('when something fails, nobody is let in', () => {
  const broken = () => {
    throw new Error(`it failed at ${STATIC}`)
  }
  const store = { prefix: 'acme_', findCredential: () => credential, findOwner: () => owner }
  const recognising = { findCredential: broken, findOwner: broken, recognise: broken }
  const ROWS: [string, () => Partial<ProtectOptions>, Text, number][] = [
    ['the store', () => ({ store: { ...store, findCredential: broken } }), () => OWN, 503],
    ['the store, later', () => ({ store: { ...store, findCredential: async () => broken() } }), () => OWN, 503],
    ['the store of owners', () => ({ store: { ...store, findOwner: async () => broken() } }), () => OWN, 503],
    ['what recognises', () => ({ store: recognising, staticKeys: [] }), () => OWN, 500],
    ['introspection', () => ({ fetch: broken }), () => KEY, 503],
    ['introspection, later', () => ({ fetch: async () => broken() }), () => KEY, 503],
    [
      'the keys of Countersign',
      () => ({ fetch: broken, countersign: { issuer: COUNTERSIGN } }),
      () => accessToken(),
      503,
    ],
    ['discovery', () => ({ fetch: broken, issuers: corpWith({}) }), () => corp.token(), 503],
    [
      'a jwks_uri',
      () => ({ fetch: broken, issuers: corpWith({ jwksUri: `${corp.iss}/keys` }) }),
      () => corp.token(),
      503,
    ],
    ['what reads keys', () => ({ issuers: corpWith({ readKeys: async () => broken() }) }), () => corp.token(), 503],
    ['what reads keys, at once', () => ({ issuers: corpWith({ readKeys: broken }) }), () => corp.token(), 503],
    ['the digest', () => ({ sha256: broken }), () => OWN, 500],
    ['the clock', () => ({ now: broken }), () => OWN, 500],
    ['a clock that tells no time', () => ({ now: () => new Date(Number.NaN) }), () => OWN, 500],
  ]
  for (const [name, changed, textOf, status] of ROWS) {
    test(`${name}: ${status}, and nothing of what it said is told`, async () => {
      for (const absent of ['refuse', 'continue'] as const) {
        const answer = await ask('/api/x', bearer(await textOf()), { ...changed(), absent })
        if (answer.outcome !== 'deny') throw new Error(answer.outcome)
        expect(answer.response.status).toBe(status)
        expect(JSON.stringify([answer.detail, records]) + (await answer.response.text())).not.toContain(STATIC)
      }
    })
  }

  test('headers that cannot be read are no way in', async () => {
    const request = { url: 'https://git.example.com/public/x', method: 'GET', headers: { get: broken } }
    const answer = await protect(options({ absent: 'continue' }))(request)
    expect(answer).toMatchObject({ outcome: 'deny', code: 'internal_error' })
  })
})

describe('a token that was verified', () => {
  test('is remembered: its signature is checked once', async () => {
    const checks = spyOn(crypto.subtle, 'verify')
    const guard = protect(options())
    for (const text of [await corp.token(), await accessToken()]) {
      checks.mockClear()
      const [first, second] = [
        await guard(requestOf('/api/x', bearer(text))),
        await guard(requestOf('/api/x', bearer(text))),
      ]
      expect(first.outcome).toBe('allow')
      expect(second).toEqual(first)
      expect(checks).toHaveBeenCalledTimes(1)
    }
    checks.mockRestore()
  })

  test('ends all the same', async () => {
    const guard = protect(options())
    const request = requestOf('/api/x', bearer(await corp.token()))
    expect((await guard(request)).outcome).toBe('allow')
    now = new Date('2030-01-01T00:11:00Z')
    expect(await guard(request)).toMatchObject({ code: 'credential_expired' })
  })

  test('is refused once its issuer no longer shows the key', async () => {
    let published: object = corp.jwks
    const guard = protect(options({ issuers: corpWith({ readKeys: async () => published }) }))
    const request = requestOf('/api/x', bearer(await corp.token()))
    expect((await guard(request)).outcome).toBe('allow')
    published = stranger.jwks
    now = new Date(NOW.getTime() + 9000)
    expect(await guard(request)).toMatchObject({ code: 'external_token_refused' })
  })

  test('of Countersign is refused once Countersign no longer shows the key', async () => {
    let published: object = countersign.jwks
    const fetch = async () => Response.json(published)
    const guard = protect(options({ fetch, countersign: { issuer: COUNTERSIGN } }))
    const expiresAt = new Date('2030-01-01T01:00:00Z')
    const request = requestOf('/api/x', bearer(await accessToken({ expiresAt })))
    expect((await guard(request)).outcome).toBe('allow')
    published = stranger.jwks
    now = new Date(NOW.getTime() + 600_000)
    expect(await guard(request)).toMatchObject({ code: 'token_unverified' })
  })

  test('is refused once its trust rule is over', async () => {
    const expiresAt = new Date(NOW.getTime() + 1000)
    const trust = [{ name: 'machine', match: { sub: 'machine' }, roles: ['ADMIN'], expiresAt }]
    const guard = protect(options({ issuers: corpWith({ jwks: corp.jwks, trust }) }))
    const request = requestOf('/api/x', bearer(await corp.token()))
    expect((await guard(request)).outcome).toBe('allow')
    now = expiresAt
    const detail = { nearest: 'machine', claim: 'expires_at' }
    expect(await guard(request)).toMatchObject({ code: 'trust_rule_missing', detail })
  })
})
