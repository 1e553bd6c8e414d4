// `Countersign-Expires` is the end of the credential that was shown, whatever else holds.

import { afterEach, beforeEach, expect, test } from 'bun:test'
import { type Answer, startApp, type TestApp, withWebdav } from '../support/app.ts'

let app: TestApp
let first: { id: string; key: string }
beforeEach(async () => {
  app = await startApp()
  const rules = [{ path: '/open/**', require: { public: true } }, { path: '/**' }]
  first = await withWebdav(app, { rules, headers: { 'X-Auth-Request-Expires': 'Countersign-Expires' } })
})
afterEach(() => app.close())

const newKey = async (ends: object): Promise<string> => {
  const { status, body }: Answer = await app.api('POST', '/api/v1/clients/canister/keys', ends)
  expect(status).toBe(201)
  return String(body.key)
}
const told = async (key: string | undefined, uri = '/', name = 'Countersign-Expires') => {
  const answer = await app.ask({ uri, headers: { Authorization: key === undefined ? null : `Bearer ${key}` } })
  return answer.status === 200 ? answer.headers.get(name) : answer.status
}

test('a key without an end says never, and nobody says none', async () => {
  expect([await told(first.key), await told(undefined, '/open/')]).toEqual(['never', 'none'])
})

test('a key that ends says when, in UTC and in seconds, wherever it is shown', async () => {
  const key = await newKey({ expires_at: '2030-01-31T13:00:00.9+01:00' })
  expect([await told(key), await told(key, '/open/')]).toEqual(['2030-01-31T12:00:00Z', '2030-01-31T12:00:00Z'])
})

test('what it says holds: the key passes until then, and not at it', async () => {
  const key = await newKey({ expires_in_seconds: 3600 })
  expect(await told(key)).toBe('2030-01-01T01:00:00Z')
  app.clock.advance(3600_000 - 1)
  expect(await told(key)).toBe('2030-01-01T01:00:00Z')
  app.clock.advance(1)
  expect(await told(key)).toBe(401)
})

test('a key that is rotated says its nearer end from the next answer on', async () => {
  expect(await told(first.key)).toBe('never')
  const { status } = await app.api('POST', `/api/v1/credentials/${first.id}/rotate`, { overlap_seconds: 60 })
  expect(status).toBe(201)
  expect(await told(first.key)).toBe('2030-01-01T00:01:00Z')
})

test('a resource may repeat it under another name', async () => {
  const key = await newKey({ expires_in_days: 1 })
  expect(await told(key, '/', 'X-Auth-Request-Expires')).toBe('2030-01-02T00:00:00Z')
})

test('it can be told of any end that a key may have', async () => {
  expect(await told(await newKey({ expires_in_days: 36_500 }))).toMatch(/^2129-\d\d-\d\dT00:00:00Z$/)
})
