// Personal access tokens: made by their owner or for them, narrowed, listed, rotated and revoked.

import { beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS, type Json, START, type StartedApi, startApi, withCanister } from './support.test.ts'

const FORGE = {
  ...{ name: 'forge', identifier: 'https://forge.example.com', hosts: ['forge.example.com'] },
  ...{ scopes: ['repo:read', 'repo:write'], rules: [{ path: '/:project/**', require: { scopes: ['repo:read'] } }] },
}

let started: StartedApi
/** Alice reads webdav by her group and may everything at forge; Bob is nobody in particular. */
async function open(settings: Parameters<typeof startApi>[0] = {}): Promise<void> {
  started = await startApi(settings)
  await withCanister(started)
  const { ok } = started
  await ok('POST', '/resources', { body: FORGE })
  await ok('POST', '/users', { body: { username: 'alice', name: 'Alice', groups: ['media'] } })
  await ok('POST', '/users', { body: { username: 'bob' } })
  await ok('POST', '/permissions', { body: { user: 'alice', resource: 'forge', scopes: ['repo:*'], roles: ['dev'] } })
}
beforeEach(() => open())

const AT_API = { resources: ['countersign'] }
const inDays = (days: number) => new Date(START.getTime() + days * DAY_MS).toISOString()
const laterBy = (ms: number) => {
  started.time.now = new Date(START.getTime() + ms)
}
const make = (body: object = {}, as?: string, user = 'alice'): Promise<Json> =>
  started.ok('POST', `/users/${user}/tokens`, { body, ...(as !== undefined && { as }) })
const refused = async (method: string, path: string, body?: object, as?: string) => {
  const answer = await started.call(method, path, { ...(body && { body }), ...(as !== undefined && { as }) })
  const { code, problems } = answer.body
  return [answer.refusal ?? code, ...(problems ?? []).map((problem) => problem.path)]
}
const mine = (body: object, as: string) => started.ok('POST', '/me/tokens', { body, as })
const mintMine = (body: object, as: string) => refused('POST', '/me/tokens', body, as)
const stateOf = async (id: string) => (await started.ok('GET', `/credentials/${id}`)).state
const revoke = (id: string, body: object = {}) => started.ok('POST', `/credentials/${id}/revoke`, { body })

