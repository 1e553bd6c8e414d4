// The keys of an issuer that is asked for them, by a real one on loopback: rotation, removal, outages, floods.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { startApp, type TestApp, withWebdav } from '../support/app.ts'
import { trust } from '../support/pinned-issuer.ts'
import { type IssuerMood, type ScriptedIssuer, scriptedIssuer } from '../support/scripted-issuer.ts'

const MINUTE = 60_000

let on: TestApp
let idp: ScriptedIssuer

beforeEach(async () => {
  on = await startApp({ COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8' })
  idp = scriptedIssuer()
  on.clock.stopMonotonic()
  await withWebdav(on)
})
afterEach(async () => {
  idp.close()
  await on.close()
})

async function register(fields: object = { jwks_uri: `${idp.iss}/keys` }): Promise<void> {
  const body = { name: 'corp', issuer: idp.iss, algorithms: ['ES256'], ...fields }
  const answer = await on.api('POST', '/api/v1/issuers', body)
  expect([answer.status, answer.body.detail]).toEqual([201, undefined])
  await trust(on)
}

/** Both clocks. */
function pass(ms: number): void {
  on.clock.advance(ms)
  on.clock.monotonicAheadMs += ms
}

function token(kid = 'k1', header: Readonly<Record<string, unknown>> = {}): string {
  const now = Math.floor(on.clock.now.getTime() / 1000)
  const claims = { iss: idp.iss, sub: 'machine', aud: 'https://webdav.example.com', iat: now, exp: now + 7200 }
  return idp.sign(kid, { ...claims, jti: crypto.randomUUID() }, header)
}

async function outcome(text: string): Promise<unknown> {
  const answer = await on.ask({ headers: { Authorization: `Bearer ${text}` } })
  if (answer.status === 200) return 200
  const { body } = await on.api('GET', `/api/v1/decisions/${answer.headers.get('countersign-decision')}`)
  return [answer.status, body.code]
}

const REFUSED = [401, 'external_token_refused']
const UNAVAILABLE = [503, 'keys_unavailable']

describe('keys at a jwks_uri', () => {
  beforeEach(() => register())

  test('are fetched once for many tokens', async () => {
    expect(await Promise.all(Array.from({ length: 50 }, () => outcome(token())))).toEqual(Array(50).fill(200))
    expect(idp.keysAsked()).toBe(1)
  })

  test('JWT-48 a new key is believed at the first request after half a minute, without a restart', async () => {
    expect(await outcome(token())).toBe(200)
    idp.addKey('k2')
    expect(await outcome(token('k2'))).toEqual(REFUSED)
    pass(31_000)
    expect(await outcome(token('k2'))).toBe(200)
    expect(await outcome(token('k1'))).toBe(200)
    expect(idp.keysAsked()).toBe(2)
  })

  test('JWT-49 a key that was removed vouches for nothing ten minutes later, nor for what it vouched for', async () => {
    const known = token()
    expect(await outcome(known)).toBe(200)
    idp.addKey('k2')
    idp.removeKey('k1')
    pass(11 * MINUTE)
    expect(await outcome(known)).toEqual(REFUSED)
    expect(await outcome(token('k1'))).toEqual(REFUSED)
    expect(await outcome(token('k2'))).toBe(200)
  })

  test('JWT-34 another key under the same kid vouches for nothing of the first', async () => {
    const known = token()
    expect(await outcome(known)).toBe(200)
    idp.addKey('k1')
    pass(11 * MINUTE)
    expect(await outcome(known)).toEqual(REFUSED)
    expect(await outcome(token())).toBe(200)
  })

  for (const mood of ['hanging', 'failing', 'endless', 'redirecting', 'crowded', 'gibberish'] as IssuerMood[]) {
    test(`JWT-47 JWT-46 known keys go on while the issuer is ${mood}, and the first are «cannot tell»`, async () => {
      expect(await outcome(token())).toBe(200)
      idp.mood = mood
      pass(11 * MINUTE)
      // Whoever comes first waits for the answer that does not come.
      expect(await outcome(token())).toBe(200)
      const asked = idp.keysAsked()
      pass(500)
      expect(await Promise.all(Array.from({ length: 20 }, () => outcome(token())))).toEqual(Array(20).fill(200))
      expect(idp.keysAsked()).toBe(asked)
      pass(24 * 60 * MINUTE)
      expect(await outcome(token())).toEqual(UNAVAILABLE)
      idp.mood = 'well'
      pass(2 * MINUTE)
      expect(await outcome(token())).toBe(200)
    }, 20_000)
  }

  test('JWT-45 ten thousand kids that nobody has cost one question, and good tokens none', async () => {
    const good = token()
    expect(await outcome(good)).toBe(200)
    pass(31_000)
    const now = Math.floor(on.clock.now.getTime() / 1000)
    const claims = { iss: idp.iss, sub: 'machine', aud: 'x', iat: now, exp: now + 60 }
    const flood = Array.from({ length: 10_000 }, (_, n) => idp.sign('k1', claims, { kid: `nobody-${n}` }))
    for (let at = 0; at < flood.length; at += 500) {
      const answers = await Promise.all(
        flood.slice(at, at + 500).map((text) => on.ask({ headers: { Authorization: `Bearer ${text}` } })),
      )
      expect(answers.every(({ status }) => status === 401 || status === 503)).toBe(true)
    }
    expect(idp.keysAsked()).toBe(2)
    expect(await outcome(good)).toBe(200)
    expect(idp.keysAsked()).toBe(2)
  }, 30_000)

  test('JWT-50 a key with its private part is refused wherever it stands, and the log says so; others are good', async () => {
    idp.publish({ kty: 'oct', k: 'c2VjcmV0', kid: 'shared' })
    idp.publish({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', d: 'AA', kid: 'leaked' })
    expect(await outcome(token())).toBe(200)
    expect(on.logLines.some((line) => line.includes('its private part is published'))).toBe(true)
  })
})

describe('keys that are discovered', () => {
  beforeEach(() => register({}))

  test('are those that the issuer names', async () => {
    expect(await outcome(token())).toBe(200)
    expect([...idp.asked.keys()]).toEqual(['/.well-known/openid-configuration', '/keys'])
  })

  test('are not believed of a document that is of another issuer', async () => {
    idp.mood = 'of another issuer'
    expect(await outcome(token())).toEqual(UNAVAILABLE)
    expect(idp.keysAsked()).toBe(0)
  })
})

test('JWT-35 JWT-08 an issuer that is not registered is never asked for anything', async () => {
  for (const header of [{}, { jku: `${idp.iss}/keys` }, { x5u: `${idp.iss}/keys` }]) {
    expect(await outcome(token('k1', header))).toEqual([401, 'credential_foreign'])
  }
  await register()
  idp.asked.clear()
  expect(await outcome(token('k1', { jku: `${idp.iss}/evil`, x5u: `${idp.iss}/evil` }))).toBe(200)
  expect([...idp.asked.keys()]).toEqual(['/keys'])
})

test('ADM-09 without leave a private address is not asked, and the log says which option gives it', async () => {
  const closed = await startApp()
  try {
    await withWebdav(closed)
    const body = { name: 'corp', issuer: idp.iss, algorithms: ['ES256'], jwks_uri: `${idp.iss}/keys` }
    expect((await closed.api('POST', '/api/v1/issuers', body)).status).toBe(201)
    await trust(closed)
    const answer = await closed.ask({ headers: { Authorization: `Bearer ${token()}` } })
    expect(answer.status).toBe(503)
    expect(idp.asked.size).toBe(0)
    expect(closed.logLines.some((line) => line.includes('COUNTERSIGN_EGRESS_NETWORKS'))).toBe(true)
  } finally {
    await closed.close()
  }
})
