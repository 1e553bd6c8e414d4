// What strangers can make the server work for, keep or wait for has an end.
import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { chosenEngine, SQLITE } from '../../packages/server/src/store/testing/engines.ts'
import { PUBLIC_URL } from '../support/app.ts'
import { withKey } from '../support/client-key.ts'
import { strangersKey } from '../support/forging.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'
import { lookUpsIn, workOf } from './work.ts'

/** Look-ups that are under way or wait. On PostgreSQL half of them are for what is known to be there. */
const AT_ONCE = 256 + (chosenEngine() === SQLITE ? 8 : 4)

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.close())

const ask = (lines: readonly (readonly [string, string])[]) => stage.ask('forward', { lines })

describe('many at once', () => {
  test('DOS-05 a thousand with one new key cost one look-up, and all are allowed', async () => {
    const { key } = await stage.newKey()
    const statuses = new Set<number>()
    const work = await workOf(async () => {
      const answers = await Promise.all(Array.from({ length: 1000 }, () => ask([bearer(key)])))
      for (const { status } of answers) statuses.add(status)
    })
    expect([...statuses]).toEqual([200])
    expect(lookUpsIn(work)).toBe(1)
  })

  test(
    'DOS-05 more new keys than may wait cost one look-up each; the rest is told to come back, and then allowed',
    async () => {
      const keys: string[] = []
      while (keys.length < 270) keys.push((await stage.newKey()).key)
      const askAll = async () => {
        let answers: Awaited<ReturnType<typeof ask>>[] = []
        const work = await workOf(async () => {
          answers = await Promise.all(keys.map((key) => ask([bearer(key)])))
        })
        const count = (status: number) => answers.filter((answer) => answer.status === status).length
        return { lookUps: lookUpsIn(work), allowed: count(200), later: count(503) }
      }
      expect(await askAll()).toEqual({ lookUps: AT_ONCE, allowed: AT_ONCE, later: 270 - AT_ONCE })
      expect(await askAll()).toEqual({ lookUps: 270 - AT_ONCE, allowed: 270, later: 0 })
    },
    PATIENCE_MS,
  )

  test('DOS-12 failures behind one proxy lock out nobody else who comes through it', async () => {
    for (let i = 0; i < 500; i++) expect((await ask([bearer(`wrong-${i}`)])).status).toBe(401)
    expect((await ask([bearer(stage.wallet.key)])).status).toBe(200)
    const { secret } = await stage.make('/clients/canister/secrets', {})
    const tokenAs = async (shown: string) => {
      const headers = { Authorization: `Basic ${btoa(`canister:${shown}`)}` }
      return (await stage.test.oauth('/oauth/token', { grant_type: 'client_credentials' }, { headers })).status
    }
    expect(await tokenAs(String(secret))).toBe(200)
    const refused = new Set<number>()
    for (let i = 0; i < 200; i++) refused.add(await tokenAs(`wrong-${i}`))
    expect([...refused]).toEqual([401, 429])
    expect(await tokenAs(String(secret))).toBe(200)
  })
})