describe('a token', () => {
  test('of which nothing is said may what its owner may, for 90 days', async () => {
    const token = await make()
    expect(token.token).toMatch(/^cs_pat_[0-9A-Za-z]{49}$/)
    expect(token.id).toMatch(/^pat_/)
    expect(token).toMatchObject({
      ...{ kind: 'pat', owner: { kind: 'user', id: 'alice' }, name: null, full: true, state: 'live' },
      ...{ resources: null, scopes: null, projects: null, networks: null, parent: null, family: token.id },
      ...{ expires_at: inDays(90), created_by: 'client:bootstrap', last_used_at: null, last_used_from: null },
    })
    expect(token).not.toHaveProperty('key')
  })

  test('says how far it reaches', async () => {
    const narrowing = { resources: ['forge'], scopes: ['repo:read'], projects: ['a/b'], networks: ['10.0.0.0/8'] }
    expect(await make({ ...narrowing, name: 'ci' })).toMatchObject({ ...narrowing, name: 'ci', full: false })
    for (const some of [{ resources: ['forge'] }, { scopes: ['repo:read'] }]) {
      expect(await make(some)).toMatchObject({ full: false })
    }
    expect(await make({ networks: ['10.0.0.0/8'] })).toMatchObject({ full: true })
  })

  test.each([
    [{ expires_in_days: 30 }, inDays(30)],
    [{ expires_in_days: 366 }, inDays(366)],
    [{ expires_in_seconds: 60 }, new Date(START.getTime() + 60_000).toISOString()],
    [{ expires_at: '2030-02-01T00:00:00.9+01:00' }, '2030-01-31T23:00:00.000Z'],
  ])('ends when it was asked to: %j', async (body, expires_at) => {
    expect(await make(body)).toMatchObject({ expires_at })
  })

  test.each([
    [{ expires_in_days: 367 }, 'expires_in_days'],
    [{ expires_at: '2040-01-01T00:00:00Z' }, 'expires_at'],
    [{ expires_at: '2030-01-31T12:00:00Z' }, 'expires_at'],
    [{ expires_at: null }, 'expires_at'],
    [{ expires_in_days: 0 }, 'expires_in_days'],
    [{ expires_in_days: 1, expires_in_seconds: 1 }, 'expires_in_seconds'],
    [{ expires_in_days: 1, not_before: '2030-03-01T00:00:00Z' }, 'not_before'],
    [{ resources: [] }, 'resources'],
    [{ scopes: [] }, 'scopes'],
    [{ resources: ['forge'], projects: [] }, 'projects'],
    [{ resources: ['nope'] }, 'resources[0]'],
    [{ projects: ['a'] }, 'resources'],
    [{ resources: ['forge', 'webdav'], projects: ['a'] }, 'resources'],
    [{ resources: ['countersign'], projects: ['a'] }, 'projects'],
    [{ resources: ['webdav'], scopes: ['repo:read'] }, 'scopes[0]'],
    [{ scopes: ['*:read'] }, 'scopes[0]'],
    [{ networks: ['10.0.0.1/8'] }, 'networks[0]'],
    [{ owner: { kind: 'user', id: 'bob' } }, 'owner'],
    [{ kind: 'key' }, 'kind'],
    [{ parent: null }, 'parent'],
    [{ family: 'pat_0' }, 'family'],
    [{ full: true }, 'full'],
    [{ name: 'two\nlines' }, 'name'],
  ])('%j is refused at %s', async (body, at) => {
    expect(await refused('POST', '/users/alice/tokens', body)).toEqual(['invalid_body', at])
  })

  test('may name a scope of any resource that its owner reaches, by a group too', async () => {
    expect(await make({ scopes: ['files:read', 'repo:write'] })).toMatchObject({ resources: null })
    expect(await refused('POST', '/users/bob/tokens', { scopes: ['files:read'] })).toEqual([
      'invalid_body',
      'scopes[0]',
    ])
  })

  test('lives as long as the configuration says, by default and at most', async () => {
    await open({ patTtlDays: 7, maxPatTtlDays: 14, maxKeyTtlDays: 1 })
    expect(await make()).toMatchObject({ expires_at: inDays(7) })
    expect(await make({ expires_in_days: 14 })).toMatchObject({ expires_at: inDays(14) })
    const tooLong = await started.call('POST', '/users/alice/tokens', { body: { expires_in_days: 15 } })
    expect(tooLong.body.problems).toEqual([
      {
        path: 'expires_in_days',
        message: 'expected at most 14 days, the longest life of a personal access token here',
      },
    ])
  })

  test('of nobody is not found', async () => {
    expect(await refused('POST', '/users/nobody/tokens', {})).toEqual(['not_found'])
    expect(await refused('GET', '/users/nobody/tokens')).toEqual(['not_found'])
    expect(await refused('POST', '/users/canister/tokens', {})).toEqual(['not_found'])
    expect(await refused('POST', '/users/nobody/revoke-credentials', {})).toEqual(['not_found'])
  })

  test('is listed with its hint and without itself', async () => {
    const token = await make({ name: 'ci' })
    await make({}, undefined, 'bob')
    const hint = `cs_pat_…${token.token.slice(-4)}`
    const { token: text, ...shown } = token
    for (const path of ['/users/alice/tokens', '/credentials?kind=pat&owner=user:alice']) {
      expect<unknown>((await started.ok('GET', path)).items).toEqual([{ ...shown, hint }])
    }
    expect(started.answers.filter((answer) => answer.text.includes(text)).length).toBe(1)
    expect((await started.ok('GET', '/clients/canister/keys')).items).toEqual([])
    expect((await started.ok('GET', '/credentials?kind=key')).items).toEqual([])
  })

  test('has the state that a decision would find', async () => {
    const ids = {
      live: (await make()).id,
      expired: (await make({ expires_in_seconds: 60 })).id,
      not_yet_valid: (await make({ not_before: inDays(9) })).id,
      revoked: (await make()).id,
    }
    await revoke(ids.revoked)
    laterBy(60_000)
    for (const [state, id] of Object.entries(ids)) {
      expect(await stateOf(id)).toBe(state)
      const { items } = await started.ok('GET', `/credentials?state=${state}`)
      expect(items.map((item) => item.id)).toEqual([id])
    }
    await started.ok('PATCH', '/users/alice', { body: { disabled: true } })
    expect(await stateOf(ids.live)).toBe('owner_disabled')
    await started.ok('DELETE', '/users/alice')
    expect(await stateOf(ids.live)).toBe('owner_disabled')
  })
})

