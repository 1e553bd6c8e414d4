// The guard as a whole: whom it lets in, by which credential, and what it answers all others.
import { beforeAll, describe, expect, test } from 'bun:test'
import { type ProtectOptions, type ProtectRecord, protect } from './index.ts'
import { formatCredential } from './issued-credential.ts'
import type { OwnOwner } from './own-store.ts'
import { AUDIENCE, NOW, type SigningIssuer, signingIssuer } from './testing/signing-issuer.ts'

const STATIC = 'a-static-key-of-more-than-32-characters'
const OWN = 'git_alices-key-of-her-own'
const RECORD = { id: 'k1', owner: 'alice', scopes: null, projects: null, expiresAt: null, revokedAt: null }
const ALICE: OwnOwner = {
  ...{ kind: 'user', id: 'alice', name: 'Alice', disabled: false },
  ...{ roles: [], scopes: ['repo:read'] },
}
let idp: SigningIssuer
let good: string
beforeAll(async () => {
  idp = await signingIssuer()
  good = await idp.token({ groups: ['git-admins'] })
})

let records: ProtectRecord[]
const guardWith = (options: Partial<ProtectOptions> = {}) => {
  records = []
  return protect({
    resource: {
      name: 'git',
      identifier: AUDIENCE,
      scopes: ['repo:read', 'repo:write'],
      rules: [
        { path: '/public', require: { public: true } },
        { path: '/admin/**', require: { roles: ['ADMIN'] } },
        { path: '/projects/:project', require: { scopes: ['repo:read'] } },
        { path: '/api/**' },
      ],
    },
    issuers: [{ name: 'corp', issuer: idp.iss, jwks: idp.jwks, roleMappings: { ADMIN: ['git-admins'] } }],
    store: {
      prefix: 'git_',
      findCredential: () => RECORD,
      findOwner: () => ALICE,
    },
    staticKeys: [{ fromEnv: 'GIT_KEY', principal: { kind: 'client', id: 'nightly' }, roles: ['ADMIN'] }],
    env: { GIT_KEY: STATIC },
    onDecision: (record) => void records.push(record),
    now: () => NOW,
    fetch: () => Promise.reject(new Error('nobody is to be asked')),
    ...options,
  })
}
type Asked = { path?: string; method?: string; headers?: Record<string, string> }
const request = ({ path = '/api/x', method = 'GET', headers = {} }: Asked = {}) => ({
  url: `https://git.example.com${path}`,
  method,
  headers: new Headers(headers),
})
const bearer = (text: string, path = '/api/x'): Asked => ({ path, headers: { Authorization: `Bearer ${text}` } })
const codeOf = (answer: object) =>
  'code' in answer ? String(answer.code) : 'outcome' in answer ? String(answer.outcome) : ''
/** An answer by its members; a Response is another object each time. */
const shown = (answer: object) => ({ ...answer, response: undefined })
const judged = async (asked: Asked, options?: Partial<ProtectOptions>) =>
  codeOf(await guardWith(options)(request(asked)))

describe('a caller is let in', () => {
  test('by a token of an issuer, with the roles that its groups map to', async () => {
    const answer = await guardWith()(request(bearer(good)))
    expect(answer).toMatchObject({
      outcome: 'allow',
      principal: { kind: 'workload', id: 'corp:machine', issuer: 'corp', subject: 'machine' },
      roles: new Set(['ADMIN']),
      scopes: new Set(),
      projects: null,
      credential: { kind: 'external', id: expect.stringMatching(/^jwt_[0-9A-Z]{26}$/) },
      resource: 'git',
    })
  })

  test('by a key in the environment, wherever a key may stand', async () => {
    for (const headers of [
      { authorization: `Bearer ${STATIC}` },
      { authorization: `Basic ${btoa(`any:${STATIC}`)}` },
      { 'x-api-key': STATIC },
    ]) {
      expect(await guardWith()(request({ headers }))).toMatchObject({
        outcome: 'allow',
        principal: { kind: 'client', id: 'nightly' },
        credential: { kind: 'static', id: 'static:GIT_KEY', expiresAt: null },
      })
    }
  })

  test('by a key of the application, as its owner', async () => {
    const answer = await guardWith()(request(bearer(OWN, '/projects/a')))
    expect(answer).toMatchObject({ outcome: 'allow', principal: { kind: 'user', id: 'alice' }, project: 'a' })
  })

  test('as anonymous where a rule is public, and not with a bad credential', async () => {
    expect(await guardWith()(request({ path: '/public' }))).toMatchObject({
      outcome: 'allow',
      principal: { kind: 'anonymous' },
      credential: undefined,
    })
    expect(await judged(bearer('nobodys', '/public'))).toBe('credential_foreign')
  })

  test('at every path where there are no rules, by whatever gives a right', async () => {
    const resource = { name: 'git', identifier: AUDIENCE }
    expect(await judged(bearer(STATIC, '/any/where'), { resource })).toBe('allow')
    expect(await judged({ path: '/any/where' }, { resource })).toBe('credential_missing')
  })
})

