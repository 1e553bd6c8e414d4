// Names, references, what the server itself keeps, and what a change leaves alone.

import { beforeEach, describe, expect, test } from 'bun:test'
import { type StartedApi, startApi, WEBDAV, withCanister } from './support.test.ts'

let started: StartedApi
beforeEach(async () => {
  started = await startApi()
})

async function refused(method: string, path: string, body?: object) {
  const answer = await started.call(method, path, body === undefined ? {} : { body })
  const { code, problems } = answer.body
  return { status: answer.status, code, at: problems?.map((problem) => problem.path) }
}

const other = { ...WEBDAV, name: 'other', identifier: 'https://other.example.com', hosts: [] }

describe('names', () => {
  beforeEach(() => withCanister(started))

  test.each([
    ['/resources', { ...other, name: 'webdav' }],
    ['/groups', { name: 'media' }],
    ['/clients', { id: 'canister' }],
  ])('a taken one is not given again: %s', async (path, body) => {
    expect(await refused('POST', path, body)).toMatchObject({ status: 409, code: 'name_taken' })
  })

  test.each([
    ['/resources', 'webdav', WEBDAV],
    ['/groups', 'media', { name: 'media' }],
    ['/clients', 'canister', { id: 'canister' }],
  ])('a deleted one is never given again: %s', async (path, name, body) => {
    await started.ok('DELETE', `${path}/${name}`)
    expect((await started.call('GET', `${path}/${name}`)).status).toBe(404)
    expect(await refused('POST', path, body)).toMatchObject({ status: 409, code: 'id_retired' })
  })

  test('a name is free in each noun by itself', async () => {
    await started.ok('POST', '/groups', { body: { name: 'canister' } })
    await started.ok('POST', '/clients', { body: { id: 'media' } })
  })

  test.each([
    ['/groups', { name: 'clients' }, 'name'],
    ['/groups', { name: 'countersign-x' }, 'name'],
    ['/clients', { id: 'bootstrap' }, 'id'],
    ['/clients', { id: 'Canister' }, 'id'],
    ['/resources', { ...other, name: 'none' }, 'name'],
  ])('a reserved or misspelt one is refused: %s %j', async (path, body, at) => {
    expect(await refused('POST', path, body)).toEqual({ status: 400, code: 'invalid_body', at: [at] })
  })

  test.each([
    ['the identifier of another resource', { identifier: WEBDAV.identifier }],
    ['the host of another resource', { hosts: ['x.example.com', 'webdav.example.com'] }],
    ['the identifier of this API', { identifier: 'http://127.0.0.1:8420/api/v1' }],
    ['the issuer', { identifier: 'http://127.0.0.1:8420/' }],
  ])('%s is taken', async (_what, clash) => {
    expect(await refused('POST', '/resources', { ...other, ...clash })).toMatchObject({
      status: 409,
      code: 'name_taken',
    })
    await started.ok('POST', '/resources', { body: other })
    expect(await refused('PATCH', '/resources/other', clash)).toMatchObject({ status: 409, code: 'name_taken' })
  })

  test('a body that repeats itself is stored once', async () => {
    const hosts = ['a.example.com', 'a.example.com', 'a.example.com.']
    const body = { ...other, hosts: hosts.slice(0, 2), scopes: ['files:read', 'files:read'], rules: [] }
    expect(await started.ok('POST', '/resources', { body })).toMatchObject({
      hosts: ['a.example.com'],
      scopes: ['files:read'],
    })
    await started.ok('PATCH', '/clients/canister', { body: { groups: ['media', 'media'] } })
    expect(await started.ok('GET', '/groups/media')).toMatchObject({ members: ['client:canister'] })
  })
})

