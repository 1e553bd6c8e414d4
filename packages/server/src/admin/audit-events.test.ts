// Who changed what: the list for those who were not there.

import { beforeEach, describe, expect, test } from 'bun:test'
import type { AuditEvent } from '@countersign/admin-api'
import { startApi } from './support.test.ts'

type At = Awaited<ReturnType<typeof startApi>>
let at: At
beforeEach(async () => {
  at = await startApi()
})

const HOUR_MS = 3_600_000
const later = (ms = HOUR_MS) => {
  at.time.now = new Date(at.time.now.getTime() + ms)
}
const PATH = '/audit-events'

async function events(query = ''): Promise<AuditEvent[]> {
  return (await at.ok('GET', `${PATH}${query}`)).items as unknown as AuditEvent[]
}
const actions = async (query = '') => (await events(query)).map(({ action, noun_id }) => `${action} ${noun_id}`)

/** Two clients, of which one was given something and had a key revoked an hour later. */
async function canisterAndOther() {
  await at.ok('POST', '/groups', { body: { name: 'media' } })
  await at.ok('POST', '/clients', { body: { id: 'canister' } })
  await at.ok('POST', '/clients', { body: { id: 'other' } })
  const { id } = await at.ok('POST', '/clients/canister/keys', { body: { name: 'laptop' } })
  later()
  await at.ok('PATCH', '/clients/canister', { body: { groups: ['media'] } })
  await at.ok('POST', `/credentials/${id}/revoke`, { body: { reason: 'leaked' } })
  return id
}

test('the newest stands first, and what one change did stands in the order of its doing', async () => {
  const id = await canisterAndOther()
  expect(await actions()).toEqual([
    `revocation_line.draw credential:${id}`,
    `credential.revoke ${id}`,
    'client.change canister',
    `credential.create ${id}`,
    'client.create other',
    'client.create canister',
    'group.create media',
  ])
})

test('an event says who did it, with which credential, when, to what, and what became of it', async () => {
  const key = await at.caller('robot', { roles: ['admin'] })
  const { items } = await at.ok('GET', '/clients/robot/keys')
  later()
  await at.ok('POST', '/clients', { body: { id: 'canister' } })
  await at.ok('PATCH', '/clients/canister', { as: key, body: { name: 'Canister', networks: ['10.0.0.0/8'] } })
  const [event] = await events('?actor=client:robot')
  expect(event).toEqual({
    id: expect.stringMatching(/^evt_[0-9A-Z]{26}$/),
    at: at.time.now.toISOString(),
    revision: expect.any(Number),
    actor: 'client:robot',
    credential: items[0]?.id ?? '',
    action: 'client.change',
    noun: 'client',
    noun_id: 'canister',
    about: 'client:canister',
    detail: expect.objectContaining({ fields: ['name', 'networks'] }),
  })
  expect((await at.ok('GET', `${PATH}/${event?.id}`)) as unknown).toEqual(event)
})

describe('only those are listed', () => {
  const filters: [what: string, query: (id: string) => string, found: (id: string) => string[]][] = [
    [
      'about a client: itself, what it has, what it holds',
      () => '?about=client:canister',
      (id) => [
        `revocation_line.draw credential:${id}`,
        `credential.revoke ${id}`,
        'client.change canister',
        `credential.create ${id}`,
        'client.create canister',
      ],
    ],
    [
      'of a kind',
      () => '?noun=client',
      () => ['client.change canister', 'client.create other', 'client.create canister'],
    ],
    ['of one thing', () => '?noun=client&noun_id=other', () => ['client.create other']],
    [
      'of one credential',
      (id) => `?noun=credential&noun_id=${id}`,
      (id) => [`credential.revoke ${id}`, `credential.create ${id}`],
    ],
    ['by an actor', () => '?actor=client:nobody', () => []],
    ['with a credential', () => '?credential=bootstrap&noun=group', () => ['group.create media']],
    ['of an action', () => '?action=client.create', () => ['client.create other', 'client.create canister']],
    ['since a moment', () => `?since=${at.time.now.toISOString()}&noun=client`, () => ['client.change canister']],
    [
      'until a moment',
      () => `?until=${at.time.now.toISOString()}&noun=client`,
      () => ['client.create other', 'client.create canister'],
    ],
    ['since a moment within a second', () => `?since=${new Date(at.time.now.getTime() + 1).toISOString()}`, () => []],
  ]
  test.each(filters)('%s', async (_, query, found) => {
    const id = await canisterAndOther()
    expect(await actions(query(id))).toEqual(found(id))
  })
})

test('page by page each event is there once, whatever happens meanwhile', async () => {
  await canisterAndOther()
  for (const query of ['', '&about=client:canister', '&noun=client', '&action=client.create&actor=client:bootstrap']) {
    const expected = await actions(`?${query}`)
    const found: string[] = []
    let cursor: string | null = ''
    while (cursor !== null && found.length <= expected.length) {
      const { items, next_cursor } = await at.ok('GET', `${PATH}?limit=1${query}${cursor && `&cursor=${cursor}`}`)
      found.push(...(items as unknown as AuditEvent[]).map(({ action, noun_id }) => `${action} ${noun_id}`))
      await at.ok('PATCH', '/groups/media', { body: { description: `page ${found.length}` } })
      cursor = next_cursor
    }
    expect(found).toEqual(expected)
  }
})

