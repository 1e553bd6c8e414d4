// What a person may do about tokens of their own is for them alone, and never more than the token that they show.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { type MadeToken, Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

const AT_API = { resources: ['countersign'] }
const DAY_MS = 86_400_000

let stage: Stage
async function open(env: Readonly<Record<string, string>> = { COUNTERSIGN_PAT_BY_PAT: 'allow' }): Promise<void> {
  stage = await Stage.open(env)
  for (const username of ['alice', 'bob']) await stage.make('/users', { username })
  for (const resource of ['webdav', 'forge'])
    await stage.make('/permissions', { user: 'alice', resource, scopes: ['*:read'] })
}
beforeEach(() => open())
afterEach(() => stage.close())

/** Calls as alice, from an address. */
async function call(token: string, method: string, path: string, body?: unknown, from?: string) {
  const answer = await stage.send(method, path, [bearer(token)], body, from)
  const parsed = answer.body === '' ? {} : JSON.parse(answer.body)
  if (typeof parsed.token === 'string') stage.oracle.keepSecret(parsed.token)
  else stage.oracle.holdsNoSecret(answer.body, `${method} ${path}`)
  return { status: answer.status, body: parsed }
}
const refusal = async (...asked: Parameters<typeof call>) => {
  const { status, body } = await call(...asked)
  return [status, body.code, body.problems?.[0]?.path]
}
const stateOf = async ({ id }: MadeToken) => (await stage.call('GET', `/credentials/${id}`)).state

