// What declares a thing: said by whoever makes or adopts it, and trusted by whoever prunes what no file declares.

import { beforeEach, describe, expect, test } from 'bun:test'
import { type StartedApi, startApi, withCanister } from './support.test.ts'

let started: StartedApi
beforeEach(async () => {
  started = await startApi()
  await withCanister(started)
  await started.ok('POST', '/users', { body: { username: 'alice' } })
})

const NOUNS = [
  ['/resources', { name: 'forge', identifier: 'https://forge.example.com', rules: [] }, 'name'],
  ['/groups', { name: 'crew' }, 'name'],
  ['/clients', { id: 'robot' }, 'id'],
  ['/users', { username: 'bob' }, 'username'],
  ['/permissions', { user: 'alice', resource: 'webdav', scopes: ['files:read'] }, 'id'],
] as const

describe.each(NOUNS)('of %s', (path, body, key) => {
  const make = (managed_by?: string | null) =>
    started.ok('POST', path, { body: { ...body, ...(managed_by !== undefined && { managed_by }) } })

  test('nothing is said of what is made by hand', async () => {
    const made = await make()
    expect(made.managed_by).toBeNull()
    expect((await started.ok('GET', `${path}/${made[key]}`)).managed_by).toBeNull()
  })

  test('it is kept as told, shown, adopted and given back', async () => {
    const made = await make('platform')
    expect(made.managed_by).toBe('platform')
    const one = `${path}/${made[key]}`
    for (const managed_by of ['other', null]) {
      expect((await started.ok('PATCH', one, { body: { managed_by } })).managed_by).toBe(managed_by)
      const { items } = await started.ok('GET', path)
      expect(items.find((item) => item[key] === made[key])?.managed_by).toBe(managed_by)
    }
  })

  test('it stays where a change says nothing of it', async () => {
    const made = await make('platform')
    const change = path === '/permissions' ? {} : { disabled: true }
    expect((await started.ok('PATCH', `${path}/${made[key]}`, { body: change })).managed_by).toBe('platform')
  })

  test.each(['countersign', 'countersign-admin', 'Platform', 'a:b', '', 7])('it is never %p', async (managed_by) => {
    const refusal = { status: 400, body: { code: 'invalid_body', problems: [{ path: 'managed_by' }] } }
    expect(await started.call('POST', path, { body: { ...body, managed_by } })).toMatchObject(refusal)
    const made = await make()
    expect(await started.call('PATCH', `${path}/${made[key]}`, { body: { managed_by } })).toMatchObject(refusal)
  })
})

test('what Countersign itself keeps is adopted by nobody', async () => {
  const body = { managed_by: 'platform' }
  for (const path of ['/clients/bootstrap', '/permissions/perm_bootstrap', '/resources/countersign']) {
    expect((await started.call('PATCH', path, { body })).status).toBe(409)
  }
})

test('a permission at the management API is given to a file by an admin alone', async () => {
  const writer = await started.caller('writer', { scopes: ['permissions:write'] })
  const body = { client: 'canister', resource: 'countersign', roles: ['auditor'] }
  const held = await started.ok('POST', '/permissions', { body })
  const sent = { body: { managed_by: 'platform' } }
  expect((await started.call('PATCH', `/permissions/${held.id}`, { ...sent, as: writer })).body.code).toBe(
    'would_escalate',
  )
  expect((await started.ok('PATCH', `/permissions/${held.id}`, sent)).managed_by).toBe('platform')
})
