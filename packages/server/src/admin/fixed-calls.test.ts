// The calls that other tools rely on, one after the other, with what they answer.

import { beforeAll, describe, expect, test } from 'bun:test'
import { type StartedApi, startApi, WEBDAV } from './support.test.ts'

let started: StartedApi
beforeAll(async () => {
  started = await startApi({ shared: true })
})

describe('the fixed calls', () => {
  const calls: [method: string, path: string, body: object | undefined, status: number, answer: object][] = [
    ['POST', '/resources', WEBDAV, 201, { ...WEBDAV, warnings: [], managed_by: null, disabled: false }],
    ['POST', '/groups', { name: 'media' }, 201, { name: 'media', description: null }],
    [
      'POST',
      '/clients',
      { id: 'canister', name: 'Canister', groups: ['media'] },
      201,
      { id: 'canister', name: 'Canister', groups: ['media'], grants: ['client_credentials'], networks: null },
    ],
    [
      'POST',
      '/permissions',
      { group: 'media', resource: 'webdav', scopes: ['files:read'], roles: [] },
      201,
      { group: 'media', resource: 'webdav', scopes: ['files:read'], roles: [], projects: null },
    ],
    [
      'POST',
      '/permissions',
      { client: 'canister', resource: 'webdav', scopes: ['*:read'] },
      201,
      { client: 'canister' },
    ],
    ['GET', '/clients/canister', undefined, 200, { default_resource: 'webdav' }],
    ['POST', '/clients/canister/keys', { name: 'laptop' }, 201, { name: 'laptop', expires_at: null, full: true }],
    [
      'POST',
      '/clients/canister/keys',
      {},
      201,
      { name: null, state: 'live', owner: { kind: 'client', id: 'canister' } },
    ],
    ['PATCH', '/clients/canister', { disabled: true }, 200, { disabled: true, name: 'Canister', groups: ['media'] }],
    ['PATCH', '/clients/canister', { groups: [] }, 200, { disabled: true, groups: [] }],
    ['PATCH', '/resources/webdav', { disabled: true }, 200, { ...WEBDAV, disabled: true, warnings: [] }],
    [
      'PATCH',
      '/resources/webdav',
      { access_token: { ttl_seconds: 60 } },
      200,
      { access_token: { format: 'jwt', ttl_seconds: 60 } },
    ],
    ['GET', '/resources/webdav', undefined, 200, { name: 'webdav', disabled: true }],
    ['GET', '/resources/countersign', undefined, 200, { name: 'countersign', managed_by: 'countersign' }],
    ['GET', '/groups/media', undefined, 200, { name: 'media', members: [] }],
    ['GET', '/credentials?owner=client:canister&kind=key', undefined, 200, { next_cursor: null }],
    ['GET', '/clients/canister/keys', undefined, 200, { next_cursor: null }],
    [
      'GET',
      '/me',
      undefined,
      200,
      { principal: { kind: 'client', id: 'bootstrap', name: 'Bootstrap key' }, roles: ['admin'] },
    ],
    ['GET', '/decisions', undefined, 200, { items: [], next_cursor: null }],
    ['GET', '/decisions/dec_0', undefined, 404, { code: 'not_found' }],
    [
      'POST',
      '/explain',
      { method: 'GET', url: 'https://x.test/', credential_id: 'key_0' },
      400,
      { code: 'invalid_body' },
    ],
  ]
  test.each(calls)('%s %s %j', async (method, path, body, status, expected) => {
    const answer = await started.call(method, path, body === undefined ? {} : { body })
    expect(answer.body).toMatchObject(expected)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('a key is shown once, with its public id, and found by it', async () => {
    const made = await started.ok('POST', '/clients/canister/keys', { body: { name: 'phone' } })
    expect(made.id).toMatch(/^key_[0-9A-Z]{26}$/)
    expect(made.key).toMatch(/^cs_key_[0-9A-Za-z]{49}$/)
    const shown = await started.ok('GET', `/credentials/${made.id}`)
    const { key: _, ...rest } = made
    expect<unknown>(shown).toEqual(rest)
  })

  test('a revocation is told with who, when and why', async () => {
    const { id } = await started.ok('POST', '/clients/canister/keys', { body: {} })
    const revoked = await started.ok('POST', `/credentials/${id}/revoke`, { body: { reason: 'leaked' } })
    expect(revoked).toMatchObject({
      revoked: 1,
      credential: { id, state: 'revoked', revoked_by: 'client:bootstrap', revoked_reason: 'leaked' },
    })
  })

  test('DELETE answers 204 without a body', async () => {
    for (const path of ['/clients/canister', '/groups/media', '/resources/webdav']) {
      const answer = await started.call('DELETE', path)
      expect([answer.status, answer.text]).toEqual([204, ''])
    }
  })

  test('nothing failed, and no answer but that of a key that was made holds a credential', () => {
    expect(started.errors).toEqual([])
    const showing = started.answers.filter(({ text }) => /cs_[a-z]+_[0-9A-Za-z]{8}/.test(text))
    expect(showing.length).toBe(4)
    for (const { status, body } of showing) expect([status, typeof body.key]).toEqual([201, 'string'])
  })
})