describe('whoever makes tokens of their own', () => {
  test('does it with no token, unless the setting says so', async () => {
    const { token } = await make(AT_API)
    expect(await mintMine(AT_API, token)).toEqual(['minting_refused'])
    await open({ patByPat: true })
    const again = await make(AT_API)
    expect(await mine({ name: 'child' }, again.token)).toMatchObject({ ...AT_API, parent: again.id, full: false })
  })

  test('needs administrators for it where these alone make tokens', async () => {
    await open({ patByPat: true, patCreation: 'admin' })
    const { token, id } = await make(AT_API)
    expect(await mintMine(AT_API, token)).toEqual(['minting_refused'])
    expect(await refused('POST', `/me/tokens/${id}/rotate`, {}, token)).toEqual(['minting_refused'])
    await started.ok('POST', `/me/tokens/${id}/revoke`, { body: {}, as: token })
    expect(await stateOf(id)).toBe('revoked')
    await started.ok('PATCH', '/users/alice', { body: { roles: ['admin'] } })
    const admin = await make(AT_API)
    expect(await mine({}, admin.token)).toMatchObject({ parent: admin.id })
  })

  describe('with a token, where that is allowed', () => {
    const bound = { resources: ['countersign', 'forge'], scopes: ['me:read', 'me:write', 'repo:read'] }
    let parent: Json
    beforeEach(async () => {
      await open({ patByPat: true })
      parent = await make({ ...bound, expires_in_days: 30 })
    })

    test.each([
      ['resources', { resources: ['countersign', 'webdav'] }],
      ['resources', { resources: ['webdav'] }],
      ['scopes', { scopes: ['repo:read', 'repo:write'] }],
      ['scopes', { scopes: ['users:read'] }],
      ['expires_at', { expires_in_days: 31 }],
      ['expires_at', { expires_at: inDays(30.001) }],
    ])('gets none beyond it in %s: %j', async (field, body) => {
      expect(await mintMine(body, parent.token)).toEqual(['would_escalate', field])
    })

    test('inherits what is left out, and the lineage is kept', async () => {
      const child = await mine({ name: 'child' }, parent.token)
      expect(child).toMatchObject({ ...bound, expires_at: inDays(30), parent: parent.id, created_by: 'user:alice' })
      const grandchild = await mine({ scopes: ['me:read'] }, child.token)
      expect(grandchild).toMatchObject({ scopes: ['me:read'], resources: bound.resources, parent: child.id })
      await revoke(parent.id, { reason: 'leaked' })
      for (const { id, token } of [child, grandchild]) {
        expect(await started.stateOf(token)).toBe('credential_revoked')
        expect(await started.ok('GET', `/credentials/${id}`)).toMatchObject({ revoked_reason: 'leaked' })
      }
    })

    test('does not get the longer life that is usual', async () => {
      await open({ patByPat: true, patTtlDays: 5 })
      const short = await make({ ...AT_API, expires_in_days: 1 })
      expect(await mine({}, short.token)).toMatchObject({ expires_at: inDays(1) })
      const long = await make({ ...AT_API, expires_in_days: 9 })
      expect(await mine({}, long.token)).toMatchObject({ expires_at: inDays(5) })
      expect(await mine({ expires_in_days: 9 }, long.token)).toMatchObject({ expires_at: inDays(9) })
    })
  })
})

describe('whoever makes tokens of others', () => {
  const minter = () => started.caller('minter', { scopes: ['credentials:write'] })

  test('needs a scope for it, and no more where the owner has no say beyond their own tokens', async () => {
    const as = await minter()
    expect(await make({}, as)).toMatchObject({ created_by: 'client:minter', parent: null, full: true })
    const other = await started.caller('registrar', { scopes: ['users:write', 'users:read'] })
    expect(await refused('POST', '/users/alice/tokens', {}, other)).toEqual(['scope_missing'])
    expect(await refused('GET', '/users/alice/tokens', undefined, other)).toEqual(['scope_missing'])
  })

  test('needs role admin where the token reaches countersign, or its owner has a say there', async () => {
    const as = await minter()
    expect(await refused('POST', '/users/alice/tokens', AT_API, as)).toEqual(['would_escalate'])
    await started.ok('PATCH', '/users/alice', { body: { roles: ['auditor'] } })
    expect(await refused('POST', '/users/alice/tokens', { resources: ['forge'] }, as)).toEqual(['would_escalate'])
    const admin = await started.caller('root', { roles: ['admin'] })
    expect(await make(AT_API, admin)).toMatchObject(AT_API)
  })

  test('is bound by no life of its own credential', async () => {
    const as = await started.caller('root', { roles: ['admin'] }, { expires_in_days: 1 })
    expect(await make({}, as)).toMatchObject({ expires_at: inDays(90) })
  })
})

