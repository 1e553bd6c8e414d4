// Making, narrowing, rotating and revoking keys.

import { beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS, type Json, START, type StartedApi, startApi, withCanister } from './support.test.ts'

let started: StartedApi
beforeEach(async () => {
  started = await startApi()
  await withCanister(started)
})

const inDays = (days: number) => new Date(START.getTime() + days * DAY_MS).toISOString()
const make = (body: object, as?: string, client = 'canister'): Promise<Json> =>
  started.ok('POST', `/clients/${client}/keys`, { body, ...(as !== undefined && { as }) })
const mint = (as: string, body: object, client = 'root') =>
  started.call('POST', `/clients/${client}/keys`, { as, body })
const revoke = (id: string, body: object = {}) => started.ok('POST', `/credentials/${id}/revoke`, { body })

describe('a key', () => {
  test('says how far it reaches', async () => {
    const narrowing = { resources: ['webdav'], scopes: ['files:read'], projects: ['a/b'], networks: ['10.0.0.0/8'] }
    expect(await make(narrowing)).toMatchObject({
      ...narrowing,
      full: false,
      parent: null,
      created_by: 'client:bootstrap',
    })
    expect(await make({})).toMatchObject({ resources: null, scopes: null, projects: null, networks: null, full: true })
  })

  test.each([
    [{ expires_in_days: 30 }, inDays(30)],
    [{ expires_in_seconds: 60 }, new Date(START.getTime() + 60_000).toISOString()],
    [{ expires_at: '2030-02-01T00:00:00+01:00' }, '2030-01-31T23:00:00.000Z'],
    [{}, null],
  ])('ends when it was asked to: %j', async (body, expires_at) => {
    expect(await make(body)).toMatchObject({ expires_at })
  })

  test.each([
    [{ expires_at: '2030-01-31T12:00:00Z' }, 'expires_at'],
    [{ expires_at: '2020-01-31T12:00:00Z' }, 'expires_at'],
    [{ expires_in_days: 1, expires_in_seconds: 60 }, 'expires_in_seconds'],
    [{ expires_in_days: 1, not_before: '2030-03-01T00:00:00Z' }, 'not_before'],
    [{ projects: ['a'] }, 'resources'],
    [{ projects: ['a'], resources: ['webdav', 'countersign'] }, 'resources'],
    [{ resources: [] }, 'resources'],
    [{ owner: 'client:bootstrap' }, 'owner'],
  ])('%j is refused at %s', async (body, at) => {
    const answer = await started.call('POST', '/clients/canister/keys', { body })
    expect([answer.status, answer.body.code, answer.body.problems.map(({ path }) => path)]).toEqual([
      400,
      'invalid_body',
      [at],
    ])
  })

  test('of nobody is not found', async () => {
    expect((await started.call('POST', '/clients/nobody/keys', { body: {} })).status).toBe(404)
    expect((await started.call('GET', '/clients/nobody/keys')).status).toBe(404)
  })

  test('lives at most as long as the configuration says, and that long by default', async () => {
    started = await startApi({ maxKeyTtlDays: 90 })
    await withCanister(started)
    expect(await make({})).toMatchObject({ expires_at: inDays(90) })
    expect(await make({ expires_in_days: 90 })).toMatchObject({ expires_at: inDays(90) })
    const tooLong = await started.call('POST', '/clients/canister/keys', { body: { expires_in_days: 91 } })
    expect(tooLong.body.problems).toEqual([
      { path: 'expires_in_days', message: 'expected at most 90 days, the longest life of a key here' },
    ])
  })

  test('has the state that a decision would find', async () => {
    const ids = {
      live: (await make({})).id,
      expired: (await make({ expires_in_seconds: 60 })).id,
      not_yet_valid: (await make({ not_before: inDays(9) })).id,
      revoked: (await make({})).id,
    }
    await revoke(ids.revoked)
    started.time.now = new Date(START.getTime() + 60_000)
    for (const [state, id] of Object.entries(ids)) {
      expect(await started.ok('GET', `/credentials/${id}`)).toMatchObject({ state })
      const { items } = await started.ok('GET', `/credentials?state=${state}`)
      expect(items.map((item) => item.id)).toEqual([id])
    }
    await started.ok('PATCH', '/clients/canister', { body: { disabled: true } })
    expect(await started.ok('GET', `/credentials/${ids.live}`)).toMatchObject({ state: 'owner_disabled' })
    await started.ok('DELETE', '/clients/canister')
    expect(await started.ok('GET', `/credentials/${ids.live}`)).toMatchObject({ state: 'owner_disabled' })
  })
})

