// Users: what is kept of them, what their roles are short for, and what a change of them, or of a group, does.

import { beforeEach, describe, expect, test } from 'bun:test'
import { type Json, type StartedApi, startApi, withCanister } from './support.test.ts'

let started: StartedApi
beforeEach(async () => {
  started = await startApi()
  await withCanister(started)
})

const make = (body: object): Promise<Json> => started.ok('POST', '/users', { body })
const change = (body: object, id = 'alice'): Promise<Json> => started.ok('PATCH', `/users/${id}`, { body })
const give = (permission: object): Promise<Json> => started.ok('POST', '/permissions', { body: permission })
/** What a user holds at the management API by themselves, in short. */
const held = async (id = 'alice') => {
  const { items } = await started.ok('GET', `/permissions?user=${id}&resource=countersign`)
  return items.map(({ roles, scopes }) => [roles, scopes])
}
const storedOf = (id: string) =>
  started.store.reader.selectFrom('user').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
async function refused(method: string, path: string, body?: object) {
  const answer = await started.call(method, path, body === undefined ? {} : { body })
  return { status: answer.status, code: answer.body.code, at: answer.body.problems?.map(({ path }) => path) }
}

describe('a user', () => {
  test('of whom only the name is told can do what everybody can: look after their own tokens', async () => {
    expect(await make({ username: 'alice' })).toEqual({
      ...{ username: 'alice', name: 'alice', email: null, roles: ['user'], groups: [], links: [] },
      ...{ disabled: false, has_password: false, managed_by: null, created_at: '2030-01-31T12:00:00.000Z' },
    } as never)
    expect(await held()).toEqual([[['user'], []]])
  })

  test('is kept as told, listed by name, and shown to whoever asks', async () => {
    const alice = { name: 'Älice', email: 'alice@example.com', roles: ['auditor', 'user'], groups: ['media'] }
    expect(await make({ username: 'bob', disabled: true, roles: [] })).toMatchObject({ disabled: true, roles: [] })
    const made = await make({ username: 'alice', ...alice })
    expect(made).toMatchObject(alice)
    expect(await started.ok('GET', '/users/alice')).toEqual(made)
    const first = await started.ok('GET', '/users?limit=1')
    expect(first.items).toEqual([made])
    const second = await started.ok('GET', `/users?limit=1&cursor=${first.next_cursor}`)
    expect([second.items.map(({ username }) => username), second.next_cursor]).toEqual([['bob'], null])
    expect(await started.ok('GET', '/groups/media')).toMatchObject({ members: ['client:canister', 'user:alice'] })
  })

  test('has a name that is given once and never again', async () => {
    await make({ username: 'alice' })
    expect(await refused('POST', '/users', { username: 'alice' })).toMatchObject({ status: 409, code: 'name_taken' })
    await started.ok('DELETE', '/users/alice')
    for (const [method, body] of [['GET'], ['DELETE'], ['PATCH', {}]] as const) {
      expect(await refused(method, '/users/alice', body)).toMatchObject({ status: 404, code: 'not_found' })
    }
    expect(await refused('POST', '/users', { username: 'alice' })).toMatchObject({ status: 409, code: 'id_retired' })
    await make({ username: 'canister' })
    await make({ username: 'media' })
  })

  test.each([
    [{ username: 'bootstrap' }, 'username'],
    [{ username: 'countersign-admin' }, 'username'],
    [{ username: 'users' }, 'username'],
    [{ username: 'Alice' }, 'username'],
    [{ username: 'client:canister' }, 'username'],
    [{ username: 'alice\n' }, 'username'],
    [{ username: 'alice', email: 'nobody' }, 'email'],
    [{ username: 'alice', name: 'Alice\r\nX: y' }, 'name'],
    [{ username: 'alice', name: 'Alice\u2028Bob' }, 'name'],
    [{ username: 'alice', roles: ['root'] }, 'roles[0]'],
    [{ username: 'alice', groups: ['media', 'nope'] }, 'groups[1]'],
    [{ username: 'alice', password: 'short' }, 'password'],
    [{ username: 'alice', password: null }, 'password'],
  ])('%j is refused at %s', async (body, at) => {
    expect(await refused('POST', '/users', body)).toEqual({ status: 400, code: 'invalid_body', at: [at] })
    expect((await started.call('GET', `/users/alice`)).status).toBe(404)
  })

  test('may have a password of 256 characters, and no longer one', async () => {
    expect(await refused('POST', '/users', { username: 'alice', password: 'x'.repeat(257) })).toMatchObject({
      status: 400,
      at: ['password'],
    })
    expect(await make({ username: 'alice', password: 'x'.repeat(256) })).toMatchObject({ has_password: true })
  })

  test.each(['password_hash', 'has_password', 'created_at', 'revision', 'id', 'owner', 'permissions'])(
    'says nothing of its own %s',
    async (field) => {
      const answer = { status: 400, code: 'invalid_body', at: [field] }
      expect(await refused('POST', '/users', { username: 'alice', [field]: 'x' })).toEqual(answer)
      await make({ username: 'alice' })
      expect(await refused('PATCH', '/users/alice', { [field]: 'x' })).toEqual(answer)
    },
  )

  test('keeps the name that it has', async () => {
    await make({ username: 'alice' })
    expect(await refused('PATCH', '/users/alice', { username: 'bob' })).toMatchObject({ status: 400, at: ['username'] })
  })

  test('changes in the fields sent and in no other', async () => {
    const full = { name: 'Alice', email: 'alice@example.com', groups: ['media'], roles: ['auditor'] }
    await make({ username: 'alice', ...full, password: 'correct horse' })
    expect(await change({ disabled: true })).toMatchObject({ ...full, disabled: true, has_password: true })
    expect(await change({ email: null })).toMatchObject({ ...full, email: null, has_password: true })
    expect(await change({ groups: [], disabled: false })).toMatchObject({ ...full, email: null, groups: [] })
    expect(await change({})).toMatchObject({ name: 'Alice', disabled: false, has_password: true })
  })

  test('who is deleted takes memberships and permissions along', async () => {
    await make({ username: 'alice', groups: ['media'], roles: ['auditor'] })
    await give({ user: 'alice', resource: 'webdav', scopes: ['files:write'] })
    await started.ok('DELETE', '/users/alice')
    expect(await started.ok('GET', '/groups/media')).toMatchObject({ members: ['client:canister'] })
    expect((await started.ok('GET', '/permissions?user=alice')).items).toEqual([])
    expect(started.directory.heldBy({ kind: 'user', id: 'alice' }).size).toBe(0)
  })
})