describe('work that is dear', () => {
  test('DOS-06 no password is hashed for whoever only asks, by whatever is shown', async () => {
    await stage.make('/users', { username: 'alice', password: 'correct horse battery staple' })
    const hash = spyOn(Bun.password, 'hash')
    const verify = spyOn(Bun.password, 'verify')
    for (const name of ['alice', 'nobody', 'canister']) {
      const shown = `Basic ${btoa(`${name}:correct horse battery staple`)}`
      expect((await ask([['Authorization', shown]])).status).toBe(401)
      const form = { grant_type: 'client_credentials' }
      const answer = await stage.test.oauth('/oauth/token', form, { headers: { Authorization: shown } })
      expect(answer.status).toBe(401)
    }
    expect([hash.mock.calls.length, verify.mock.calls.length]).toEqual([0, 0])
    hash.mockRestore()
    verify.mockRestore()
  })

  test('DOS-06 passwords are hashed one at a time, few wait, and known keys are decided meanwhile', async () => {
    await ask([bearer(stage.wallet.key)])
    let running = 0
    let most = 0
    const hash = spyOn(Bun.password, 'hash').mockImplementation(async () => {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
      return '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g'
    })
    const made = Array.from({ length: 60 }, (_, i) =>
      stage.test.api('POST', '/api/v1/users', { username: `user-${i}`, password: `password of user ${i}` }),
    )
    expect((await ask([bearer(stage.wallet.key)])).status).toBe(200)
    const answers = await Promise.all(made)
    hash.mockRestore()
    expect(most).toBe(1)
    expect(answers.filter(({ status }) => status === 201).length).toBe(33)
    const later = answers.filter(({ status }) => status !== 201)
    expect(later.map(({ status, body }) => [status, body.code])).toEqual(Array(27).fill([429, 'busy']))
    expect(later[0]?.headers.get('retry-after')).toBe('5')
  })

  test('DOS-07 what looks like a pattern is a text in a rule, however long what is asked for', async () => {
    const rule = (path: string) => ({ path, require: { scopes: ['files:read'] } })
    const make = (name: string, path: string) =>
      stage.test.api('POST', '/api/v1/resources', {
        ...{ name, identifier: `https://${name}.example.com`, hosts: [`${name}.example.com`] },
        ...{ scopes: ['files:read'], rules: [rule(path)] },
      })
    expect((await make('patterns', '/(a+)+$/**')).status).toBe(201)
    await stage.make('/permissions', { client: 'canister', resource: 'patterns', scopes: ['files:read'] })
    const at = async (uri: string) => {
      const asks = { host: 'patterns.example.com', uri }
      return (await stage.ask('forward', { asks, lines: [bearer(stage.wallet.key)] })).status
    }
    expect(await at('/(a+)+$/x')).toBe(200)
    expect(await at(`/${'a'.repeat(8000)}!/x`)).toBe(403)
    expect(await at(`/${'a/'.repeat(4000)}!`)).toBe(403)
    expect(await at(`/${'a'.repeat(50_000)}!/x`)).toBe(400)
  })

  test('DOS-14 more than a hundred keys of an issuer are refused when they are pinned, as they are when they are fetched', async () => {
    const { jwk } = strangersKey()
    const keys = Array.from({ length: 101 }, (_, i) => ({ ...jwk, kid: `k${i}` }))
    const pinned = { name: 'crowded', issuer: 'https://idp.example.com', algorithms: ['ES256'] }
    const answer = await stage.test.api('POST', '/api/v1/issuers', { ...pinned, jwks: { keys } })
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_body'])
    const few = { ...pinned, jwks: { keys: keys.slice(0, 100) } }
    expect((await stage.test.api('POST', '/api/v1/issuers', few)).status).toBe(201)
  })
})

describe('what is kept', () => {
  test('DOS-09 of refusals only so many are written a second, the others are counted, and none waits for the disk', async () => {
    const handler = stage.test.app.publicRoutes.exact['/verify/forward']
    const headers = new Headers({
      ...{ 'X-Forwarded-Method': 'GET', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Uri': '/' },
      ...{ 'X-Forwarded-Host': 'webdav.example.com', 'X-Forwarded-For': '192.0.2.1' },
    })
    const work = await workOf(() => {
      for (let i = 0; i < 20_000; i++) {
        headers.set('Authorization', `Bearer cs_key_${i}`)
        // Decided at once: nothing is waited for.
        expect(handler?.(new Request(`${PUBLIC_URL}/verify/forward`, { headers }), '127.0.0.1')).toBeInstanceOf(
          Response,
        )
      }
    })
    expect(work.queries).toEqual([])
    await stage.test.app.flush()
    const listed = await stage.call('GET', '/decisions?outcome=deny&code=credential_mistyped&limit=200')
    expect((listed.items as unknown[]).length).toBe(50)
  })

  test('DOS-15 of assertions that were used the database keeps what could be shown again, and memory nothing', async () => {
    const signer = await withKey(stage.test)
    const rows = async () => {
      const work = await workOf(async () => {
        for (let i = 0; i < 50; i++) expect((await stage.test.oauth('/oauth/token', signer.form())).status).toBe(200)
      })
      return work.queries.filter((sql) => sql.includes('used_assertion')).length
    }
    // Each is one row, written before the answer; what becomes of rows that ended is tested with the clean-up.
    expect(await rows()).toBe(50)
    const day = signer.assertion({ exp: Math.floor(stage.test.clock.now.getTime() / 1000) + 86_400 })
    expect((await stage.test.oauth('/oauth/token', signer.form(day))).status).toBe(401)
  })
})
