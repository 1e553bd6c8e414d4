// Who changed what, as people and programs get to see it.

import { expect, test } from 'bun:test'
import { client, ok, page, playApi, THEN } from '../testing/play-api.ts'

const api = playApi()
const event = {
  id: 'evt_01J',
  at: THEN,
  revision: 7,
  actor: 'user:alice',
  credential: 'pat_01J',
  action: 'credential.create',
  noun: 'credential',
  noun_id: 'key_01J',
  about: 'client:canister',
  detail: { owner: 'client:canister', family: 'key_01J', fields: ['name', 'groups'], groups: [], reason: null },
}
api.answer('GET /audit-events', ok(page(event)))
api.answer('GET /audit-events/evt_01J', ok(event))

test('a row says when, who, what, of which, whose it is and with which credential', async () => {
  const { code, out, err } = await api.run('audit')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out.split('\n').map((row) => row.split(/ {2,}/))).toEqual([
    ['TIME', 'ACTOR', 'ACTION', 'OF', 'ABOUT', 'DETAIL', 'CREDENTIAL', 'ID'],
    [
      ...['2030-01-31T12:00:00Z', 'user:alice', 'credential.create', 'key_01J', 'client:canister'],
      ...['family: key_01J; fields: name, groups', 'pat_01J', 'evt_01J'],
    ],
    [''],
  ])
})

test('one event is shown in full; programs get it as the API answers', async () => {
  const { out } = await api.run('audit evt_01J')
  for (const line of ['of          credential key_01J', 'fields      name, groups', 'revision    7'])
    expect(out).toContain(line)
  expect(JSON.parse((await api.run('audit evt_01J --json')).out)).toEqual(event)
  expect(JSON.parse((await api.run('audit --json')).out)).toEqual(page(event))
})

test('a change is shown as what was and what is', async () => {
  const changed = { groups: { from: [], to: ['media', 'ops'] }, name: { from: null, to: 'Canister' } }
  const detail = { fields: ['name', 'groups'], changed }
  api.answer('GET /audit-events/evt_changed', ok({ ...event, detail }))
  api.answer('GET /audit-events?limit=1', ok(page({ ...event, detail })))
  expect((await api.run('audit --limit 1')).out).toContain(' groups: none → media, ops; name: none → Canister ')
  const { out } = await api.run('audit evt_changed')
  expect(out).toContain('  groups      none → media, ops\n')
  expect(out).not.toContain('fields')
})

test.each([
  ['--about client:canister', 'about=client%3Acanister'],
  ['--noun client --id canister', 'noun=client&noun_id=canister'],
  ['--actor user:alice --action client.change', 'actor=user%3Aalice&action=client.change'],
  ['--credential key_01J', 'credential=key_01J'],
  ['--credential bootstrap', 'credential=bootstrap'],
  ['--since 24h', 'since=2029-12-31T12%3A00%3A00.000Z'],
  ['--since 2029-12-31T00:00:00Z --until 1h', 'since=2029-12-31T00%3A00%3A00Z&until=2030-01-01T11%3A00%3A00.000Z'],
])('audit %s', async (options, query) => {
  api.answer(`GET /audit-events?${query}`, ok(page()))
  const { code, out, err } = await api.run(`audit ${options}`)
  expect({ code, out, err }).toEqual({
    ...{ code: 0, out: '' },
    err: 'Nothing was changed that fits. Events are kept for ever.\n',
  })
})

test.each([
  ['--id canister', '--noun client --id canister'],
  ['--credential cs_key_secret', 'not the credential itself'],
  ['--since yesterday', 'an age like 90d'],
  ['--all --limit 3', 'cannot be used with'],
  ['--noun clients', 'Allowed choices are'],
])('audit %s is a mistake that is explained before anything is sent', async (options, explained) => {
  const { code, err } = await api.run(`audit ${options}`)
  expect({ code, sent: api.sent }).toEqual({ code: 2, sent: [] })
  expect(err).toContain(explained)
})

test('ADM-16 what a caller could choose steers no terminal and makes no row of its own', async () => {
  const sly = { ...event, noun_id: 'a\u001b[2J', detail: { reason: 'x\n2030 user:root\u202e', 'f\u001b[m': ['\r'] } }
  api.answer('GET /audit-events?limit=1', ok(page(sly)))
  api.answer('GET /audit-events/evt_sly', ok(sly))
  for (const line of ['audit --limit 1', 'audit evt_sly']) {
    const { out } = await api.run(line)
    expect(out).toContain('\\u{1b}')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    expect(out.replaceAll('\n', '')).not.toMatch(/[\x00-\x1f\u202e]/)
  }
  expect((await api.run('audit --limit 1')).out.split('\n')).toHaveLength(3)
})

test('--all follows the pages to the end; a page that ends early is filled from the next', async () => {
  const numbered = (id: string) => ({ ...event, id })
  api.answer('GET /audit-events?limit=200&action=client.change', ok({ items: [numbered('evt_1')], next_cursor: 'a' }))
  api.answer('GET /audit-events?limit=200&cursor=a&action=client.change', ok({ items: [], next_cursor: 'b' }))
  api.answer('GET /audit-events?limit=200&cursor=b&action=client.change', ok(page(numbered('evt_2'))))
  api.answer('GET /clients?limit=200', ok({ items: [client], next_cursor: 'a' }))
  api.answer('GET /clients?limit=200&cursor=a', ok(page(client)))
  const listed = JSON.parse((await api.run('audit --action client.change --all --json')).out)
  expect([listed.items.map(({ id }: { id: string }) => id), listed.next_cursor]).toEqual([['evt_1', 'evt_2'], null])
  expect(JSON.parse((await api.run('client list --all --json')).out)).toEqual(page(client, client))

  api.answer('GET /audit-events?limit=1&action=user.change', ok({ items: [], next_cursor: 'b' }))
  api.answer(
    'GET /audit-events?limit=1&cursor=b&action=user.change',
    ok({ items: [numbered('evt_3')], next_cursor: 'c' }),
  )
  const { out, err } = await api.run('audit --action user.change --limit 1')
  expect(out).toContain('evt_3')
  expect(err).toBe('More: countersign audit --action user.change --cursor c\n')
})