describe('roles of a user', () => {
  test('are short for a permission at countersign, and a permission there is told as roles', async () => {
    await make({ username: 'alice', roles: ['auditor', 'user', 'user'] })
    expect(await held()).toEqual([[['auditor', 'user'], []]])
    await change({ roles: ['user'] })
    expect(await held()).toEqual([[['user'], []]])
    await change({ roles: [] })
    expect(await held()).toEqual([])
    const { id } = await give({ user: 'alice', resource: 'countersign', roles: ['auditor'] })
    expect(await started.ok('GET', '/users/alice')).toMatchObject({ roles: ['auditor'] })
    await started.ok('DELETE', `/permissions/${id}`)
    expect(await started.ok('GET', '/users/alice')).toMatchObject({ roles: [] })
  })

  test('come and go, and scopes beside them stay', async () => {
    await make({ username: 'alice', roles: [] })
    await give({ user: 'alice', resource: 'countersign', scopes: ['decisions:read'], roles: ['user'] })
    await give({ user: 'alice', resource: 'countersign', scopes: ['users:read'] })
    await change({ roles: ['auditor'] })
    expect((await held()).toSorted()).toEqual(
      [
        [[], ['users:read']],
        [[], ['decisions:read']],
        [['auditor'], []],
      ].toSorted(),
    )
    await change({ roles: [] })
    expect((await held()).map(([, scopes]) => scopes).toSorted()).toEqual([['decisions:read'], ['users:read']])
  })

  test('that are said again change nothing, however many permissions they came from', async () => {
    await make({ username: 'alice', roles: ['user'] })
    await give({ user: 'alice', resource: 'countersign', roles: ['auditor'] })
    const before = await held()
    await change({ roles: ['auditor', 'user', 'auditor'] })
    expect(await held()).toEqual(before)
    await change({ roles: ['auditor'] })
    expect(await held()).toEqual([[['auditor'], []]])
  })

  test('which come by a group are not theirs: a change of their own leaves those alone', async () => {
    await started.ok('POST', '/groups', { body: { name: 'auditors' } })
    await give({ group: 'auditors', resource: 'countersign', roles: ['auditor'] })
    expect(await make({ username: 'alice', groups: ['auditors'] })).toMatchObject({ roles: ['user'] })
    expect(await change({ roles: [] })).toMatchObject({ roles: [], groups: ['auditors'] })
    expect((await started.ok('GET', '/permissions?group=auditors')).items.length).toBe(1)
  })
})

