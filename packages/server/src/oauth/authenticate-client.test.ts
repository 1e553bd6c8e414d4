// Who fails too often is held up, and who succeeds never is: the real app, with a clock that the test moves.
import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { withoutStore } from '../../../../test/attacks/breaking.ts'
import { workOf } from '../../../../test/attacks/work.ts'
import { type Answer, basicOf, startApp, type TestApp, withSecret, withWebdav } from '../../../../test/support/app.ts'
import { makeSigner, withKey } from '../../../../test/support/client-key.ts'
import { BURST, REFILL_MS } from './throttle.ts'

const GRANT = { grant_type: 'client_credentials' }
const ATTACKER = '203.0.113.9'

let at: TestApp
beforeEach(async () => {
  at = await startApp()
  await withWebdav(at)
})
afterEach(() => at.close())

type Headers = Readonly<Record<string, string>>
const ask = (headers: Headers, peer = '192.0.2.1') => at.oauth('/oauth/token', GRANT, { headers, peer })
const post = (form: Readonly<Record<string, string>>, peer = '192.0.2.1') => at.oauth('/oauth/token', form, { peer })
const guess = (peer: string, client = 'canister') => ask(basicOf(client, 'guess'), peer)
const use = async (times: number, peer = ATTACKER, client = 'canister') => {
  for (let at = 0; at < times; at++) expect((await guess(peer, client)).status).toBe(401)
}
const retryAfterOf = ({ headers }: Answer) => Number(headers.get('retry-after'))

describe('a source that failed too often', () => {
  test('is told when to come back, and then is let in', async () => {
    await use(BURST)
    const answer = await guess(ATTACKER)
    expect(answer.status).toBe(429)
    expect(answer.body).toEqual({
      error: 'invalid_client',
      error_description: 'Too many attempts failed. Try again later.',
    })
    expect(retryAfterOf(answer)).toBe(REFILL_MS / 1000)
    at.clock.monotonicAheadMs += retryAfterOf(answer) * 1000
    expect((await guess(ATTACKER)).status).toBe(401)
    expect((await guess(ATTACKER)).status).toBe(429)
  })

  test('costs no look-up, no signature check, and no digest that was not needed', async () => {
    await use(BURST)
    const { secret } = await withSecret(at)
    const signer = await withKey(at)
    const checks = spyOn(crypto.subtle, 'verify')
    const work = await workOf(async () => {
      expect((await ask(basicOf('canister', secret), ATTACKER)).status).toBe(429)
      expect((await post(signer.form(), ATTACKER)).status).toBe(429)
    })
    expect([work.queries, work.digests, checks.mock.calls.length]).toEqual([[], 1, 0])
    checks.mockRestore()
  })

  test('holds nobody up elsewhere', async () => {
    const { headers } = await withSecret(at)
    await use(BURST)
    expect((await ask(headers, '203.0.113.10')).status).toBe(200)
  })

  test('holds up nobody there whose secret this node knows', async () => {
    const { id, headers } = await withSecret(at)
    expect((await ask(headers)).status).toBe(200)
    await use(BURST)
    expect((await guess(ATTACKER)).status).toBe(429)
    for (let times = 0; times < 2 * BURST; times++) expect((await ask(headers, ATTACKER)).status).toBe(200)
    await at.api('POST', `/api/v1/credentials/${id}/revoke`, { reason: 'leaked' })
    expect((await ask(headers, ATTACKER)).status).toBe(429)
  })

  test('holds up nobody there who has shown a key from there', async () => {
    const signer = await withKey(at)
    expect((await post(signer.form(), ATTACKER)).status).toBe(200)
    await use(BURST)
    expect((await guess(ATTACKER)).status).toBe(429)
    expect((await post(signer.form(), ATTACKER)).status).toBe(200)
    const stranger = makeSigner(at)
    expect((await post(stranger.form(), ATTACKER)).status).toBe(429)
  })

  test('is the one that our proxies name', async () => {
    await at.close()
    at = await startApp({ COUNTERSIGN_TRUSTED_PROXIES: '10.0.0.0/8' })
    await withWebdav(at)
    const by = (forwarded: string, client = 'canister', peer = '10.0.0.1') =>
      ask({ ...basicOf(client, 'guess'), 'X-Forwarded-For': forwarded }, peer)
    for (let times = 0; times < BURST; times++) expect((await by(`2001:db8::${times}`)).status).toBe(401)
    expect((await by('2001:db8::ffff')).status).toBe(429)
    expect((await by('2001:db8:0:1::1', 'other')).status).toBe(401)
    expect((await by('not an address', 'other')).status).toBe(401)
    expect((await by('2001:db8::1', 'other', '203.0.113.1')).status).toBe(401)
  })
})

describe('a client that many name', () => {
  const crowd = (at: number) => `198.51.${at >> 8}.${at & 255}`
  const besiege = async (client: string) => {
    const statuses: number[] = []
    for (let source = 0; source < BURST + 3; source++) statuses.push((await guess(crowd(source), client)).status)
    return statuses
  }

  test('is told of as one that fails too often, and reads like one that is not there', async () => {
    const expected = [...new Array<number>(BURST).fill(401), 429, 429, 429]
    expect(await besiege('canister')).toEqual(expected)
    expect(await besiege('nobody')).toEqual(expected)
    const [there, nowhere] = [await guess('203.0.113.1', 'canister'), await guess('203.0.113.2', 'nobody')]
    expect(there.body).toEqual(nowhere.body)
    expect(there.headers.get('retry-after')).toBe(nowhere.headers.get('retry-after'))
  })

  test('is let in all the same, by a secret that this node has never seen, and by a key', async () => {
    await besiege('canister')
    const { headers } = await withSecret(at)
    expect((await ask(headers)).status).toBe(200)
    const signer = await withKey(at)
    expect((await post(signer.form())).status).toBe(200)
  })
})

test('what we cannot tell is nobody’s failure', async () => {
  const { headers } = await withSecret(at)
  await withoutStore(async () => {
    for (let times = 0; times < BURST + 5; times++) expect((await ask(headers, ATTACKER)).status).toBe(503)
  })
  expect((await ask(headers, ATTACKER)).status).toBe(200)
})

test('who succeeds is never held up, however often', async () => {
  const { headers } = await withSecret(at)
  for (let times = 0; times < 3 * BURST; times++) expect((await ask(headers)).status).toBe(200)
})

test('a secret that is known here and refused counts as a failure, as one that nobody knows', async () => {
  const { secret } = await withSecret(at)
  await post({ ...GRANT, client_id: 'canister', client_secret: secret })
  for (let times = 0; times < BURST; times++) expect((await ask(basicOf('other', secret), ATTACKER)).status).toBe(401)
  expect((await ask(basicOf('other', secret), ATTACKER)).status).toBe(429)
  expect((await guess(ATTACKER)).status).toBe(429)
  expect((await ask(basicOf('canister', secret), ATTACKER)).status).toBe(200)
})

test('when a secret was used last is known, however often it is used', async () => {
  const { id, headers } = await withSecret(at)
  const lastUse = async () => {
    expect((await ask(headers)).status).toBe(200)
    await at.app.flush()
    return (await at.api('GET', `/api/v1/credentials/${id}`)).body.last_used_at
  }
  expect(await lastUse()).toBe('2030-01-01T00:00:00.000Z')
  at.clock.advance(3_600_000)
  expect(await lastUse()).toBe('2030-01-01T01:00:00.000Z')
})