describe('rotation', () => {
  const rotate = (id: string, body: object, as?: string): Promise<Json> =>
    started.ok('POST', `/credentials/${id}/rotate`, { body, ...(as !== undefined && { as }) })

  test('keeps owner, narrowing, name and family; the old one works for the overlap', async () => {
    const narrowing = { resources: ['forge'], scopes: ['repo:read'], projects: ['a'], networks: ['10.0.0.0/8'] }
    const old = await make({ ...narrowing, name: 'ci' })
    const next = await rotate(old.id, { overlap_seconds: 60 })
    const replaces = { id: old.id, expires_at: new Date(START.getTime() + 60_000).toISOString() }
    expect(next).toMatchObject({ ...narrowing, name: 'ci', kind: 'pat', owner: old.owner, family: old.id, replaces })
    expect([next.token === old.token, next.key]).toEqual([false, undefined as never])
    laterBy(59_000)
    expect(await stateOf(old.id)).toBe('live')
    laterBy(60_000)
    expect([await stateOf(old.id), await stateOf(next.id)]).toEqual(['expired', 'live'])
  })

  test('gives as long a life as the old one had, and the old one no longer one', async () => {
    const old = await make({ expires_in_days: 10 })
    laterBy(10 * DAY_MS - 60_000)
    const next = await rotate(old.id, { overlap_seconds: 3600 })
    expect(next).toMatchObject({ replaces: { expires_at: inDays(10) } })
    expect(next.expires_at).toBe(new Date(started.time.now.getTime() + 10 * DAY_MS).toISOString())
  })

  test('is bounded by the longest life that is allowed now', async () => {
    const old = await make({ expires_in_days: 300 })
    Object.assign(started.deps, { maxPatTtlDays: 7 })
    expect(await rotate(old.id, {})).toMatchObject({ expires_at: inDays(7) })
  })

  test('by its owner is within the presented token, in rights and in life', async () => {
    await open({ patByPat: true })
    const shown = await make({ ...AT_API, expires_in_days: 3 })
    const narrow = await make({ ...AT_API, scopes: ['me:read'], expires_in_days: 300 })
    const wide = await make()
    const path = (id: string) => `/me/tokens/${id}/rotate`
    const next = await started.ok('POST', path(narrow.id), { body: {}, as: shown.token })
    expect(next).toMatchObject({ scopes: ['me:read'], expires_at: inDays(3), parent: shown.id })
    expect(await refused('POST', path(wide.id), {}, shown.token)).toEqual(['would_escalate', 'resources'])
    expect(await stateOf(wide.id)).toBe('live')
    laterBy(DAY_MS)
    const own = await started.ok('POST', path(shown.id), { body: {}, as: shown.token })
    expect(own).toMatchObject({ ...AT_API, expires_at: inDays(3), parent: shown.id, family: shown.id })
  })

  test('by its owner needs the setting that lets tokens make tokens', async () => {
    const { token, id } = await make(AT_API)
    expect(await refused('POST', `/me/tokens/${id}/rotate`, {}, token)).toEqual(['minting_refused'])
    expect(await stateOf(id)).toBe('live')
  })

  test('of one that is dead is a conflict, whatever it died of', async () => {
    const dead: Record<string, (id: string) => Promise<unknown>> = {
      revoked: (id) => revoke(id),
      'with its family': (id) => revoke(id, { family: true }),
      'with its owner’s': () => started.ok('POST', '/users/alice/revoke-credentials', { body: {} }),
      'by kind and age': () =>
        started.ok('POST', '/credentials/revoke-older', { body: { kind: 'pat', created_before: inDays(1) } }),
      'with its disabled owner': () => started.ok('PATCH', '/users/alice', { body: { disabled: true } }),
    }
    for (const [how, kill] of Object.entries(dead)) {
      const { id } = await make()
      await kill(id)
      expect([how, ...(await refused('POST', `/credentials/${id}/rotate`, {}))]).toEqual([how, 'conflict'])
    }
  })
})