describe('minting for oneself', () => {
  const bound = {
    resources: ['countersign', 'webdav'],
    networks: ['10.0.0.0/8'],
    expires_in_days: 30,
  }
  const scopes = ['credentials:write', 'me:read', 'files:read']

  async function root(narrowing: object): Promise<string> {
    await started.ok('POST', '/clients', { body: { id: 'root', groups: ['media'] } })
    await started.ok('POST', '/permissions', { body: { client: 'root', resource: 'countersign', roles: ['admin'] } })
    return (await make({ ...narrowing, networks: undefined }, undefined, 'root')).key
  }

  test.each([
    ['resources', { resources: ['countersign', 'other'] }],
    ['scopes', { scopes: ['files:write'] }],
    ['scopes', { scopes: ['me:read', 'clients:write'] }],
    ['expires_at', { expires_in_days: 31 }],
    ['expires_at', { expires_at: inDays(31) }],
  ])('beyond the presented credential in %s is refused: %j', async (field, body) => {
    await started.ok('POST', '/resources', { body: { name: 'other', identifier: 'x:y', rules: [] } })
    const as = await root({ ...bound, scopes })
    const answer = await mint(as, body)
    expect([answer.status, answer.body.code]).toEqual([403, 'would_escalate'])
    expect(answer.body.problems[0]?.path).toBe(field)
    expect(answer.body.detail).toContain(field)
  })

  test('what is left out is inherited, and the lineage is kept', async () => {
    const as = await root({ ...bound, scopes })
    const parent = (await started.ok('GET', '/me', { as })).credential.id
    const child = await started.ok('POST', '/clients/root/keys', { as, body: {} })
    expect(child).toMatchObject({ resources: bound.resources, scopes, expires_at: inDays(30), parent, full: false })
    const grandchild = await started.ok('POST', '/clients/root/keys', { as: child.key, body: { scopes: ['me:read'] } })
    expect(grandchild).toMatchObject({ scopes: ['me:read'], parent: child.id })
  })

  test('revoking the parent revokes the children, its rotation does not', async () => {
    const as = await root(bound)
    const parent = (await started.ok('GET', '/me', { as })).credential.id
    const child = await started.ok('POST', '/clients/root/keys', { as, body: {} })
    const grandchild = await started.ok('POST', '/clients/root/keys', { as: child.key, body: {} })
    await started.ok('POST', `/credentials/${parent}/rotate`, { body: { overlap_seconds: 0 } })
    expect(await started.stateOf(child.key)).toBe('live')
    await revoke(parent, { reason: 'leaked' })
    for (const { key, id } of [child, grandchild]) {
      expect(await started.stateOf(key)).toBe('credential_revoked')
      expect(await started.ok('GET', `/credentials/${id}`)).toMatchObject({
        state: 'revoked',
        revoked_reason: 'leaked',
      })
    }
  })

  test('revoking a family revokes what each of it minted', async () => {
    const as = await root(bound)
    const parent = (await started.ok('GET', '/me', { as })).credential.id
    const child = await started.ok('POST', '/clients/root/keys', { as, body: {} })
    const successor = await started.ok('POST', `/credentials/${parent}/rotate`, { body: {} })
    expect(await revoke(successor.id, { family: true })).toMatchObject({ revoked: 2 })
    for (const key of [as, successor.key, child.key]) expect(await started.stateOf(key)).toBe('credential_revoked')
  })

  test('for another owner there is no lineage, and who made it is written down', async () => {
    const as = await root(bound)
    expect(await make({}, as)).toMatchObject({ parent: null, created_by: 'client:root', full: true, expires_at: null })
  })

  test('goes so far and no further in a row', async () => {
    let as = await started.caller('root', { roles: ['admin'] })
    for (let depth = 1; depth <= 32; depth++)
      as = (await started.ok('POST', '/clients/root/keys', { as, body: {} })).key
    expect((await mint(as, {})).body).toMatchObject({ status: 409, code: 'conflict' })
  })

  test('one who is no admin may mint within what it has', async () => {
    const as = await started.caller('minter', { scopes: ['credentials:write', 'me:read'] })
    const child = await started.ok('POST', '/clients/minter/keys', { as, body: { scopes: ['me:read'] } })
    expect(await started.stateOf(child.key)).toBe('live')
    expect((await mint(as, { resources: ['webdav'] }, 'minter')).body.code).toBe('would_escalate')
  })
})