describe('a caller is refused', () => {
  const twice = { authorization: `Bearer ${STATIC}`, 'x-api-key': OWN }
  const rows: [because: string, asked: () => Asked | Promise<Asked>, code: string, status: number][] = [
    ['without a credential', () => ({}), 'credential_missing', 401],
    ['with two', () => ({ headers: twice }), 'credential_ambiguous', 400],
    ['with one of nobody here', () => bearer('nobodys'), 'credential_foreign', 401],
    ['with a static key but for a letter', () => bearer(`${STATIC.slice(0, -1)}t`), 'credential_foreign', 401],
    ['with a mistyped one of Countersign', () => bearer('cs_key_short'), 'credential_mistyped', 401],
    [
      'with a client secret',
      () => bearer(formatCredential('secret', new Uint8Array(32))),
      'credential_kind_refused',
      401,
    ],
    [
      'with an API key that nobody can tell',
      () => bearer(formatCredential('key', new Uint8Array(32))),
      'credential_kind_refused',
      401,
    ],
    [
      'with a token of an unregistered issuer',
      async () => bearer(await idp.token({ iss: 'https://else.example.com' })),
      'credential_foreign',
      401,
    ],
    ['with a token in another spelling', () => bearer(`${good}=`), 'token_malformed', 401],
    [
      'with a token for another resource',
      async () => bearer(await idp.token({ aud: 'https://other.example.com', groups: ['git-admins'] })),
      'audience_refused',
      401,
    ],
    [
      'with a genuine token whose groups map to nothing',
      async () => bearer(await idp.token({ groups: ['guests'] })),
      'permission_missing',
      403,
    ],
    [
      'with a genuine token of a role of that very name',
      async () => bearer(await idp.token({ groups: ['ADMIN'], roles: ['ADMIN'] })),
      'permission_missing',
      403,
    ],
    [
      'with a token that leaves its groups out',
      async () => bearer(await idp.token({ hasgroups: true })),
      'groups_overage',
      403,
    ],
    [
      'with such a token for elsewhere, like with any',
      async () => bearer(await idp.token({ hasgroups: true, aud: 'x' })),
      'audience_refused',
      401,
    ],
    ['where no rule matches', () => bearer(STATIC, '/elsewhere'), 'rule_missing', 403],
    ['without the role that the rule asks', () => bearer(OWN, '/admin/x'), 'role_missing', 403],
    ['without the scope that the rule asks', () => bearer(STATIC, '/projects/a'), 'scope_missing', 403],
    ['at a path of two readings', () => bearer(STATIC, '/api//x'), 'target_ambiguous', 400],
    ['at a path with an encoded traversal', () => bearer(STATIC, '/api/%2e%2e/admin'), 'target_malformed', 400],
    ['at a path with bytes that are no UTF-8', () => bearer(STATIC, '/api/%ff'), 'target_malformed', 400],
  ]
  for (const [because, asked, code, status] of rows) {
    test(because, async () => {
      const answer = await guardWith()(request(await asked()))
      expect(answer).toMatchObject({ outcome: 'deny', code })
      if (answer.outcome === 'deny') {
        expect(answer.response.status).toBe(status)
        expect(answer.response.headers.get('cache-control')).toBe('no-store')
        expect(answer.response.headers.has('www-authenticate')).toBe(
          status === 401 || (code !== 'groups_overage' && code !== 'rule_missing'),
        )
      }
    })
  }

  test('alike outside, whatever is wrong with the credential', async () => {
    const texts = [
      'nobodys',
      'cs_key_short',
      `${good}=`,
      await idp.token({ aud: 'x' }),
      await idp.token({ sub: undefined }),
    ]
    const bodies = await Promise.all(
      texts.map(async (text) => {
        const answer = await guardWith()(request(bearer(text)))
        return answer.outcome === 'deny'
          ? [await answer.response.text(), answer.response.headers.get('www-authenticate')]
          : []
      }),
    )
    expect(new Set(bodies.map(String)).size).toBe(1)
  })

  test('with the missing scope in the challenge', async () => {
    const answer = await guardWith()(request(bearer(STATIC, '/projects/a')))
    if (answer.outcome !== 'deny') throw new Error('not refused')
    expect(answer.response.headers.get('www-authenticate')).toContain('scope="repo:read"')
  })
})

describe('a request without a machine credential', () => {
  const absent = { absent: 'continue' as const }

  test('continues to the login of the application, whatever it asks for', async () => {
    for (const path of ['/api/x', '/admin/x', '/dashboard', '/%ff', '/a//b']) {
      expect(await judged({ path, headers: { cookie: 'session=1' } }, absent)).toBe('continue')
    }
  })

  test('is refused where it has a bad one beside its cookie', async () => {
    for (const authorization of ['Bearer nobodys', 'Bearer', `Bearer ${good}=`, 'Bearer cs_key_x', 'Digest x']) {
      expect(await judged({ headers: { authorization, cookie: 'session=1' } }, absent)).not.toBe('continue')
    }
  })

  test('is one where what is foreign passes, and a credential of ours is judged all the same', async () => {
    const passing = {
      ...absent,
      resource: { name: 'git', identifier: AUDIENCE, foreignCredentials: 'pass' as const },
    }
    expect(await judged(bearer('upstreams-own'), passing)).toBe('continue')
    expect(await judged(bearer(STATIC), passing)).toBe('allow')
    expect(await judged(bearer('cs_key_short'), passing)).toBe('credential_mistyped')
  })

  test('is refused where nothing else is said', async () => {
    expect(await judged({ headers: { cookie: 'session=1' } })).toBe('credential_missing')
  })
})

