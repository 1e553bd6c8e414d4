// What is known of changes: nobody takes it away, nobody forges it, and it shows nothing that could be used.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PATIENCE_MS } from '../support/wait.ts'
import { type MadeToken, Stage } from './stage.ts'
import { bearer, type Line } from './vectors/vector.ts'

let stage: Stage
let mallory: MadeToken
let auditor: MadeToken
beforeAll(async () => {
  stage = await Stage.open()
  await stage.make('/users', { username: 'mallory', roles: ['admin'], password: 'a password of these tests' })
  await stage.make('/users', { username: 'auditor', roles: ['auditor'] })
  stage.oracle.keepSecret('a password of these tests')
  mallory = await stage.newToken('mallory', { resources: ['countersign'] })
  auditor = await stage.newToken('auditor', { resources: ['countersign'] })
}, PATIENCE_MS)
afterAll(() => stage.close())

type Event = { id: string; actor: string; action: string; credential: string | null; detail: Record<string, unknown> }
const eventsOf = async (query: string) => (await stage.call('GET', `/audit-events?${query}`)).items as Event[]

test('ADM-06 no call takes an event away or alters one, not even an admin’s', async () => {
  const before = JSON.stringify(await eventsOf('limit=200'))
  const [{ id } = { id: '' }] = await eventsOf('limit=1')
  for (const path of ['/audit-events', `/audit-events/${id}`, '/audit-events?until=2100-01-01T00:00:00Z']) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PURGE']) {
      const { status } = await stage.send(method, path, [bearer(mallory.token)], {})
      expect([method, path, [403, 404, 405].includes(status)]).toEqual([method, path, true])
    }
  }
  expect(JSON.stringify(await eventsOf('limit=200'))).toBe(before)
})

test('ADM-06 no line of the server deletes or updates events, but the one that tells old ones whom they are about', () => {
  const sources = (folder: string): string[] =>
    readdirSync(folder).flatMap((name) => {
      const path = join(folder, name)
      if (statSync(path).isDirectory()) return sources(path)
      return path.endsWith('.ts') && !path.endsWith('.test.ts') ? [path] : []
    })
  const server = join(import.meta.dir, '../../packages/server/src')
  const writing =
    /(deleteFrom|updateTable|replaceInto|mergeInto|truncate)\W+audit_event|(delete from|update) "?audit_event/i
  const found = sources(server).filter((path) => writing.test(readFileSync(path, 'utf8')))
  expect(found.map((path) => path.slice(server.length + 1))).toEqual(['store/migrations/operating.ts'])
})

const FORGED: readonly Line[] = [
  ['X-Actor', 'user:root'],
  ['Countersign-Actor', 'user:root'],
  ['Remote-User', 'root'],
  ['X-Forwarded-User', 'root'],
  ['Forwarded', 'for=10.9.8.7;by=root'],
  ['X-Request-Id', '"},{"actor":"user:root'],
]

test('ADM-16 an event names who showed the credential, whatever else the call says', async () => {
  const lines = [bearer(mallory.token), ...FORGED]
  const sly = '"},{"actor":"user:root","action":"client.create'
  expect((await stage.send('POST', '/users', lines, { username: 'victim', name: sly })).status).toBe(201)
  const body = { name: `${sly}\u202e`, actor: 'user:root' }
  expect((await stage.send('PATCH', '/users/victim', lines, body)).status).toBe(400)
  expect((await stage.send('PATCH', '/users/victim', lines, { name: `${sly}\u202e` })).status).toBe(200)
  const events = await eventsOf('about=user:victim')
  expect(events.map(({ actor, action, credential }) => [actor, action, credential])).toEqual([
    ['user:mallory', 'user.change', mallory.id],
    ['user:mallory', 'permission.create', mallory.id],
    ['user:mallory', 'user.create', mallory.id],
  ])
  expect(events[0]?.detail).toMatchObject({ changed: { name: { from: sly, to: `${sly}\u202e` } } })
  expect(await eventsOf('actor=user:root')).toEqual([])
})

test('ADM-14 whoever may only read finds no credential in what was recorded, nor what one could be known by', async () => {
  const { id } = await stage.newKey('canister', { name: 'laptop' })
  await stage.make('/clients/canister/secrets', { name: 'production' })
  await stage.make(`/credentials/${id}/rotate`, {})
  await stage.call('PATCH', '/users/mallory', { password: 'another password of these tests' })
  stage.oracle.keepSecret('another password of these tests')
  const digest = 'ab'.repeat(32)
  const credentials = [{ digest, owner: 'client:canister' }]
  const hmac_key = Buffer.alloc(32, 5).toString('base64')
  const importing = { prefix: 'acme_', digest: 'hmac-sha256', hmac_key, credentials }
  await stage.call('POST', '/credentials/import', importing)
  await stage.call('POST', '/signing-keys/rotate', { now: true })
  let cursor: string | null = ''
  let events = 0
  while (cursor !== null) {
    const path: string = `/audit-events?limit=50${cursor && `&cursor=${cursor}`}`
    const { status, body } = await stage.send('GET', path, [bearer(auditor.token)])
    expect(status).toBe(200)
    stage.oracle.holdsNoSecret(body, path)
    expect(body).not.toMatch(/[0-9a-f]{64}|argon2|"(d|k|private_key|hmac_key|password_hash)":/)
    for (const secret of [digest, hmac_key]) expect(body).not.toContain(secret)
    const page = JSON.parse(body) as { items: Event[]; next_cursor: string | null }
    events += page.items.length
    cursor = page.next_cursor
  }
  expect(events).toBeGreaterThan(20)
})