describe('references', () => {
  beforeEach(() => withCanister(started))

  test.each([
    ['POST', '/clients', { id: 'new', groups: ['media', 'nope'] }, 'groups[1]'],
    ['PATCH', '/clients/canister', { groups: ['nope'] }, 'groups[0]'],
    ['PATCH', '/clients/canister', { default_resource: 'nope' }, 'default_resource'],
    ['PATCH', '/clients/canister', { networks: ['10.0.0.1/8'] }, 'networks[0]'],
    ['POST', '/permissions', { group: 'nope', resource: 'webdav' }, 'group'],
    ['POST', '/permissions', { client: 'nope', resource: 'webdav' }, 'client'],
    ['POST', '/permissions', { user: 'alice', resource: 'webdav' }, 'user'],
    ['POST', '/permissions', { client: 'canister', resource: 'nope' }, 'resource'],
    ['POST', '/permissions', { client: 'canister', resource: 'webdav', scopes: ['files:read', 'x:read'] }, 'scopes[1]'],
    ['POST', '/permissions', { client: 'canister', resource: 'webdav', scopes: ['*:list'] }, 'scopes[0]'],
    ['POST', '/permissions', { client: 'canister', resource: 'countersign', roles: ['root'] }, 'roles[0]'],
    [
      'POST',
      '/permissions',
      { client: 'canister', resource: 'countersign', roles: ['user'], projects: ['a'] },
      'projects',
    ],
    ['POST', '/clients/canister/keys', { resources: ['webdav', 'nope'] }, 'resources[1]'],
    ['POST', '/clients/canister/keys', { resources: ['webdav'], scopes: ['x:read'] }, 'scopes[0]'],
    ['POST', '/clients/canister/keys', { scopes: ['clients:read'] }, 'scopes[0]'],
    ['POST', '/clients/canister/keys', { networks: ['10.0.0.0/8', '10.0.0.1/8'] }, 'networks[1]'],
    [
      'POST',
      '/resources',
      { ...other, rules: [{ path: '/**', require: { scopes: ['x:read'] } }] },
      'rules[0].require.scopes',
    ],
    [
      'POST',
      '/resources',
      { ...other, rules: [{ path: '/**', require: { groups: ['nope'] } }] },
      'rules[0].require.groups[0]',
    ],
    ['PATCH', '/resources/webdav', { scopes: ['files:read'] }, 'rules[1].require.scopes'],
    ['POST', '/resources', { ...other, scope_details: { 'x:read': {} } }, 'scope_details.x:read'],
    [
      'PATCH',
      '/resources/webdav',
      { scope_details: { 'files:list': { surface: 'files' } } },
      'scope_details.files:list',
    ],
  ])('what is not there is refused at its field: %s %s %j', async (method, path, body, at) => {
    expect(await refused(method, path, body)).toEqual({ status: 400, code: 'invalid_body', at: [at] })
  })

  test('every problem of the rules is told at once', async () => {
    const rules = [
      { path: '/a;b' },
      { path: '/**', require: { scopes: ['x:read', 'y:read'], networks: ['10.0.0.1/8'], groups: ['nope'] } },
    ]
    const { at } = await refused('POST', '/resources', { ...other, rules })
    const second = ['scopes', 'scopes', 'networks', 'groups[0]'].map((field) => `rules[1].require.${field}`)
    expect(at).toEqual(['rules[0].path', ...second])
  })

  test('what is missing says how to make it', async () => {
    const { body } = await started.call('POST', '/clients', { body: { id: 'new', groups: ['nope'] } })
    expect(body.problems[0]?.message).toBe('there is no group nope; make it with POST /api/v1/groups')
  })

  test('two permissions that say the same are one too many', async () => {
    const body = { client: 'canister', resource: 'webdav', scopes: ['files:write', 'files:read'] }
    await started.ok('POST', '/permissions', { body })
    const twin = { ...body, scopes: ['files:read', 'files:write'] }
    expect(await refused('POST', '/permissions', twin)).toMatchObject({ status: 409, code: 'conflict' })
    await started.ok('POST', '/permissions', { body: { ...twin, projects: ['a'] } })
  })

  test('a client that is gone is no introspector any more, and no mistake of a later change', async () => {
    await started.ok('PATCH', '/resources/webdav', { body: { introspectors: ['canister'] } })
    await started.ok('DELETE', '/clients/canister')
    const changed = await started.ok('PATCH', '/resources/webdav', { body: { preflight: 'pass' } })
    expect(changed).toMatchObject({ introspectors: [], preflight: 'pass' })
    expect(await refused('PATCH', '/resources/webdav', { introspectors: ['canister'] })).toMatchObject({ status: 400 })
  })

  test('a deleted group takes its memberships and permissions along', async () => {
    await started.ok('DELETE', '/groups/media')
    expect(await started.ok('GET', '/clients/canister')).toMatchObject({ groups: [] })
    expect((await started.ok('GET', '/permissions?resource=webdav')).items).toEqual([])
    expect(started.directory.permissionsOf({ kind: 'group', id: 'media' }, 'webdav')).toEqual([])
  })
})