describe('rotation', () => {
  const rotate = (id: string, body: object = {}, as?: string) =>
    started.call('POST', `/credentials/${id}/rotate`, { body, ...(as !== undefined && { as }) })

  test('keeps owner, narrowing, networks and family; the old one works for the overlap', async () => {
    const narrowing = { resources: ['webdav'], scopes: ['files:read'], networks: ['10.0.0.0/8'] }
    const old = await make({ ...narrowing, name: 'laptop' })
    const { status, body } = await rotate(old.id, { overlap_seconds: 60 })
    expect(status).toBe(201)
    expect(body.key).not.toBe(old.key)
    const replaces = { id: old.id, expires_at: new Date(START.getTime() + 60_000).toISOString() }
    expect(body).toMatchObject({
      ...narrowing,
      name: 'laptop',
      owner: old.owner,
      family: old.id,
      expires_at: null,
      replaces,
    })
    const state = async () => (await started.ok('GET', `/credentials/${old.id}`)).state
    expect(await state()).toBe('live')
    started.time.now = new Date(START.getTime() + 60_000)
    expect(await state()).toBe('expired')
  })

  test('never gives the old one a longer life, nor the new one a longer one than the old had', async () => {
    const old = await make({ expires_in_days: 10 })
    started.time.now = new Date(START.getTime() + 10 * DAY_MS - 60_000)
    const { body } = await rotate(old.id, { overlap_seconds: 3600 })
    expect(body).toMatchObject({ replaces: { expires_at: inDays(10) } })
    expect(body.expires_at).toBe(new Date(started.time.now.getTime() + 10 * DAY_MS).toISOString())
  })

  test('is bounded by the configured life, also for keys that had none', async () => {
    const old = await make({})
    const { deps } = started
    Object.assign(deps, { maxKeyTtlDays: 7 })
    expect((await rotate(old.id)).body.expires_at).toBe(inDays(7))
  })

  test('of its own by a caller cannot outlive the presented credential', async () => {
    const as = await started.caller('root', { roles: ['admin'] }, { expires_in_days: 3 })
    const { id } = (await started.ok('GET', '/me', { as })).credential
    started.time.now = new Date(START.getTime() + 2 * DAY_MS)
    expect((await rotate(id, {}, as)).body.expires_at).toBe(inDays(3))
  })

  test('of a wider key of its own is minting beyond the presented credential', async () => {
    const as = await started.caller('root', { roles: ['admin'] })
    const wider = await make({}, undefined, 'root')
    expect((await rotate(wider.id, {}, as)).body).toMatchObject({ code: 'would_escalate', status: 403 })
    expect(await started.ok('GET', `/credentials/${wider.id}`)).toMatchObject({ expires_at: null })
  })

  test('of another key of its own makes a child of the presented credential', async () => {
    const as = await started.caller('root', { roles: ['admin'] })
    const sibling = await make({ resources: ['countersign'] }, undefined, 'root')
    const { body } = await rotate(sibling.id, {}, as)
    expect(body.parent).toBe((await started.ok('GET', '/me', { as })).credential.id)
  })

  test('of the presented key makes a successor, not a child', async () => {
    const as = await started.caller('root', { roles: ['admin'] })
    const { id } = (await started.ok('GET', '/me', { as })).credential
    const { body } = await rotate(id, {}, as)
    expect(body.parent).toBeNull()
    await revoke(id)
    expect(await started.stateOf(body.key)).toBe('live')
  })

  test('is told to the nodes for the old one too, whose end it moved', async () => {
    const old = await make({})
    await rotate(old.id)
    const { revision } = started.directory
    const rows = await started.store.reader.selectFrom('change').selectAll().where('revision', '=', revision).execute()
    expect(rows.map((row) => row.noun_id)).toContain(old.id)
  })

  test('of a child of a dead one is a conflict', async () => {
    const as = await started.caller('root', { roles: ['admin'] })
    const child = await started.ok('POST', '/clients/root/keys', { as, body: {} })
    await revoke((await started.ok('GET', '/me', { as })).credential.id)
    expect((await rotate(child.id)).body).toMatchObject({ status: 409, code: 'conflict' })
  })

  test('of a dead one is a conflict', async () => {
    const revoked = await make({})
    await revoke(revoked.id)
    const expired = await make({ expires_in_seconds: 1 })
    started.time.now = new Date(START.getTime() + 1000)
    for (const { id } of [revoked, expired]) {
      expect((await rotate(id)).body).toMatchObject({ status: 409, code: 'conflict' })
    }
    const { id } = await make({})
    await started.ok('PATCH', '/clients/canister', { body: { disabled: true } })
    expect((await rotate(id)).body).toMatchObject({ status: 409, code: 'conflict' })
    expect((await rotate('key_0')).status).toBe(404)
  })
})

