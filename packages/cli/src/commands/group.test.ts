// Groups: switching them off, saying what they are for, and putting users and clients in and out.

import { expect, test } from 'bun:test'
import { client, ok, page, playApi, refused, THEN, user } from '../testing/play-api.ts'

const api = playApi()
const group = { name: 'films', description: null, disabled: true, managed_by: null, created_at: THEN }
api.answer('PATCH /groups/films', ok(group))
api.answer('GET /groups/films', ok({ ...group, members: [] }))
api.answer('GET /users/alice', ok(user))
api.answer('PATCH /users/alice', ok(user))
api.answer('GET /clients/canister', ok(client))
api.answer('PATCH /clients/canister', ok(client))

const calls = () => api.sent.map(({ method, path, body }) => [method, path, body])

test.each([
  ['group disable films', { disabled: true }],
  ['group enable films', { disabled: false }],
  ['group update films --description Reads~films', { description: 'Reads films' }],
  ['group update films --description ', { description: null }],
])('%s', async (line, body) => {
  expect((await api.run(line)).code).toBe(0)
  expect(calls()).toEqual([['PATCH', '/groups/films', body]])
})

test('members come in and go out by what they are, and keep their other groups', async () => {
  const { out } = await api.run('group add films user:alice client:canister')
  expect(out).toBe('user:alice is in group films now.\nclient:canister is in group films now.\n')
  expect(calls()).toEqual([
    ['GET', '/groups/films', undefined],
    ['GET', '/users/alice', undefined],
    ['PATCH', '/users/alice', { groups: ['media', 'films'] }],
    ['GET', '/clients/canister', undefined],
    ['PATCH', '/clients/canister', { groups: ['media', 'films'] }],
  ])
})

test('who is in already is not put in again', async () => {
  api.answer('GET /groups/media', ok({ ...group, name: 'media', members: ['user:alice'] }))
  const { code, out } = await api.run('group add media user:alice')
  expect({ code, out }).toEqual({ code: 0, out: 'user:alice was in group media before.\n' })
  const gone = await api.run('group remove media user:alice --json')
  expect(api.sent.find(({ method }) => method === 'PATCH')?.body).toEqual({ groups: [] })
  expect(JSON.parse(gone.out)).toMatchObject({ name: 'media', members: ['user:alice'] })
})

test('a group that is not there, or a member in other words, changes nobody', async () => {
  api.answer('GET /groups/none', refused('not_found', 404))
  expect((await api.run('group add none user:alice')).code).toBe(3)
  expect(calls()).toEqual([['GET', '/groups/none', undefined]])
  expect((await api.run('group add films user:alice canister')).code).toBe(2)
  expect(calls()).toEqual([])
})

test('a group that is switched off says so', async () => {
  api.answer('GET /permissions?group=films&limit=200', ok(page()))
  expect((await api.run('group show films')).out).toMatch(/state +disabled\n/)
})