describe('what the server itself keeps', () => {
  test.each([
    ['POST', '/resources', { ...other, name: 'countersign' }],
    ['PATCH', '/resources/countersign', { disabled: true }],
    ['DELETE', '/resources/countersign', undefined],
  ])('%s %s: the resource countersign is immutable', async (method, path, body) => {
    expect(await refused(method, path, body)).toMatchObject({ status: 409, code: 'immutable_resource' })
  })

  test.each([
    ['DELETE', '/clients/bootstrap', undefined],
    ['DELETE', '/clients/countersign-admin', undefined],
    ['PATCH', '/clients/bootstrap', { name: 'Mine' }],
    ['PATCH', '/clients/countersign-admin', { groups: ['media'] }],
    ['PATCH', '/clients/countersign-admin', { disabled: true, networks: null }],
    ['DELETE', '/permissions/perm_bootstrap', undefined],
    ['DELETE', '/permissions/perm_countersign-admin', undefined],
    ['POST', '/permissions', { client: 'countersign-admin', resource: 'webdav' }],
    ['POST', '/permissions', { client: 'bootstrap', resource: 'countersign', roles: ['user'] }],
    ['POST', '/clients/bootstrap/keys', {}],
    ['POST', '/clients/bootstrap/keys', { resources: ['countersign'] }],
    ['POST', '/clients/bootstrap/revoke-credentials', {}],
  ])('%s %s %j is a conflict', async (method, path, body) => {
    await withCanister(started)
    expect(await refused(method, path, body)).toMatchObject({ status: 409, code: 'conflict' })
    expect(await started.ok('GET', '/me')).toMatchObject({ roles: ['admin'] })
  })

  test('a key can be made for the built-in admin, which may be disabled and enabled', async () => {
    const body = { resources: ['countersign'] }
    const { key } = await started.ok('POST', '/clients/countersign-admin/keys', { body })
    expect(await started.ok('GET', '/me', { as: key })).toMatchObject({ roles: ['admin'] })
    await started.ok('PATCH', '/clients/countersign-admin', { body: { disabled: true } })
    expect(await started.stateOf(key)).toBe('owner_disabled')
    await started.ok('PATCH', '/clients/countersign-admin', { body: { disabled: false } })
    expect(await started.stateOf(key)).toBe('live')
  })

  test('an un-narrowed key does not reach the management API, whoever owns it', async () => {
    const { key } = await started.ok('POST', '/clients/countersign-admin/keys', { body: {} })
    expect(await started.stateOf(key)).toBe('resource_not_granted')
  })
})

describe('a change', () => {
  test('changes the fields sent and no other', async () => {
    await withCanister(started)
    const full = {
      ...{ groups: ['media'], networks: ['10.0.0.0/8'], listener: 'internal', access_token_ttl_seconds: 60 },
      ...{ default_resource: 'webdav', name: 'C', grants: [] },
    }
    await started.ok('PATCH', '/clients/canister', { body: full })
    expect(await started.ok('PATCH', '/clients/canister', { body: { disabled: true } })).toMatchObject({
      ...full,
      disabled: true,
    })
    const cleared = { networks: null, access_token_ttl_seconds: null, default_resource: null }
    expect(await started.ok('PATCH', '/clients/canister', { body: cleared })).toMatchObject({ ...full, ...cleared })
  })

  test('of a resource keeps what it does not name, and is linted', async () => {
    const whole = {
      ...WEBDAV,
      credential_header: 'X-Webdav-Key',
      headers: { 'X-Who': 'Remote-User' },
      groups: 'all',
      preflight: 'pass',
    }
    await started.ok('POST', '/resources', { body: whole })
    const changed = await started.ok('PATCH', '/resources/webdav', { body: { hosts: [] } })
    expect(changed).toMatchObject({ ...whole, credential_header: 'x-webdav-key', hosts: [] })
    expect(changed.warnings).toEqual(['there are no hosts: no proxy can ask for it, only the library'])
  })

  test('of a resource says what its scopes are for, until they are gone', async () => {
    const scope_details = {
      'files:read': { surface: 'files', description: 'Read files' },
      'files:write': { surface: 'files' },
    }
    expect(await started.ok('POST', '/resources', { body: WEBDAV })).toMatchObject({ scope_details: {} })
    await started.ok('PATCH', '/resources/webdav', { body: { scope_details } })
    expect(await started.ok('GET', '/resources/webdav')).toMatchObject({ scope_details })

    const fewer = { scopes: ['files:read'], rules: [{ path: '/**', require: { scopes: ['files:read'] } }] }
    const changed = await started.ok('PATCH', '/resources/webdav', { body: fewer })
    expect(changed.scope_details).toEqual({ 'files:read': scope_details['files:read'] })
    const cleared = await started.ok('PATCH', '/resources/webdav', { body: { scope_details: {} } })
    expect(cleared.scope_details).toEqual({})
  })

  test('is audited with who did it, and never with a secret', async () => {
    await withCanister(started)
    const { key, id } = await started.ok('POST', '/clients/canister/keys', { body: {} })
    await started.ok('POST', `/credentials/${id}/rotate`, { body: {} })
    const events = await started.store.reader.selectFrom('audit_event').selectAll().execute()
    expect(new Set(events.map(({ actor, credential }) => `${actor} ${credential}`))).toEqual(
      new Set(['client:bootstrap bootstrap']),
    )
    expect(JSON.stringify(events)).not.toContain(key)
    expect(JSON.stringify(events)).not.toMatch(/cs_key_/)
    expect(events.map(({ action }) => action)).toContain('credential.rotate')
  })

  test('that is refused leaves nothing behind, not even a revision', async () => {
    const before = started.directory.revision
    await started.call('POST', '/clients', { body: { id: 'new', groups: ['nope'] } })
    expect((await started.call('GET', '/clients/new')).status).toBe(404)
    const row = await started.store.reader.selectFrom('revision').select('value').executeTakeFirstOrThrow()
    expect(row.value).toBe(before)
  })
})