describe('a token that makes tokens', () => {
  const inADay = () => new Date(stage.test.clock.now.getTime() + DAY_MS).toISOString()
  const WIDER: Readonly<Record<string, readonly [shown: object, asked: object, field: string]>> = {
    'to another service': [AT_API, { resources: ['countersign', 'webdav'] }, 'resources'],
    'to another service instead': [AT_API, { resources: ['webdav'] }, 'resources'],
    'to another service, narrowed there': [AT_API, { resources: ['webdav'], scopes: ['files:read'] }, 'resources'],
    'to a project of another service': [AT_API, { resources: ['forge'], projects: ['a'] }, 'resources'],
    'to another scope': [{ ...AT_API, scopes: ['me:write'] }, { scopes: ['me:write', 'me:read'] }, 'scopes'],
    'to scopes that its owner lacks': [{ ...AT_API, scopes: ['me:write'] }, { scopes: ['users:write'] }, 'scopes'],
    'to a longer life': [{ ...AT_API, expires_in_days: 1 }, { expires_in_days: 2 }, 'expires_at'],
    'to a longer life, by a second': [{ ...AT_API, expires_in_days: 1 }, { expires_in_seconds: 86_402 }, 'expires_at'],
    'to any network': [local(['127.0.0.0/8']), { networks: ['0.0.0.0/0'] }, 'networks'],
    'to a wider network': [local(['127.0.0.0/8']), { networks: ['126.0.0.0/7'] }, 'networks'],
    'to another network beside its own': [
      local(['127.0.0.1/32']),
      { networks: ['127.0.0.1/32', '10.0.0.0/8'] },
      'networks',
    ],
    'to networks of the other family': [local(['127.0.0.0/8']), { networks: ['::/0'] }, 'networks'],
  }
  function local(networks: string[]) {
    return { ...AT_API, networks }
  }

  for (const [what, [shown, asked, field]] of Object.entries(WIDER)) {
    test(`ADM-05 makes none that reaches beyond it: ${what}`, async () => {
      const { token } = await stage.newToken('alice', { ...shown })
      expect(await refusal(token, 'POST', '/me/tokens', asked)).toEqual([403, 'would_escalate', field])
      expect((await stage.call('GET', '/users/alice/tokens')).items).toMatchObject([{ hint: expect.any(String) }])
    })
  }

  test('ADM-05 leaves out nothing that narrows it, nor does what that makes', async () => {
    const narrowing = {
      ...{ resources: ['countersign', 'webdav'], scopes: ['me:write', 'files:read'], networks: ['127.0.0.0/8'] },
      expires_at: inADay(),
    }
    let { token } = await stage.newToken('alice', narrowing)
    for (let generation = 0; generation < 3; generation++) {
      const { status, body } = await call(token, 'POST', '/me/tokens', {})
      expect([status, body]).toMatchObject([201, { ...narrowing, expires_at: narrowing.expires_at }])
      token = body.token
    }
    expect((await call(token, 'GET', '/me', undefined, '10.0.0.1')).status).toBe(401)
    const elsewhere = { lines: [bearer(token)], from: '192.0.2.1' }
    await stage.expect('T401', 'credential_network_refused', 'forward', elsewhere)
  })

  test('ADM-05 which is confined to a project makes none at all: it does not reach the management API', async () => {
    const { token } = await stage.newToken('alice', { resources: ['forge'], projects: ['a'] })
    for (const body of [{}, { resources: ['forge'] }, { resources: ['forge'], projects: ['a'] }]) {
      expect((await refusal(token, 'POST', '/me/tokens', body))[1]).toBe('resource_not_granted')
    }
  })

  test('ADM-05 dies with all that it made, at every service', async () => {
    const parent = await stage.newToken('alice', { resources: ['countersign', 'webdav'] })
    const { body: child } = await call(parent.token, 'POST', '/me/tokens', {})
    const { body: grandchild } = await call(child.token, 'POST', '/me/tokens', { resources: ['webdav'] })
    const asked = { lines: [bearer(String(grandchild.token))] }
    await stage.expect('OK', undefined, 'forward', asked)
    await stage.call('POST', `/credentials/${parent.id}/revoke`, {})
    await stage.expect('T401', 'credential_revoked', 'forward', asked)
    expect((await call(child.token, 'GET', '/me')).status).toBe(401)
  })

  test('ADM-06 does not outlive itself by rotation, neither its own nor another’s', async () => {
    const shown = await stage.newToken('alice', { ...AT_API, expires_in_days: 1 })
    const sibling = await stage.newToken('alice', { ...AT_API, expires_in_days: 300 })
    const end = inADay()
    stage.test.clock.advance(DAY_MS / 2)
    let { token } = shown
    for (const id of [sibling.id, shown.id]) {
      const { status, body } = await call(token, 'POST', `/me/tokens/${id}/rotate`, {})
      expect([status, body.expires_at]).toEqual([201, end.replace(/\.\d+/, '.000')])
      token = body.token
    }
    stage.test.clock.advance(DAY_MS / 2)
    expect((await call(token, 'GET', '/me')).status).toBe(401)
  })

  test('ADM-05 does not live on in its successor when it is revoked, whoever rotated it with it', async () => {
    for (const revoke of [
      (stolen: { id: string }) => stage.call('POST', `/credentials/${stolen.id}/revoke`, {}),
      (stolen: { token: string }) => stage.test.api('POST', '/api/v1/leaks', { credential: stolen.token }, null),
    ]) {
      const stolen = await stage.newToken('alice', AT_API)
      const { body: next } = await call(stolen.token, 'POST', `/me/tokens/${stolen.id}/rotate`, {})
      const { body: last } = await call(next.token, 'POST', `/me/tokens/${next.id}/rotate`, { overlap_seconds: 0 })
      expect([await stateOf(stolen), await stateOf(last)]).toEqual(['live', 'live'])
      await revoke(stolen)
      expect((await call(last.token, 'GET', '/me')).status).toBe(401)
    }
  })

  test('ADM-06 does not widen itself by rotation of another that is wider', async () => {
    const { token } = await stage.newToken('alice', { ...AT_API, networks: ['127.0.0.0/8'] })
    for (const [wide, field] of [
      [{}, 'resources'],
      [{ resources: ['countersign', 'webdav'] }, 'resources'],
      [AT_API, 'networks'],
    ] as const) {
      const other = await stage.newToken('alice', { ...wide })
      const path = `/me/tokens/${other.id}/rotate`
      expect(await refusal(token, 'POST', path, {})).toEqual([403, 'would_escalate', field])
      expect(await stateOf(other)).toBe('live')
    }
  })
})