describe('a password', () => {
  const PASSWORD = 'correct horse battery staple'

  test('is kept as argon2id alone, and told of only as there or not', async () => {
    expect(await make({ username: 'alice', password: PASSWORD })).toMatchObject({ has_password: true })
    const { password_hash } = await storedOf('alice')
    expect(password_hash).toMatch(/^\$argon2id\$v=19\$m=\d{5,},t=\d+,p=\d+\$/)
    expect(await Bun.password.verify(PASSWORD, String(password_hash))).toBe(true)
    await make({ username: 'bob', password: PASSWORD })
    expect((await storedOf('bob')).password_hash).not.toBe(password_hash)
  })

  test('stays until another is set or it is taken away', async () => {
    await make({ username: 'alice', password: PASSWORD })
    const first = (await storedOf('alice')).password_hash
    await change({ name: 'Alice' })
    expect((await storedOf('alice')).password_hash).toBe(first)
    await change({ password: 'another password' })
    const second = String((await storedOf('alice')).password_hash)
    expect(await Bun.password.verify('another password', second)).toBe(true)
    expect(await Bun.password.verify(PASSWORD, second)).toBe(false)
    expect(await change({ password: null })).toMatchObject({ has_password: false })
    expect((await storedOf('alice')).password_hash).toBeNull()
  })

  test('is in no answer, audit event or change, nor is what is kept of it', async () => {
    await make({ username: 'alice', password: PASSWORD })
    await change({ password: `${PASSWORD} 2` })
    await started.call('POST', '/users', { body: { username: 'alice', password: PASSWORD } })
    await started.call('PATCH', '/users/alice', { body: { password: PASSWORD, email: 'nobody' } })
    await started.call('PATCH', '/users/nobody', { body: { password: PASSWORD } })
    await started.ok('GET', '/users')
    const events = await started.store.reader.selectFrom('audit_event').selectAll().execute()
    const changes = await started.store.reader.selectFrom('change').selectAll().execute()
    const told = [...started.answers.map(({ text }) => text), JSON.stringify([events, changes])].join('\n')
    expect(told).not.toContain(PASSWORD)
    expect(told).not.toMatch(/argon2|password_hash/)
    expect(events.map(({ action }) => action)).toContain('user.change')
  })
})

describe('what a change does to the rights of a user', () => {
  let token: string
  beforeEach(async () => {
    await make({ username: 'alice', groups: ['media'] })
    token = (await started.ok('POST', '/users/alice/tokens', { body: { resources: ['countersign', 'webdav'] } })).token
  })
  const reachable = async () =>
    (await started.ok('GET', '/me/resources', { as: token })).items.map(({ resource }) => resource)
  const groups = async () => (await started.ok('GET', '/me', { as: token })).groups

  test('a disabled user may nothing, and the same again when enabled', async () => {
    const before = [await reachable(), await groups()]
    await change({ disabled: true })
    expect(await started.stateOf(token)).toBe('owner_disabled')
    await change({ disabled: false })
    expect([await reachable(), await groups()]).toEqual(before)
  })

  test('a deleted user may nothing', async () => {
    await started.ok('DELETE', '/users/alice')
    expect(await started.stateOf(token)).toBe('owner_missing')
  })

  test('whoever leaves a group loses what it holds', async () => {
    expect(await reachable()).toEqual(['countersign', 'webdav'])
    await change({ groups: [] })
    expect([await reachable(), await groups()]).toEqual([['countersign'], ['users']])
  })

  test('a disabled group gives nothing and is nobody’s, but keeps members and permissions', async () => {
    const body = { disabled: true }
    expect(await started.ok('PATCH', '/groups/media', { body })).toMatchObject({ name: 'media', disabled: true })
    expect([await reachable(), await groups()]).toEqual([['countersign'], ['users']])
    const members = ['client:canister', 'user:alice']
    expect(await started.ok('GET', '/groups/media')).toMatchObject({ members, disabled: true })
    await started.ok('PATCH', '/groups/media', { body: { description: 'Readers' } })
    expect([await reachable(), await groups()]).toEqual([['countersign'], ['users']])
    await started.ok('PATCH', '/groups/media', { body: { disabled: false } })
    expect([await reachable(), await groups()]).toEqual([
      ['countersign', 'webdav'],
      ['media', 'users'],
    ])
    expect(await started.ok('GET', '/groups/media')).toMatchObject({ description: 'Readers', disabled: false })
  })

  test('a group may be disabled from the first, and its name never changes', async () => {
    await started.ok('POST', '/groups', { body: { name: 'sleepers', disabled: true } })
    await give({ group: 'sleepers', resource: 'webdav', scopes: ['files:write'] })
    await change({ groups: ['sleepers'] })
    expect(await reachable()).toEqual(['countersign'])
    expect(await refused('PATCH', '/groups/sleepers', { name: 'x' })).toMatchObject({ status: 400, at: ['name'] })
    expect(await refused('PATCH', '/groups/nope', {})).toMatchObject({ status: 404 })
  })

  test('roles that are taken away close the management API to the very next call', async () => {
    await change({ roles: [] })
    expect(await started.stateOf(token)).toBe('permission_missing')
    await change({ roles: ['auditor'] })
    expect(await started.stateOf(token)).toBe('live')
    expect((await started.call('POST', '/me/tokens', { as: token, body: {} })).refusal).toBe('scope_missing')
  })
})

test('every change of a user is audited with who made it', async () => {
  await make({ username: 'alice', groups: ['media'] })
  await change({ email: 'alice@example.com' })
  await started.ok('DELETE', '/users/alice')
  const events = await started.store.reader
    .selectFrom('audit_event')
    .selectAll()
    .where('noun_id', '=', 'alice')
    .execute()
  expect(events.map(({ action, actor, credential }) => [action, actor, credential])).toEqual([
    ['user.create', 'client:bootstrap', 'bootstrap'],
    ['user.change', 'client:bootstrap', 'bootstrap'],
    ['user.delete', 'client:bootstrap', 'bootstrap'],
  ])
})
