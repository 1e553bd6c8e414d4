// The one static key there is: never empty, never weak, never beyond the management API, and off when it is off.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { composeApp, parseConfig } from '@countersign/server'
import { BOOTSTRAP_KEY, startApp } from '../support/app.ts'
import { Teardown } from '../support/teardown.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

const configured = (key: string | undefined) =>
  parseConfig({
    env: { COUNTERSIGN_DATA_DIR: ':memory:', COUNTERSIGN_BOOTSTRAP_KEY: key, COUNTERSIGN_LOG_LEVEL: 'error' },
    flags: {},
    readFile: () => '',
  })

describe('OPQ-20 what cannot be a bootstrap key stops the start', () => {
  const weak = ['', ' ', ' '.repeat(40), 'short', 'a'.repeat(31), `${'a'.repeat(31)} b`, `${'a'.repeat(40)}\n`]
  const odd = [
    `cs_${'a'.repeat(40)}`,
    `cs_key_${'0'.repeat(49)}`,
    `${'a'.repeat(40)},b`,
    'ä'.repeat(40),
    '='.repeat(40),
  ]
  for (const key of [...weak, ...odd]) {
    test(`OPQ-20 ${JSON.stringify(key)}`, () => {
      const parsed = configured(key)
      if (!('problems' in parsed)) throw new Error('it started')
      expect(parsed.problems).toEqual([expect.stringContaining('COUNTERSIGN_BOOTSTRAP_KEY')])
      if (key.trim().length > 8) expect(parsed.problems.join()).not.toContain(key)
    })
  }
})

test('OPQ-20 without a bootstrap key no text at all is one', async () => {
  const parsed = configured(undefined)
  if ('problems' in parsed) throw new Error(parsed.problems.join())
  const app = await composeApp(
    { ...parsed.config, kek: new Uint8Array(32) },
    {
      clock: () => new Date('2030-01-01T00:00:00Z'),
      monotonicMs: () => performance.now(),
      random: (length) => crypto.getRandomValues(new Uint8Array(length)),
      log: { write: () => undefined },
    },
  )
  const statusOf = async (value: string) => {
    const request = new Request('http://127.0.0.1:8420/api/v1/me', { headers: { Authorization: value } })
    return (await app.publicRoutes.fallback(request, '127.0.0.1')).status
  }
  for (const text of ['undefined', 'null', BOOTSTRAP_KEY]) expect(await statusOf(`Bearer ${text}`)).toBe(401)
  for (const value of ['', 'Bearer', 'Bearer ', 'Basic Og==']) expect(await statusOf(value)).toBe(400)
  expect((await app.issueFirstAdminKey(() => {}))?.key).toStartWith('cs_key_')
  await app.close()
})

describe('a bootstrap key', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open()
  })
  afterAll(() => stage.close())

  const nearly = [
    BOOTSTRAP_KEY.slice(0, -1),
    `${BOOTSTRAP_KEY}0`,
    BOOTSTRAP_KEY.toUpperCase(),
    `x${BOOTSTRAP_KEY.slice(1)}`,
  ]
  for (const [index, key] of nearly.entries()) {
    test(`OPQ-20 one that is nearly right is wrong (${index})`, async () => {
      const answer = await stage.test.api('GET', '/api/v1/me', undefined, key)
      expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
    })
  }

  test('OPQ-20 it opens no service, only the management API', async () => {
    for (const dialect of ['forward', 'nginx'] as const) {
      await stage.expect('S403', 'resource_not_granted', dialect, { lines: [bearer(BOOTSTRAP_KEY)] })
    }
  })
})

test('OPQ-21 a bootstrap key that was switched off is dead at once, and after a restart', async () => {
  const teardown = new Teardown()
  const env = { COUNTERSIGN_DATA_DIR: await teardown.temporaryDirectory('bootstrap') }
  const first = await startApp(env)
  await first.api('POST', '/api/v1/clients', { id: 'ops' })
  await first.api('POST', '/api/v1/permissions', { client: 'ops', resource: 'countersign', roles: ['admin'] })
  const { body } = await first.api('POST', '/api/v1/clients/ops/keys', { resources: ['countersign'] })
  const key = String(body.key)

  expect((await first.api('GET', '/api/v1/me')).status).toBe(200)
  expect((await first.api('PATCH', '/api/v1/clients/bootstrap', { disabled: true }, key)).status).toBe(200)
  const dead = { status: 401, body: { code: 'invalid_token' } }
  expect(await first.api('GET', '/api/v1/me')).toMatchObject(dead)
  await first.close()

  const second = await startApp(env)
  expect(await second.api('GET', '/api/v1/me')).toMatchObject(dead)
  expect((await second.api('GET', '/api/v1/me', undefined, key)).status).toBe(200)
  await second.close()
  await teardown.run()
})
