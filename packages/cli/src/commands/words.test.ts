// What people read: advice they can follow here, each problem once, and what hangs together with what they asked for.

import { expect, test } from 'bun:test'
import { problem } from '@countersign/admin-api'
import { asCommands } from '../advice.ts'
import { client, key, ok, page, permission, playApi, refused, THEN } from '../testing/play-api.ts'

const api = playApi()
const group = { name: 'media', description: null, disabled: false, managed_by: null, created_at: THEN }
const members = ['client:canister', 'user:alice']
const noClient = { path: 'client', message: 'there is no client x; make it with POST /api/v1/clients' }
const invalid = { detail: `client: ${noClient.message}.`, problems: [noClient] }
const unknown = 'There is no group of this name. GET /api/v1/groups lists those there are.'

api.answer('POST /permissions', { status: 201, body: { ...permission, scopes: [], client: 'canister' } })
api.answer('POST /clients/x/keys', { status: 400, body: problem('invalid_body', invalid) })
api.answer('GET /groups/nowhere', { status: 404, body: problem('not_found', { detail: unknown }) })
api.answer('GET /groups/media', ok({ ...group, members }))
api.answer('GET /permissions?group=media&limit=200', ok(page({ ...permission, group: 'media' })))
api.answer('GET /permissions?client=canister&limit=200', ok(page({ ...permission, id: 'perm_2', roles: ['editor'] })))
api.answer('GET /clients/canister', ok(client))
api.answer('GET /clients/canister/keys?limit=200', ok(page(key, { ...key, id: 'key_old', state: 'expired' })))
const aSecret = { ...key, id: 'secret_01J', kind: 'secret', name: 'production' }
api.answer('GET /clients/canister/secrets?limit=200', ok(page(aSecret)))
api.answer('POST /clients', { status: 201, body: client })
api.answer('GET /groups/closed', ok({ ...group, name: 'closed', members: [] }))
api.answer('GET /permissions?group=closed&limit=200', refused('permission_missing', 403))

test('advice in calls of the API is given as commands', async () => {
  const { err } = await api.run('group show nowhere')
  expect(err).toContain('There is no group of this name. `countersign group list` lists those there are.')
  expect(err).not.toContain('/api/v1')
})

test.each([
  ['make them with POST /api/v1/users', 'make them with `countersign user create <username>`'],
  ['make one with POST /api/v1/me/tokens.', 'make one with `countersign pat create`.'],
  ['GET /api/v1/users lists them', '`countersign user list` lists them'],
  ['GET /api/v1/users/alice shows them', 'GET /api/v1/users/alice shows them'],
])('%s: %s', (call, command) => {
  expect(asCommands(call)).toBe(command)
})

test('each problem with a body is said once', async () => {
  const { err } = await api.run('key create x')
  expect(err).toBe(
    'countersign: The body is not acceptable. (400 invalid_body)\n' +
      '  client: there is no client x; make it with `countersign client create <id>`\n',
  )
})

test('https at a port that speaks http says what to try', async () => {
  const env = { COUNTERSIGN_SERVER: api.url.replace('http:', 'https:') }
  const { code, err } = await api.run('client list', { env })
  expect(code).toBe(4)
  expect(err).toContain(`Does it speak http? Try ${api.url}\n`)
  expect((await api.run('client list', { env: { COUNTERSIGN_SERVER: 'http://127.0.0.1:1' } })).err).not.toContain('Try')
})

test('units are named where a duration is not understood, and in the help', async () => {
  const units = 's, m, h, d, w: seconds to weeks'
  expect((await api.run('key create canister --expires 30x')).err).toContain(units)
  expect((await api.run('key rotate key_01J --overlap 90')).err).toContain(units)
  for (const line of ['key create --help', 'key rotate --help']) {
    expect((await api.run(line)).out.replace(/\s+/g, ' ')).toContain(units)
  }
})

test.each(['nonsense --help', 'client nonsense --help', 'help nonsense', 'nonsense -h', '--json nonsense --help'])(
  '%s is an unknown command',
  async (line) => {
    const { code, out, err } = await api.run(line)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain("unknown command 'nonsense'")
  },
)

test('a permission that gives nothing says so', async () => {
  const { err } = await api.run('permission create --client canister --resource webdav')
  expect(err).toBe('This permission gives no scopes: it passes only rules that ask for none.\n')
})

test('a credential and a client cannot both be revoked at once', async () => {
  expect((await api.run('revoke key_01J --client canister')).err).toContain('one of them, not both')
})

test('revoking a family names what was revoked, and what had ended before', async () => {
  const now = { ...key, state: 'revoked', revoked_at: '2030-01-01T12:00:00.000Z' }
  const expired = { ...now, id: 'key_0', expires_at: '2029-12-01T00:00:00.000Z' }
  const before = { ...now, id: 'key_00', revoked_at: '2029-01-01T00:00:00.000Z' }
  const stranger = { ...now, id: 'key_other', family: 'key_other' }
  api.answer('POST /credentials/key_01J/revoke', ok({ revoked: 1, credential: now }))
  const list = 'GET /credentials?owner=client%3Acanister&kind=key&limit=200'
  api.answer(list, ok(page(before, expired, now, stranger)))
  const { out } = await api.run('revoke key_01J --family')
  expect(out).toBe(
    'Revoked with its family, from the next request on:\n' +
      '  key_00  was revoked before\n  key_0  had expired\n  key_01J  revoked\n',
  )
  expect(api.sent[0]).toMatchObject({ method: 'POST', body: { family: true } })

  api.answer(list, refused('permission_missing', 403))
  expect((await api.run('revoke key_01J --family')).out).toBe('Revoked key_01J, from the next request on.\n')
  api.answer('POST /credentials/key_0/revoke', ok({ revoked: 0, credential: expired }))
  expect((await api.run('revoke key_0')).out).toContain('key_0 had expired before it was revoked')
})

test('a client that is made in a group is not told to ask for what it has', async () => {
  const { err } = await api.run('client create canister --group media')
  expect(err).toStartWith('It may do what group media may. See: countersign group show media\n')
  expect(err).not.toContain('permission create')
})

test('a group is shown with its members and permissions', async () => {
  const { out } = await api.run('group show media')
  expect(out).toMatch(/members +client:canister\n +user:alice\n/)
  expect(out).toMatch(/permissions +webdav: files:read; projects \* \(perm_01J\)\n/)
  expect((await api.run('group show closed')).out).toContain('unknown: this key may not read them')
})

test('a client is shown with its permissions, keys and secrets', async () => {
  const { out } = await api.run('client show canister')
  expect(out).toContain('permissions       webdav: files:read; roles editor; projects * (perm_2)\n')
  expect(out).toContain('webdav: files:read; projects * (perm_01J), by group media\n')
  expect(out).toContain('key_01J  laptop  live; last used: never\n')
  expect(out).toContain('1 revoked or expired: countersign key list canister\n')
  expect(out).toContain('secrets           secret_01J  production  live; last used: never\n')
})