describe('revocation', () => {
  test('of one leaves the others alone', async () => {
    const [one, two] = [await make(), await make()]
    expect(await revoke(one.id, { reason: 'leaked' })).toMatchObject({
      revoked: 1,
      credential: { state: 'revoked', revoked_reason: 'leaked', revoked_by: 'client:bootstrap' },
    })
    expect([await stateOf(one.id), await stateOf(two.id)]).toEqual(['revoked', 'live'])
    expect(await revoke(one.id)).toMatchObject({ revoked: 0, credential: { revoked_reason: 'leaked' } })
  })

  test('of all of a user is one row; others’ live, and so does what is made later', async () => {
    const all = (body: object) => started.ok('POST', '/users/alice/revoke-credentials', { body })
    const tokens = [await make(), await make()]
    const [bobs, key] = [
      await make({}, undefined, 'bob'),
      await started.ok('POST', '/clients/canister/keys', { body: {} }),
    ]
    expect<unknown>(await all({ reason: 'left' })).toEqual({ revoked: 2 })
    for (const { id } of tokens) {
      expect(await started.ok('GET', `/credentials/${id}`)).toMatchObject({ state: 'revoked', revoked_reason: 'left' })
    }
    const later = await make()
    expect(await Promise.all([bobs, key, later].map(({ id }) => stateOf(id)))).toEqual(['live', 'live', 'live'])
    const lines = await started.store.reader.selectFrom('revocation_line').select('subject').execute()
    expect(lines).toEqual([{ subject: 'user:alice' }])
  })

  test('of what is older than a date leaves the younger, and never gives life back', async () => {
    const older = (created_before: string) =>
      started.ok('POST', '/users/alice/revoke-credentials', { body: { created_before } })
    const first = await make()
    laterBy(DAY_MS)
    const second = await make()
    laterBy(2 * DAY_MS)
    const third = await make()
    const states = () => Promise.all([first, second, third].map(({ id }) => stateOf(id)))
    expect<unknown>(await older(inDays(0))).toEqual({ revoked: 0 })
    expect(await states()).toEqual(['live', 'live', 'live'])
    expect<unknown>(await older(inDays(1))).toEqual({ revoked: 1 })
    expect(await states()).toEqual(['revoked', 'live', 'live'])
    expect<unknown>(await older(inDays(2))).toEqual({ revoked: 1 })
    expect<unknown>(await older(inDays(1))).toEqual({ revoked: 0 })
    expect(await states()).toEqual(['revoked', 'revoked', 'live'])
  })

  test('by kind and age goes through all owners and no other kind', async () => {
    const tokens = [await make(), await make({}, undefined, 'bob')]
    const key = await started.ok('POST', '/clients/canister/keys', { body: {} })
    laterBy(DAY_MS)
    const later = await make()
    const body = { kind: 'pat', created_before: inDays(1), reason: 'a leak' }
    expect<unknown>(await started.ok('POST', '/credentials/revoke-older', { body })).toEqual({ revoked: 2 })
    for (const { id } of tokens) expect(await stateOf(id)).toBe('revoked')
    for (const { id } of [key, later]) expect(await stateOf(id)).toBe('live')
  })

  test('by their owner is of their own alone, with a token too', async () => {
    const shown = await make(AT_API)
    const own = await make()
    const others = [await make({}, undefined, 'bob'), await started.ok('POST', '/clients/canister/keys', { body: {} })]
    const path = (id: string) => `/me/tokens/${id}/revoke`
    expect(await started.ok('POST', path(own.id), { body: {}, as: shown.token })).toMatchObject({ revoked: 1 })
    for (const { id } of others) {
      for (const body of [{}, { family: true }]) {
        expect(await refused('POST', path(id), body, shown.token)).toEqual(['not_found'])
      }
      expect(await refused('POST', `/me/tokens/${id}/rotate`, {}, shown.token)).toEqual(['not_found'])
      expect(await stateOf(id)).toBe('live')
    }
    expect(await started.ok('POST', path(shown.id), { body: {}, as: shown.token })).toMatchObject({ revoked: 1 })
    expect(await started.stateOf(shown.token)).toBe('credential_revoked')
  })

  test('that meets a request under way ends it, also when it goes by kind and age', async () => {
    const { token } = await make(AT_API)
    const authorized = await started.authorize('POST', '/api/v1/me/tokens', token)
    if (typeof authorized === 'string') throw new Error(authorized)
    Object.assign(started.deps, { patByPat: true })
    await started.ok('POST', '/credentials/revoke-older', { body: { kind: 'pat', created_before: inDays(1) } })
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }
    const answer = await started.api.fetch(new Request('http://127.0.0.1:8420/api/v1/me/tokens', init), { authorized })
    expect([answer.status, ((await answer.json()) as Json).code]).toEqual([401, 'invalid_token'])
  })
})