test('what cannot be asked is said, with what can', async () => {
  const told = async (query: string) => {
    const { status, body } = await at.call('GET', `${PATH}${query}`)
    return [status, body.problems.map(({ path, message }) => `${path}: ${message}`).join()]
  }
  expect(await told('?noun_id=canister')).toEqual([400, 'noun: expected a noun beside noun_id, like "client"'])
  expect(await told('?noun=clients')).toEqual([400, expect.stringContaining('expected one of resource, group, client')])
  expect(await told('?about=canister')).toEqual([400, expect.stringContaining('"client:canister"')])
  expect(await told('?cursor=WyJ4Il0')).toEqual([400, 'cursor: expected the next_cursor of an earlier page'])
  expect(await told('?since=yesterday')).toEqual([400, expect.stringContaining('2030-01-31T12:00:00Z')])
  expect((await at.call('GET', `${PATH}/evt_00000000000000000000000000`)).status).toBe(404)
})

test('it is for those who may read it: auditors and admins, or by its own scope', async () => {
  const auditor = await at.caller('watch', { roles: ['auditor'] })
  const reader = await at.caller('reader', { scopes: ['audit-events:read'] })
  const other = await at.caller('other', { scopes: ['decisions:read', 'clients:read'] })
  expect((await at.call('GET', PATH, { as: auditor })).status).toBe(200)
  expect((await at.call('GET', PATH, { as: reader })).status).toBe(200)
  expect((await at.call('GET', PATH, { as: other })).refusal).toBe('scope_missing')
})

describe('what became of it', () => {
  const newest = async (query: string) => (await events(query))[0]?.detail

  test('a change says which fields were sent, and what those that differ were and are', async () => {
    await canisterAndOther()
    const body = { name: 'Canister', groups: ['media'], networks: ['10.0.0.0/8'] }
    await at.ok('PATCH', '/clients/canister', { body })
    expect(await newest('?noun=client&noun_id=canister')).toEqual({
      fields: ['name', 'groups', 'networks'],
      changed: { name: { from: 'canister', to: 'Canister' }, networks: { from: null, to: ['10.0.0.0/8'] } },
    })
    await at.ok('PATCH', '/groups/media', { body: { disabled: true } })
    expect(await newest('?about=group:media')).toEqual({
      fields: ['disabled'],
      changed: { disabled: { from: false, to: true } },
    })
  })

  test('a password is not in it, neither what it was nor what it is, nor its hash', async () => {
    await at.ok('POST', '/users', { body: { username: 'alice', password: 'correct horse battery' } })
    await at.ok('PATCH', '/users/alice', { body: { password: 'tr0ub4dor and three', email: 'a@example.com' } })
    expect(await newest('?about=user:alice')).toEqual({
      fields: ['email', 'password'],
      changed: { email: { from: null, to: 'a@example.com' } },
    })
    const rows = JSON.stringify(await at.store.reader.selectFrom('audit_event').selectAll().execute())
    for (const secret of ['correct horse', 'tr0ub4dor', 'argon2']) expect(rows).not.toContain(secret)
  })

  test('a deletion says what there was', async () => {
    await canisterAndOther()
    await at.ok('DELETE', '/clients/canister')
    expect(await newest('?action=client.delete')).toMatchObject({ was: { id: 'canister', groups: ['media'] } })
    await at.ok('DELETE', '/groups/media')
    expect(await newest('?action=group.delete')).toEqual({
      was: { name: 'media', description: null, disabled: false, managed_by: null },
    })
  })

  test('what is long is left out, and how long it is said', async () => {
    await at.ok('POST', '/resources', { body: { name: 'webdav', identifier: 'https://webdav.example.com', rules: [] } })
    const rules = Array.from({ length: 100 }, (_, n) => ({ path: `/archive/of/${n}/**` }))
    await at.ok('PATCH', '/resources/webdav', { body: { rules } })
    expect(await newest('?noun=resource')).toEqual({
      fields: ['rules'],
      changed: { rules: { from: [], to: expect.stringMatching(/^\(\d{4} characters\)$/) } },
    })
  })

  test('a credential says whose it is, how it is called and what it is narrowed to, and nothing it could be used by', async () => {
    await canisterAndOther()
    const { id, key } = await at.ok('POST', '/clients/canister/keys', {
      body: { name: 'ci', networks: ['10.0.0.0/8'] },
    })
    const detail = await newest(`?noun=credential&noun_id=${id}`)
    expect(detail).toMatchObject({ owner: 'client:canister', name: 'ci', resources: null })
    expect(JSON.stringify(detail)).not.toContain(key.slice(7, 20))
    const { id: successor } = await at.ok('POST', `/credentials/${id}/rotate`, { body: {} })
    const made = (await events('?about=client:canister&limit=2')).map(({ action, noun_id, detail }) => [
      action,
      noun_id,
      detail.by,
    ])
    expect(made).toEqual([
      ['credential.replace', id, successor],
      ['credential.rotate', successor, undefined],
    ])
  })
})
