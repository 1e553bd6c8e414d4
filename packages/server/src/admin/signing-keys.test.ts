// What operators see of the keys that sign, and how they have another one sign.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../../../../test/support/app.ts'
import { PUBLISH_LEAD_SECONDS, RETIRE_AFTER_SECONDS } from '../keys/rotation.ts'

type Key = { kid: string; state: string; active_from: string; retires_at: string | null }

let at: TestApp
beforeEach(async () => {
  at = await startApp()
})
afterEach(() => at.close())

const PATH = '/api/v1/signing-keys'
const inSeconds = (seconds: number) => new Date(at.clock.now.getTime() + seconds * 1000).toISOString()
const listed = async () => (await at.api('GET', PATH)).body.items as Key[]
const states = async () => (await listed()).map(({ state }) => state)
const rotated = async () => (await at.api('POST', `${PATH}/rotate`)).body as unknown as Key

const kidOf = (token: string) =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid

async function published(): Promise<string[]> {
  const { body } = await at.oauth('/.well-known/jwks.json', {}, { method: 'GET' })
  return (body.keys as Key[]).map(({ kid }) => kid)
}

test('the key that signs has no end before it has a successor, and nothing of it is secret', async () => {
  const { body } = await at.api('GET', PATH)
  expect(body.items).toEqual([
    {
      ...{ kid: expect.any(String), alg: 'ES256', state: 'active', retires_at: null },
      ...{ created_at: inSeconds(0), active_from: inSeconds(0) },
    },
  ])
})

test('a successor is published at once, signs after the lead, and the old one stays until its tokens are dead', async () => {
  await withWebdav(at)
  const { headers } = await withSecret(at)
  const [old] = await listed()
  const activeFrom = inSeconds(PUBLISH_LEAD_SECONDS)
  const next = await rotated()
  expect(next).toMatchObject({ state: 'published', active_from: activeFrom, retires_at: null })
  expect(await published()).toEqual([next.kid, String(old?.kid)])
  expect(kidOf(await tokenFor(at, headers))).toBe(String(old?.kid))
  expect(await states()).toEqual(['published', 'active'])
  expect((await listed())[1]?.retires_at).toBe(inSeconds(PUBLISH_LEAD_SECONDS + RETIRE_AFTER_SECONDS))
  at.clock.advance(PUBLISH_LEAD_SECONDS * 1000)
  expect(await states()).toEqual(['active', 'retiring'])
  expect(kidOf(await tokenFor(at, headers))).toBe(next.kid)
})

test('whoever rotates while a successor waits gets that one', async () => {
  const { kid } = await rotated()
  expect(await rotated()).toMatchObject({ kid, state: 'published' })
  expect(await listed()).toHaveLength(2)
})

test('an auditor sees the keys and rotates none; a reader of other things sees none', async () => {
  const keyWith = async (id: string, permission: object) => {
    await at.api('POST', '/api/v1/clients', { id })
    await at.api('POST', '/api/v1/permissions', { client: id, resource: 'countersign', ...permission })
    return String((await at.api('POST', `/api/v1/clients/${id}/keys`, { resources: ['countersign'] })).body.key)
  }
  const auditor = await keyWith('watch', { roles: ['auditor'] })
  const other = await keyWith('other', { scopes: ['clients:read', 'signing-keys:write'] })
  expect((await at.api('GET', PATH, undefined, auditor)).status).toBe(200)
  expect((await at.api('POST', `${PATH}/rotate`, undefined, auditor)).body).toMatchObject({ code: 'scope_missing' })
  expect((await at.api('GET', PATH, undefined, other)).body).toMatchObject({ code: 'scope_missing' })
  expect((await at.api('POST', `${PATH}/rotate`, undefined, other)).body).toMatchObject({ code: 'would_escalate' })
  expect(await listed()).toHaveLength(1)
})

test('now: a new key signs at once, and whatever the others signed is refused at the next request', async () => {
  const { key } = await withWebdav(at)
  const { headers } = await withSecret(at)
  const [old] = await listed()
  await rotated()
  const [seen, unseen] = [await tokenFor(at, headers), await tokenFor(at, headers)]
  const answerTo = (token: string) => at.ask({ headers: { Authorization: `Bearer ${token}` } })
  const statusOf = async (token: string) => (await answerTo(token)).status
  const assertedBy = async () => kidOf(String((await answerTo(key)).headers.get('Countersign-Assertion')))
  expect([await statusOf(seen), kidOf(seen), await assertedBy()]).toEqual([200, String(old?.kid), String(old?.kid)])

  const { body } = await at.api('POST', `${PATH}/rotate`, { now: true })
  const { kid } = body as Key
  const leaked = (await at.api('GET', `${PATH}/${old?.kid}`)).body
  expect(leaked).toMatchObject({ kid: old?.kid, state: 'retired', retires_at: inSeconds(0) })
  expect((await at.api('GET', `${PATH}/${kid}`)).body).toEqual(body)
  expect((await at.api('GET', `${PATH}/nobody`)).status).toBe(404)
  expect(body).toMatchObject({ state: 'active', active_from: inSeconds(0), retires_at: null })
  expect(await listed()).toEqual([body as Key])
  expect(await published()).toEqual([kid])
  expect([await statusOf(seen), await statusOf(unseen), await assertedBy()]).toEqual([401, 401, kid])
  const successor = await tokenFor(at, headers)
  expect([kidOf(successor), await statusOf(successor)]).toEqual([kid, 200])
})

test('now: a request that cannot be read replaces nothing, and one that does not say so replaces nothing at once', async () => {
  const [old] = await listed()
  expect((await at.api('POST', `${PATH}/rotate`, { now: 'yes' })).status).toBe(400)
  expect((await at.api('POST', `${PATH}/rotate`, { at_once: true })).status).toBe(400)
  expect(await listed()).toHaveLength(1)
  expect((await at.api('POST', `${PATH}/rotate`, { now: false })).body).toMatchObject({ state: 'published' })
  expect((await listed())[1]).toMatchObject({ kid: old?.kid, state: 'active' })
})

test('while the clock is behind every key, the oldest is the one that signs, here and in what it signs', async () => {
  await withWebdav(at)
  const { headers } = await withSecret(at)
  const [old] = await listed()
  await rotated()
  at.clock.advance(-1000)
  expect(await states()).toEqual(['published', 'active'])
  expect(kidOf(await tokenFor(at, headers))).toBe(String(old?.kid))
})
