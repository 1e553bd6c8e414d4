// OAU-27 to OAU-29: what /oauth/revoke ends, for whom, and what it never says it did.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { BURST } from '../../packages/server/src/domain/holder-revocations.ts'
import { listen } from '../../packages/server/src/http/listen.ts'
import { onEachStatement, statementsOf } from '../../packages/server/src/store/testing/statements.ts'
import { BOOTSTRAP_KEY, startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../support/app.ts'
import { withoutStore } from './breaking.ts'
import { invented } from './vectors/credentials.ts'

type Headers = Readonly<Record<string, string>>

let at: TestApp
let key: string
let canister: Headers
beforeEach(async () => {
  at = await startApp()
  ;({ key } = await withWebdav(at))
  ;({ headers: canister } = await withSecret(at))
})
afterEach(() => at.close())

async function made(path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await at.api('POST', `/api/v1${path}`, body)
  if (answer.status > 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
  return answer.body
}
const opaque = () => at.api('PATCH', '/api/v1/resources/webdav', { access_token: { format: 'opaque' } })
const ask = async (token: string) => (await at.ask({ headers: { Authorization: `Bearer ${token}` } })).status
const revoke = (token: string, form: object = {}, headers: Headers = canister) =>
  at.oauth('/oauth/revoke', { token, ...form }, { headers })
const isRevoked = async (token: string, form: object = {}) => {
  const { status, headers, body } = await revoke(token, form)
  expect([status, headers.get('cache-control'), body]).toEqual([200, 'no-store', { text: '' }])
}
/** How many changes were begun. */
const changesIn = async (run: () => Promise<unknown>) =>
  (await statementsOf(run)).filter((sql) => /^update "revision"/i.test(sql)).length
async function another(): Promise<Headers> {
  await made('/clients', { id: 'thief' })
  return (await withSecret(at, 'thief')).headers
}

describe('a client revokes', () => {
  for (const format of ['jwt', 'opaque']) {
    test(`OAU-29: its access token (${format}), and no other; whoever uses it is refused at the next request`, async () => {
      if (format === 'opaque') await opaque()
      const server = await listen({ kind: 'tcp', hostname: '127.0.0.1', port: 0 }, at.app.publicRoutes)
      const send = (path: string, headers: Headers, body?: URLSearchParams) =>
        fetch(`http://127.0.0.1:${server.port}${path}`, { headers, ...(body && { method: 'POST', body }) })
      const question = (token: string) => ({
        ...{ 'X-Forwarded-Method': 'GET', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Uri': '/' },
        ...{ 'X-Forwarded-Host': 'webdav.example.com', 'X-Forwarded-For': '192.0.2.1' },
        Authorization: `Bearer ${token}`,
      })
      try {
        const [token, other] = [await tokenFor(at, canister), await tokenFor(at, canister)]
        const asked = async (one: string) => (await send('/verify/forward', question(one))).status
        expect([await asked(token), await asked(other)]).toEqual([200, 200])
        const answer = await send('/oauth/revoke', canister, new URLSearchParams({ token }))
        expect([answer.status, await answer.text()]).toEqual([200, ''])
        expect([await asked(token), await asked(other)]).toEqual([401, 200])
      } finally {
        await server.stop(true)
      }
    })

    test(`OAU-27: an access token (${format}), whatever kind the hint says that it is`, async () => {
      if (format === 'opaque') await opaque()
      for (const token_type_hint of ['access_token', 'refresh_token', 'api_key', '%']) {
        const token = await tokenFor(at, canister)
        expect(await ask(token)).toBe(200)
        await isRevoked(token, { token_type_hint })
        expect(await ask(token)).toBe(401)
      }
    })
  }

  test('its API key, and what it minted', async () => {
    await isRevoked(key)
    expect(await ask(key)).toBe(401)
  })

  test('the secret by which it authenticates, and with it all that this one minted', async () => {
    const token = await tokenFor(at, canister)
    const { secret, headers } = await withSecret(at)
    const others = await tokenFor(at, headers)
    await isRevoked(secret)
    expect([await ask(token), await ask(others)]).toEqual([200, 401])
    expect((await at.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers })).status).toBe(401)
  })

  test('for good, and the record says who it was', async () => {
    await isRevoked(key)
    const { body } = await at.api('GET', '/api/v1/clients/canister/keys')
    const [record] = body.items as Record<string, unknown>[]
    expect(record).toMatchObject({ state: 'revoked', revoked_by: 'client:canister' })
  })
})

describe('OAU-27: 200, and no change, for', () => {
  const rows: [what: string, make: () => string | Promise<string>][] = [
    ['a token that never was', () => invented(1)],
    ['a token that is mistyped', () => 'cs_key_mistyped'],
    ['a token of somebody else', () => 'something'],
    ['a JWT that is forged', async () => (await tokenFor(at, canister)).replace(/\.[^.]*$/, '.AAAA')],
    ['a token that was revoked', () => isRevoked(key).then(() => key)],
    ['a JWT that was revoked', () => tokenFor(at, canister).then((token) => isRevoked(token).then(() => token))],
    ['a token that died with its secret', deadWithItsSecret],
    ['a token that expired', expired],
  ]
  async function deadWithItsSecret(): Promise<string> {
    const { id, headers } = await withSecret(at)
    const token = await tokenFor(at, headers)
    await made(`/credentials/${id}/revoke`, {})
    return token
  }
  async function expired(): Promise<string> {
    const token = await tokenFor(at, canister)
    at.clock.advance(600_000)
    return token
  }
  for (const [what, make] of rows) {
    test(what, async () => {
      const token = await make()
      expect(await changesIn(() => isRevoked(token))).toBe(0)
    })
  }
})

describe('nobody revokes', () => {
  test('what belongs to somebody else, and it lives on', async () => {
    const thief = await another()
    await made('/users', { username: 'alice' })
    const { token: pat } = await made('/users/alice/tokens', {})
    const { secret, headers } = await withSecret(at)
    for (const token of [key, await tokenFor(at, canister), String(pat), secret]) {
      expect(await changesIn(() => revoke(token, {}, thief))).toBe(0)
      const { status, body } = await revoke(token, {}, thief)
      expect({ status, body }).toEqual({
        status: 400,
        body: { error: 'invalid_request', error_description: 'The token belongs to another client.' },
      })
    }
    expect(await ask(key)).toBe(200)
    await tokenFor(at, headers)
  })

  test('the bootstrap key', async () => {
    expect((await revoke(BOOTSTRAP_KEY)).body).toMatchObject({ error: 'invalid_request' })
    expect((await at.api('GET', '/api/v1/me')).status).toBe(200)
  })

  test('without a client that authenticates, without a token, or by GET', async () => {
    expect((await revoke(key, {}, {})).status).toBe(401)
    expect((await revoke('')).body).toMatchObject({ error: 'invalid_request' })
    const got = await at.oauth('/oauth/revoke', '', { method: 'GET', query: `?token=${key}`, headers: canister })
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
    expect(await ask(key)).toBe(200)
  })
})

describe('OAU-28: while the store fails, the answer is 503 and the token stays what it was:', () => {
  const isNotDone = async (token: string) => {
    const { status, headers, body } = await revoke(token)
    expect([status, headers.get('retry-after')]).toEqual([503, '1'])
    expect(body).toMatchObject({ error: 'temporarily_unavailable' })
  }

  for (const format of ['jwt', 'opaque']) {
    test(`an access token (${format})`, async () => {
      if (format === 'opaque') await opaque()
      const token = await tokenFor(at, canister)
      expect(await ask(token)).toBe(200)
      await withoutStore(() => isNotDone(token))
      expect(await ask(token)).toBe(200)
      await isRevoked(token)
      expect(await ask(token)).toBe(401)
    })
  }

  test('at whichever statement it fails', async () => {
    await opaque()
    const writes = (sql: string) => !/^(rollback|select)/i.test(sql)
    const first = await tokenFor(at, canister)
    expect(await ask(first)).toBe(200)
    const count = (await statementsOf(() => isRevoked(first))).filter(writes).length
    expect(count).toBeGreaterThan(5)
    for (let failing = 1; failing <= count; failing++) {
      const token = await tokenFor(at, canister)
      expect(await ask(token)).toBe(200)
      let statement = 0
      const restore = onEachStatement((sql) => {
        if (writes(sql) && ++statement === failing) {
          throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' })
        }
      })
      await isNotDone(token).finally(restore)
      expect([failing, statement, await ask(token)]).toEqual([failing, failing, 200])
    }
  })
})

describe('a client that revokes without end', () => {
  beforeEach(() => at.clock.stopMonotonic())
  const revokeMany = async (times: number, headers = canister) => {
    const tokens: string[] = []
    while (tokens.length < times) tokens.push(await tokenFor(at, headers))
    const answers = []
    for (const token of tokens) answers.push(await revoke(token, {}, headers))
    return answers
  }

  test('is told to come back later, by which its token lives on and nothing was written', async () => {
    await revokeMany(BURST)
    const token = await tokenFor(at, canister)
    const held: Awaited<ReturnType<typeof revoke>>[] = []
    expect(await changesIn(async () => held.push(await revoke(token)))).toBe(0)
    const [answer] = held
    expect([answer?.status, answer?.headers.get('retry-after'), answer?.body.error]).toEqual([
      503,
      '1',
      'temporarily_unavailable',
    ])
    expect(await ask(token)).toBe(200)
    at.clock.monotonicAheadMs += 1000
    await isRevoked(token)
    expect(await ask(token)).toBe(401)
    expect((await revoke(await tokenFor(at, canister))).status).toBe(503)
  })

  test('holds up no other client, and is not held up with its keys, its secrets and what is dead', async () => {
    const [first] = await revokeMany(BURST)
    expect(first?.status).toBe(200)
    const { secret, headers } = await withSecret(at)
    const token = await tokenFor(at, headers)
    expect((await revoke(token)).status).toBe(503)
    await isRevoked(key)
    await isRevoked(secret)
    expect([await ask(key), await ask(token)]).toEqual([401, 401])
    await isRevoked(token)

    const thief = await another()
    await made('/permissions', { client: 'thief', resource: 'webdav', scopes: ['files:read'] })
    expect((await revokeMany(2, thief)).map(({ status }) => status)).toEqual([200, 200])
  })

  test('is not held up by what failed', async () => {
    const token = await tokenFor(at, canister)
    await withoutStore(async () => {
      for (let times = 0; times <= BURST; times++) expect((await revoke(token)).status).toBe(503)
    })
    await isRevoked(token)
    expect(await ask(token)).toBe(401)
  })

  test('is never held up by what changed nothing', async () => {
    const token = await tokenFor(at, canister)
    for (let times = 0; times <= BURST; times++) await isRevoked(token)
    await isRevoked(await tokenFor(at, canister))
  })
})