describe('what may be made at', () => {
  test.each(['allow', 'deny'])('is not found out by asking, where PAT_BY_PAT is %s', async (COUNTERSIGN_PAT_BY_PAT) => {
    await stage.close()
    await open({ COUNTERSIGN_PAT_BY_PAT })
    const { token } = await stage.newToken('bob', AT_API)
    const answers = []
    for (const body of [
      { resources: ['webdav'] },
      { resources: ['nowhere'] },
      { resources: ['webdav'], scopes: ['files:read'] },
      { resources: ['webdav'], scopes: ['nothing:read'] },
    ]) {
      const { status, body: said } = await call(token, 'POST', '/me/tokens', body)
      answers.push(JSON.stringify([status, said]))
    }
    expect(answers[0]).toStartWith('[403,')
    expect(new Set(answers).size).toBe(1)
  })
})

describe('where tokens make no tokens', () => {
  test('ADM-05 none does, by no way, whatever its owner may', async () => {
    await stage.close()
    await open({})
    await stage.make('/users', { username: 'root', roles: ['admin'] })
    await stage.make('/users', { username: 'minter' })
    const scopes = ['credentials:write']
    await stage.make('/permissions', { user: 'minter', resource: 'countersign', scopes })
    for (const user of ['alice', 'root', 'minter']) {
      const { id, token } = await stage.newToken(user, AT_API)
      const ways: [path: string, body: object][] = [
        ['/me/tokens', {}],
        ['/me/tokens', { ...AT_API, scopes: ['me:read'], expires_in_seconds: 60 }],
        [`/me/tokens/${id}/rotate`, {}],
        [`/me/tokens/${id}/rotate`, { overlap_seconds: 0 }],
      ]
      if (user !== 'alice') ways.push([`/users/${user}/tokens`, {}], [`/credentials/${id}/rotate`, {}])
      for (const [path, body] of ways) {
        const answer = await refusal(token, 'POST', path, body)
        expect([user, path, answer[0], answer[1]]).toEqual([
          user,
          path,
          403,
          expect.stringMatching(/^(minting_refused|would_escalate)$/),
        ])
      }
      const { items } = await stage.call('GET', `/users/${user}/tokens`)
      expect(items).toMatchObject([{ id, state: 'live' }])
    }
  })
})

describe('tokens of others', () => {
  test('ADM-02 ADM-06 are not there for whoever asks about tokens of their own', async () => {
    const shown = await stage.newToken('bob', AT_API)
    const others = [
      await stage.newToken('alice', AT_API),
      await stage.newToken('alice'),
      { id: (await stage.newKey()).id, token: '' },
    ]
    for (const other of others) {
      for (const [way, body] of [
        ['revoke', {}],
        ['revoke', { family: true }],
        ['rotate', {}],
        ['rotate', { overlap_seconds: 0 }],
      ] as const) {
        const path = `/me/tokens/${other.id}/${way}`
        const { status, body: answer } = await call(shown.token, 'POST', path, body)
        const nothing = await call(shown.token, 'POST', `/me/tokens/pat_01J0000000000000000000000/${way}`, body)
        // Not even whether there is one.
        expect([path, status, answer]).toEqual([path, 404, nothing.body])
      }
      expect(await stateOf(other)).toBe('live')
    }
    const { body } = await call(shown.token, 'GET', '/me/tokens?limit=100')
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual([shown.id])
    const cursors = others.map(({ id }) => Buffer.from(JSON.stringify(id)).toString('base64url'))
    for (const query of [
      'owner=user:alice',
      'user=alice',
      'kind=key',
      ...cursors.map((cursor) => `cursor=${cursor}`),
    ]) {
      const page = await call(shown.token, 'GET', `/me/tokens?${query}`)
      expect([query, page.status === 400 || page.body.items.every((item: MadeToken) => item.id === shown.id)]).toEqual([
        query,
        true,
      ])
    }
  })

  test('ADM-01 are made by nobody who says so in a body or a header', async () => {
    const shown = await stage.newToken('bob', AT_API)
    const claims = [
      ['Remote-User', 'alice'],
      ['X-Forwarded-User', 'alice'],
      ['Countersign-Actor', 'user:alice'],
    ] as const
    const made = await stage.send('POST', '/me/tokens', [bearer(shown.token), ...claims], {})
    const body = JSON.parse(made.body)
    stage.oracle.keepSecret(body.token)
    expect(body).toMatchObject({ owner: { kind: 'user', id: 'bob' }, created_by: 'user:bob' })
    for (const field of ['owner', 'user', 'username', 'userId', 'user_id', 'created_by', 'parent', 'family']) {
      expect(await refusal(shown.token, 'POST', '/me/tokens', { [field]: 'alice' })).toEqual([
        400,
        'invalid_body',
        field,
      ])
      const nobody = await stage.send('POST', '/users/alice/tokens', claims, { [field]: 'alice' })
      expect(nobody.status).toBe(401)
    }
    expect((await stage.call('GET', '/users/alice/tokens')).items).toEqual([])
  })
})

