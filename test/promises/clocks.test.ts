// Two nodes whose clocks differ: what one holds it holds by a clock that nobody sets, and what it dates others judge.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { makeDatabase } from '../../packages/server/src/store/testing/postgres-databases.ts'
import { basicOf, startApp, type TestApp } from '../support/app.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const hasPostgres = (await availableEngines()).includes(POSTGRES)
const HOUR_MS = 3_600_000
const LEASE_MS = 5000

describe.skipIf(!hasPostgres)('OPS-13 a node whose clock is set', () => {
  const teardown = new Teardown()
  let right: TestApp
  let wrong: TestApp
  let secret = ''

  beforeAll(async () => {
    const database = await makeDatabase()
    teardown.add(() => database.remove())
    const start = async () => {
      const app = await startApp({ COUNTERSIGN_DATABASE_URL: database.url })
      teardown.add(() => app.close())
      return app
    }
    right = await start()
    const make = async (path: string, body: unknown) => {
      const answer = await right.api('POST', `/api/v1${path}`, body)
      expect(answer.status).toBe(201)
      return answer.body
    }
    await make('/resources', {
      ...{ name: 'webdav', identifier: 'https://webdav.example.com', hosts: ['webdav.example.com'] },
      ...{ scopes: ['files:read'], rules: [{ path: '/**', require: { scopes: ['files:read'] } }] },
      access_token: { format: 'jwt', ttl_seconds: 600 },
    })
    await make('/clients', { id: 'canister', name: 'Canister' })
    await make('/permissions', { client: 'canister', resource: 'webdav', scopes: ['files:read'] })
    secret = String((await make('/clients/canister/secrets', {})).secret)
    wrong = await start()
  }, PATIENCE_MS)
  afterAll(() => teardown.run())

  const asking = async (app: TestApp, key: unknown) =>
    (await app.ask({ headers: { Authorization: `Bearer ${key}` } })).status
  const newKey = async () => (await right.api('POST', '/api/v1/clients/canister/keys', {})).body
  const tokenOf = async (app: TestApp) =>
    (await app.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers: basicOf('canister', secret) }))
      .body.access_token

  test.each([
    ['an hour ahead', HOUR_MS],
    ['an hour behind', -HOUR_MS],
    ['an hour ahead of that', 2 * HOUR_MS],
  ])('%s allows a revoked key no longer than its lease, and asks as often as before', async (_, byMs) => {
    const { id, key } = await newKey()
    expect(await asking(wrong, key)).toBe(200)
    wrong.clock.now = new Date(right.clock.now.getTime() + byMs)
    expect((await right.api('POST', `/api/v1/credentials/${id}/revoke`, {})).status).toBe(200)
    wrong.clock.monotonicAheadMs += LEASE_MS
    expect(await asking(wrong, key)).toBe(401)
    wrong.clock.now = right.clock.now
  })

  test('ahead makes tokens that nobody believes before their time', async () => {
    wrong.clock.now = new Date(right.clock.now.getTime() + HOUR_MS)
    const token = await tokenOf(wrong)
    expect([await asking(wrong, token), await asking(right, token)]).toEqual([200, 401])
    wrong.clock.now = right.clock.now
    expect(await asking(wrong, token)).toBe(401)
  })

  test('behind makes tokens that end no later than those of the others', async () => {
    wrong.clock.now = new Date(right.clock.now.getTime() - HOUR_MS)
    expect(await asking(right, await tokenOf(wrong))).toBe(401)
    wrong.clock.now = right.clock.now
  })
})