describe('a COPY or MOVE', () => {
  const asked = (destination?: string): Asked => ({
    method: 'MOVE',
    path: '/api/x',
    headers: { authorization: `Bearer ${OWN}`, ...(destination !== undefined && { destination }) },
  })
  test.each([
    ['/api/y', 'allow'],
    ['https://git.example.com/api/y', 'allow'],
    ['/admin/y', 'role_missing'],
    ['https://git.example.com/admin/y', 'role_missing'],
    ['https://other.example.com/api/y', 'destination_host_refused'],
    ['//other.example.com/api/y', 'destination_malformed'],
    ['/api/../admin/y', 'destination_malformed'],
    [undefined, 'destination_malformed'],
  ])('to %p is judged there too: %s', async (destination, expected) => {
    expect(await judged(asked(destination))).toBe(expected)
  })
})

describe('what goes wrong', () => {
  test('in a source is a refusal with 500, and lets nobody in', async () => {
    const secret = 'the text of a key'
    const answer = await guardWith({
      sha256: () => {
        throw new Error(secret)
      },
    })(request(bearer(good)))
    expect(answer).toMatchObject({ outcome: 'deny', code: 'internal_error', detail: { because: 'Error' } })
    expect(JSON.stringify([answer, records])).not.toContain(secret)
  })

  test('with the clock ends nobody late', async () => {
    expect(await judged(bearer(STATIC), { now: () => new Date(Number.NaN) })).toBe('internal_error')
  })
})

describe('a decision', () => {
  test('is told with who, what and why, and without the credential', async () => {
    const guard = guardWith()
    await guard(request(bearer(good)))
    await guard(request(bearer(STATIC, '/projects/a?token=secret')))
    await guard(request(bearer('nobodys')))
    expect(records).toMatchObject([
      { outcome: 'allow', code: undefined, principal: { id: 'corp:machine' }, path: '/api/x', method: 'GET' },
      { outcome: 'deny', code: 'scope_missing', principal: { id: 'nightly' }, path: '/projects/a' },
      { outcome: 'deny', code: 'credential_foreign', principal: undefined },
    ])
    const told = JSON.stringify(records)
    for (const text of [good, STATIC, 'nobodys', 'secret']) expect(told).not.toContain(text)
  })

  test('is answered, whatever becomes of who is told: nobody waits for it', async () => {
    const unheard = new Error('disk full')
    const hooks: NonNullable<ProtectOptions['onDecision']>[] = [
      () => {
        throw unheard
      },
      () => Promise.reject(unheard),
      () => new Promise(() => {}),
      () =>
        Object.defineProperty({}, 'then', {
          get: () => {
            throw unheard
          },
        }) as Promise<void>,
    ]
    for (const onDecision of hooks) {
      expect(await judged(bearer(STATIC), { onDecision })).toBe('allow')
      expect(await judged(bearer('nobodys'), { onDecision })).toBe('credential_foreign')
      expect(await judged({}, { onDecision, absent: 'continue' })).toBe('continue')
    }
  })

  test('stays what it is, whatever is done to what was told and answered', async () => {
    const spoil = (told: object): void => {
      for (const [name, value] of Object.entries(told)) {
        if (value instanceof Date) value.setFullYear(2100)
        else if (value instanceof Set) value.add('OWNER')
        else if (Array.isArray(value)) value.push('other')
        else if (name !== 'response' && typeof value === 'object' && value !== null) spoil(value)
        else if (name !== 'response') Reflect.set(told, name, 'spoilt')
      }
    }
    const expiresAt = new Date(NOW.getTime() + 1000)
    const record = { ...RECORD, projects: ['a'], expiresAt }
    const store = { prefix: 'git_', findCredential: () => record, findOwner: () => ALICE }
    for (const [options, asked] of [
      [{}, bearer(good)],
      [{}, bearer(STATIC)],
      [{}, bearer(STATIC, '/projects/a')],
      [{}, bearer(OWN, '/admin/x')],
      [{ store }, bearer(OWN, '/projects/a')],
    ] as const) {
      const calm = structuredClone(shown(await guardWith(options)(request(asked))))
      const guard = guardWith({ ...options, onDecision: spoil })
      const first = await guard(request(asked))
      expect(shown(first)).toEqual(calm)
      spoil(first)
      expect(shown(await guard(request(asked)))).toEqual(calm)
    }
  })
})