describe('revocation', () => {
  test('counts what was live, and the second time nothing', async () => {
    const { id } = await make({})
    expect(await revoke(id, { reason: 'first' })).toMatchObject({ revoked: 1 })
    const again = await revoke(id, { reason: 'second' })
    expect(again).toMatchObject({ revoked: 0, credential: { revoked_reason: 'first' } })
    expect((await started.call('POST', '/credentials/key_0/revoke', { body: {} })).status).toBe(404)
    const expired = await make({ expires_in_seconds: 1 })
    started.time.now = new Date(START.getTime() + 1000)
    expect(await revoke(expired.id)).toMatchObject({ revoked: 0, credential: { state: 'revoked' } })
  })

  test('of one leaves its family alone, of the family does not', async () => {
    const one = await make({})
    const two = await started.ok('POST', `/credentials/${one.id}/rotate`, { body: {} })
    await revoke(one.id)
    expect(await started.ok('GET', `/credentials/${two.id}`)).toMatchObject({ state: 'live' })
    expect(await revoke(one.id, { family: true, reason: 'all' })).toMatchObject({ revoked: 1 })
    expect(started.directory.lineThrough(`family:${one.id}`)).toMatchObject({ reason: 'all', by: 'client:bootstrap' })
    expect(await started.ok('GET', `/credentials/${two.id}`)).toMatchObject({ state: 'revoked' })
  })

  test('of all of a client is one row, and what is made later lives', async () => {
    const keys = [await make({}), await make({}), await make({ expires_in_seconds: 1 })]
    started.time.now = new Date(START.getTime() + 1000)
    const all = (body: object = {}) => started.ok('POST', '/clients/canister/revoke-credentials', { body })
    expect<unknown>(await all({ reason: 'theft' })).toEqual({ revoked: 2 })
    for (const { id } of keys) {
      const shown = await started.ok('GET', `/credentials/${id}`)
      expect(shown).toMatchObject({ state: 'revoked', revoked_reason: 'theft', revoked_by: 'client:bootstrap' })
    }
    const later = await make({})
    expect(await started.ok('GET', `/credentials/${later.id}`)).toMatchObject({ state: 'live' })
    expect<unknown>(await all()).toEqual({ revoked: 1 })
    expect<unknown>(await all()).toEqual({ revoked: 0 })
  })

  test('a credential that dies while its request is under way changes nothing', async () => {
    const as = await started.caller('root', { roles: ['admin'] })
    const authorized = await started.authorize('POST', '/api/v1/groups', as)
    if (typeof authorized === 'string') throw new Error(authorized)
    await revoke(authorized.caller.credential.id)
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"name":"late"}' }
    const answer = await started.api.fetch(new Request('http://127.0.0.1:8420/api/v1/groups', init), { authorized })
    expect([answer.status, ((await answer.json()) as Json).code]).toEqual([401, 'invalid_token'])
    expect((await started.call('GET', '/groups/late')).status).toBe(404)
  })
})
