// What breaks around a server that runs: an issuer at its start, its processor, its memory of credentials. And what it says of it.
import { afterEach, describe, expect, test } from 'bun:test'
import { startApp, type TestApp, withWebdav } from '../support/app.ts'
import { trust } from '../support/pinned-issuer.ts'
import { scriptedIssuer } from '../support/scripted-issuer.ts'
import { Teardown } from '../support/teardown.ts'
import { lookUpsIn, workOf } from './work.ts'

const teardown = new Teardown()
afterEach(() => teardown.run())

/** Servers on one database. */
async function startOn(directory: string, env: Readonly<Record<string, string>> = {}): Promise<TestApp> {
  const on = await startApp({ COUNTERSIGN_DATA_DIR: directory, ...env })
  teardown.add(() => on.close())
  return on
}
const newDirectory = () => teardown.temporaryDirectory('operating')
const statusOf = async (on: TestApp, credential: string) =>
  (await on.ask({ headers: { Authorization: `Bearer ${credential}` } })).status

/** The figures that `/metrics` shows, by name and labels. */
async function figures(on: TestApp): Promise<Map<string, number>> {
  const request = new Request('http://127.0.0.1:8420/metrics', { headers: { host: '127.0.0.1:8420' } })
  const answer = await on.app.publicRoutes.exact['/metrics']?.(request, '127.0.0.1')
  const lines = ((await answer?.text()) ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}
const readiness = async (on: TestApp) => {
  const answer = await on.app.publicRoutes.exact['/readyz']?.(new Request('http://127.0.0.1/readyz'), '127.0.0.1')
  if (answer === undefined) throw new Error('there is no /readyz')
  const { reasons } = (await answer.json()) as { reasons: { reason: string }[] }
  return [answer.status, ...reasons.map(({ reason }) => reason)]
}

test('OPS-25 a server starts while an issuer is away; its tokens are told to wait, and all else works', async () => {
  const directory = await newDirectory()
  const env = { COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8' }
  const idp = scriptedIssuer()
  teardown.add(() => idp.close())
  const before = await startOn(directory, env)
  const { key } = await withWebdav(before)
  const body = { name: 'corp', issuer: idp.iss, algorithms: ['ES256'], jwks_uri: `${idp.iss}/keys` }
  expect((await before.api('POST', '/api/v1/issuers', body)).status).toBe(201)
  await trust(before)
  idp.mood = 'failing'

  const on = await startOn(directory, env)
  on.clock.stopMonotonic()
  const iat = Math.floor(on.clock.now.getTime() / 1000)
  const claims = { iss: idp.iss, sub: 'machine', aud: 'https://webdav.example.com', iat, exp: iat + 3600, jti: 'one' }
  const token = idp.sign('k1', claims)
  expect(await readiness(on)).toEqual([200])
  expect(await statusOf(on, token)).toBe(503)
  expect(await statusOf(on, key)).toBe(200)
  expect((await on.api('GET', '/api/v1/me')).status).toBe(200)
  const seen = await figures(on)
  expect(seen.get('countersign_issuer_key_loads_total{issuer="corp",outcome="failed"}')).toBe(1)
  expect(seen.get('countersign_issuer_keys_loaded_timestamp_seconds{issuer="corp"}')).toBe(0)
  expect(seen.get('countersign_refusals_total{resource="webdav",code="keys_unavailable"}')).toBe(1)
  expect(seen.get('countersign_verifications_total{resource="webdav",outcome="unclear"}')).toBe(1)

  idp.mood = 'well'
  on.clock.monotonicAheadMs += 2000
  expect(await statusOf(on, token)).toBe(200)
  const later = await figures(on)
  expect(later.get('countersign_issuer_key_loads_total{issuer="corp",outcome="loaded"}')).toBe(1)
  expect(later.get('countersign_issuer_keys_loaded_timestamp_seconds{issuer="corp"}')).toBe(iat)
})

test('OPS-27 a server that stood still judges its lease when it is asked, and lets nothing pass from before', async () => {
  const directory = await newDirectory()
  const [one, other] = [await startOn(directory), await startOn(directory)]
  other.clock.stopMonotonic()
  const { id, key } = await withWebdav(one)
  // What it holds is confirmed now, and it knows the key.
  other.clock.monotonicAheadMs += 5000
  expect(await statusOf(other, key)).toBe(200)
  expect((await one.api('POST', `/api/v1/credentials/${id}/revoke`, {})).status).toBe(200)
  other.clock.monotonicAheadMs += 2600
  expect(await readiness(other)).toEqual([503, 'behind'])
  expect((await figures(other)).get('countersign_not_ready{reason="behind"}')).toBe(1)
  // As after a stall: no timer had its turn before the next question.
  other.clock.monotonicAheadMs += 2400
  expect((await figures(other)).get('countersign_revision_confirmed_age_seconds')).toBe(5)
  expect(await statusOf(other, key)).toBe(401)
  expect(await readiness(other)).toEqual([200])
})

test('OPS-28 a server that starts into all of its callers asks the database once for each of their keys', async () => {
  const directory = await newDirectory()
  const before = await startOn(directory)
  await withWebdav(before)
  const keys: string[] = []
  while (keys.length < 100) keys.push(String((await before.api('POST', '/api/v1/clients/canister/keys', {})).body.key))

  const on = await startOn(directory)
  const statuses = new Set<number>()
  const work = await workOf(async () => {
    const callers = keys.flatMap((key) => Array.from({ length: 10 }, () => key))
    for (const status of await Promise.all(callers.map((key) => statusOf(on, key)))) statuses.add(status)
  })
  expect([...statuses]).toEqual([200])
  expect(lookUpsIn(work)).toBe(100)
  const seen = await figures(on)
  expect(seen.get('countersign_known_credentials')).toBe(100)
  expect(seen.get('countersign_queue_overflows_total{queue="look_ups"}')).toBe(0)
  expect(seen.get('countersign_queue_running{queue="look_ups"}')).toBe(0)
})

describe('the figures', () => {
  test('count what was allowed and refused, by resource, outcome and code, and how long it took', async () => {
    const on = await startApp()
    teardown.add(() => on.close())
    const { key } = await withWebdav(on)
    for (const credential of [key, key, 'nonsense']) await statusOf(on, credential)
    await on.ask({ host: 'unknown.example.com' })
    await on.askNginx({ headers: { Authorization: `Bearer ${key}` } })
    const seen = await figures(on)
    const count = (name: string) => seen.get(name) ?? 0
    expect(count('countersign_verifications_total{resource="webdav",outcome="allowed"}')).toBe(3)
    expect(count('countersign_verifications_total{resource="webdav",outcome="refused"}')).toBe(1)
    expect(count('countersign_refusals_total{resource="(none)",code="host_unknown"}')).toBe(1)
    const took = 'countersign_verification_duration_seconds'
    expect(count(`${took}_count{dialect="forward",outcome="allowed"}`)).toBe(2)
    expect(count(`${took}_bucket{le="+Inf",dialect="nginx",outcome="allowed"}`)).toBe(1)
    expect(count(`${took}_sum{dialect="forward",outcome="allowed"}`)).toBeGreaterThan(0)
    expect(count('countersign_known_credential_look_ups_total{result="hit"}')).toBeGreaterThanOrEqual(2)
  })

  test('count tokens, introspections, what is refused at OAuth endpoints, and management calls by route', async () => {
    const on = await startApp()
    teardown.add(() => on.close())
    await withWebdav(on, { introspectors: [] })
    const { secret } = (await on.api('POST', '/api/v1/clients/canister/secrets', {})).body
    const headers = { Authorization: `Basic ${btoa(`canister:${secret}`)}` }
    const form = { grant_type: 'client_credentials', resource: 'https://webdav.example.com' }
    const { access_token } = (await on.oauth('/oauth/token', form, { headers })).body
    await on.oauth('/oauth/introspect', { token: String(access_token) }, { headers })
    await on.oauth('/oauth/introspect', { token: 'nonsense' }, { headers })
    await on.oauth('/oauth/token', { grant_type: 'password' }, { headers })
    await on.api('DELETE', '/api/v1/clients/nobody')
    await on.api('GET', '/api/v1/no-such-path')
    const seen = await figures(on)
    expect(
      seen.get('countersign_access_tokens_issued_total{resource="webdav",format="jwt",grant="client_credentials"}'),
    ).toBe(1)
    expect(seen.get('countersign_introspections_total{active="true"}')).toBe(1)
    expect(seen.get('countersign_introspections_total{active="false"}')).toBe(1)
    expect(seen.get('countersign_oauth_refusals_total{endpoint="token",code="grant_type_unsupported"}')).toBe(1)
    expect(seen.get('countersign_oauth_requests_total{endpoint="introspect",outcome="answered"}')).toBe(2)
    expect(seen.get('countersign_oauth_request_duration_seconds_count{endpoint="token"}')).toBe(2)
    const calls = 'countersign_management_requests_total'
    expect(seen.get(`${calls}{method="POST",route="/api/v1/clients/:id/secrets",status="201"}`)).toBe(1)
    expect(seen.get(`${calls}{method="DELETE",route="/api/v1/clients/:id",status="404"}`)).toBe(1)
    expect([...seen.keys()].filter((name) => name.includes('no-such-path') || name.includes('nobody'))).toEqual([])
    expect(seen.get('countersign_changes_total{outcome="rejected"}')).toBe(1)
    expect(seen.get('countersign_changes_total{outcome="done"}')).toBeGreaterThanOrEqual(5)
  })
})