describe('rights of which one’s own tokens are all', () => {
  /** What whoever may give permissions, but is no admin, gives to Bob and to a group of his. */
  const GIFTS = [
    ...[{ roles: ['user'] }, { scopes: ['me:read'] }, { scopes: ['me:*'] }, { scopes: ['me:read', 'me:write'] }],
    ...[{}, { roles: ['user'], scopes: ['me:*'] }],
  ]
  const REFUSED = [
    ...[{ roles: ['auditor'] }, { roles: ['admin'] }, { roles: ['user', 'auditor'] }, { scopes: ['*:read'] }],
    ...[{ scopes: ['*:write'] }, { scopes: ['me:*', '*:read'] }, { roles: ['user'], scopes: ['users:read'] }],
    ...[{ scopes: ['users:*'] }, { roles: ['user'], scopes: ['decisions:*'] }, { scopes: ['credentials:write'] }],
  ]

  test('ADM-06 are given without an admin, and in no mix are they more', async () => {
    await stage.make('/clients', { id: 'giver' })
    await stage.make('/permissions', { client: 'giver', resource: 'countersign', scopes: ['permissions:write'] })
    const giver = (await stage.newKey('giver', AT_API)).key
    await stage.make('/groups', { name: 'team' })
    await stage.make('/users', { username: 'eve', roles: [], groups: ['team'] })
    const { token } = await stage.newToken('eve', AT_API)
    const give = (holder: object, rights: object) =>
      call(giver, 'POST', '/permissions', { ...holder, ...rights, resource: 'countersign' })
    for (const holder of [{ user: 'eve' }, { group: 'team' }]) {
      for (const gift of GIFTS) expect([gift, (await give(holder, gift)).status]).toEqual([gift, 201])
      for (const more of REFUSED) expect([more, (await give(holder, more)).status]).toEqual([more, 403])
    }
    const { body } = await call(token, 'GET', '/me')
    expect(body).toMatchObject({ roles: ['user'], scopes: ['me:read', 'me:write'] })
    for (const path of ['/users', '/groups', '/clients', '/permissions', '/credentials', '/resources', '/decisions']) {
      expect((await refusal(token, 'GET', path))[1]).toBe('scope_missing')
    }
  })

  test('ADM-06 make their holder nobody whom only an admin may alter; one right more does', async () => {
    await stage.make('/clients', { id: 'registrar' })
    const scopes = ['users:write', 'credentials:write']
    await stage.make('/permissions', { client: 'registrar', resource: 'countersign', scopes })
    const { key } = await stage.newKey('registrar', AT_API)
    const alter = (body: object) => refusal(key, 'PATCH', '/users/bob', body)
    expect((await alter({ name: 'Robert', roles: ['user'], password: 'a new password' }))[0]).toBe(200)
    expect((await alter({ roles: [] }))[0]).toBe(200)
    expect((await alter({ roles: ['user'] }))[0]).toBe(200)
    expect((await alter({ roles: ['user', 'auditor'] }))[1]).toBe('would_escalate')
    const { id } = await stage.make('/permissions', {
      user: 'bob',
      resource: 'countersign',
      scopes: ['decisions:read'],
    })
    for (const body of [{}, { name: 'Bob' }, { roles: [] }, { disabled: true }, { password: null }]) {
      expect((await alter(body))[1]).toBe('would_escalate')
    }
    expect((await refusal(key, 'POST', '/users/bob/tokens', {}))[1]).toBe('would_escalate')
    await stage.call('DELETE', `/permissions/${id}`)
    expect((await alter({ name: 'Bob' }))[0]).toBe(200)
  })
})