describe('/me', () => {
  test('says who calls, with what, and what may be done here with it', async () => {
    const { token, id, expires_at } = await make({ ...AT_API, name: 'ci', scopes: ['me:read'] })
    expect<unknown>(await started.ok('GET', '/me', { as: token })).toEqual({
      principal: { kind: 'user', id: 'alice', name: 'Alice' },
      credential: { id, kind: 'pat', name: 'ci', hint: `cs_pat_…${token.slice(-4)}`, expires_at, full: false },
      ...{ resource: 'countersign', roles: ['user'], scopes: ['me:read'], groups: ['media', 'users'], projects: null },
    })
    expect(await refused('POST', '/me/tokens', {}, token)).toEqual(['scope_missing'])
  })

  test('/resources says what the caller may reach, whatever the token it shows is narrowed to', async () => {
    const { token } = await make({ ...AT_API, scopes: ['me:read'] })
    await started.ok('POST', '/permissions', {
      body: { user: 'alice', resource: 'webdav', scopes: ['files:write'], projects: ['a'] },
    })
    const { items } = await started.ok('GET', '/me/resources', { as: token })
    expect<unknown>(items.map(({ resource, scopes, roles, projects }) => [resource, scopes, roles, projects])).toEqual([
      ['countersign', ['me:read', 'me:write'], ['user'], null],
      ['forge', ['repo:read', 'repo:write'], ['dev'], null],
      ['webdav', ['files:read', 'files:write'], [], null],
    ])
    const { token: bobs } = await make(AT_API, undefined, 'bob')
    expect((await started.ok('GET', '/me/resources', { as: bobs })).items.map((item) => item.resource)).toEqual([
      'countersign',
    ])
  })

  test('/tokens lists the caller’s own, page by page, and asks for nobody else’s', async () => {
    const shown = await make(AT_API)
    const own = [shown, await make(), await make()]
    await make({}, undefined, 'bob')
    const first = await started.ok('GET', '/me/tokens?limit=2', { as: shown.token })
    const second = await started.ok('GET', `/me/tokens?limit=2&cursor=${first.next_cursor}`, { as: shown.token })
    expect([first.items.length, second.items.length]).toEqual([2, 1])
    const listed = [...first.items, ...second.items].map(({ id }) => id)
    expect(listed.toSorted()).toEqual(own.map(({ id }) => id).toSorted())
    for (const query of ['owner=user:bob', 'kind=key', 'state=live']) {
      expect((await refused('GET', `/me/tokens?${query}`, undefined, shown.token))[0]).toBe('invalid_query')
    }
  })

  test('/tokens is of users: any other kind of principal is told so at one place', async () => {
    const { id } = await make()
    const client = await started.caller('robot', { roles: ['admin', 'user'] })
    const calls: [string, string][] = [
      ['GET', '/me/tokens'],
      ['POST', '/me/tokens'],
      ['POST', `/me/tokens/${id}/rotate`],
      ['POST', `/me/tokens/${id}/revoke`],
      ['DELETE', `/me/tokens/${id}`],
    ]
    for (const [method, path] of calls) {
      for (const as of [client, undefined]) {
        expect([path, ...(await refused(method, path, method === 'POST' ? {} : undefined, as))]).toEqual([
          path,
          'principal_kind_refused',
        ])
      }
    }
    expect(await started.ok('GET', '/me', { as: client })).toMatchObject({ principal: { kind: 'client', id: 'robot' } })
    expect((await started.ok('GET', '/me/resources', { as: client })).items.length).toBe(1)
  })
})
