// What happens to an access token while it lives: its moments, its cache, its revocation, its key.
import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { accessTokenVerifier } from '@countersign/resource-server'
import { PUBLIC_URL, tokenFor, withSecret } from '../support/app.ts'
import { encode, type Forge, forgeOf, publishedKeys, signedBy, strangersKey, twinOf } from '../support/forging.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'
import { workOf } from './work.ts'

const WEBDAV = 'https://webdav.example.com'
const FORGE = 'https://forge.example.com'
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

let stage: Stage
let forge: Forge
let secret: Awaited<ReturnType<typeof withSecret>>
beforeEach(async () => {
  stage = await Stage.open()
  secret = await withSecret(stage.test)
  forge = forgeOf(stage.test, await tokenFor(stage.test, secret.headers, { resource: WEBDAV }))
})
afterEach(() => stage.close())

const asWith = (token: string, host = 'webdav.example.com', uri = '/') => ({
  asks: { host, uri },
  lines: [bearer(token)],
})
const passes = (token: string) => stage.expect('OK', undefined, 'forward', asWith(token))
const isDead = async (token: string, code: string) => {
  await stage.expect('T401', code, 'forward', asWith(token))
  await stage.expect('T401', code, 'nginx', asWith(token))
}
const library = async (resource = WEBDAV) =>
  accessTokenVerifier({
    ...{ issuer: PUBLIC_URL, resource, keys: await publishedKeys(stage.test) },
    now: () => stage.test.clock.now,
  })
const shown = (token: string) => new Headers([[...bearer(token)]])

describe('its moments', () => {
  test('JWT-24 JWT-56 it lives to its last millisecond and not into the next, known or not, and in the library', async () => {
    const whoCalls = await library()
    const at = (ms: number) => {
      // The stage moves the clock by one second before it asks.
      stage.test.clock.now = new Date(Number(forge.claims.exp) * 1000 + ms - 1000)
    }
    const stranger = forge.signed()
    await passes(forge.live)
    for (const [ms, lives] of [
      [-1000, true],
      [-1, true],
      [0, false],
      [1, false],
      [1000, false],
    ] as const) {
      for (const token of [forge.live, ...(ms > -1 ? [stranger] : [])]) {
        at(ms)
        if (lives) await passes(token)
        else await stage.expect('T401', 'credential_expired', 'forward', asWith(token))
        expect(await whoCalls(shown(token))).toMatchObject(
          lives ? { outcome: 'allow' } : { outcome: 'deny', code: 'credential_expired' },
        )
      }
    }
  })

  test('JWT-27 one that was issued by a clock that is ahead is believed once that is a minute, to the millisecond', async () => {
    const token = forge.signed({ iat: forge.now() + 100 })
    const whoCalls = await library()
    const at = (ms: number) => {
      stage.test.clock.now = new Date((Number(forge.claims.iat) + 40) * 1000 + ms - 1000)
    }
    at(-1)
    await stage.expect('T401', 'credential_not_yet_valid', 'forward', asWith(token))
    expect(await whoCalls(shown(token))).toMatchObject({ code: 'credential_not_yet_valid' })
    at(0)
    await passes(token)
    expect(await whoCalls(shown(token))).toMatchObject({ outcome: 'allow' })
  })
})

describe('its audience', () => {
  test('JWT-55 what one resource believed, another decides for itself', async () => {
    const other = await tokenFor(stage.test, secret.headers, { resource: FORGE })
    for (let round = 0; round < 2; round++) {
      await passes(forge.live)
      await stage.expect('OK', undefined, 'forward', asWith(other, 'forge.example.com', '/a/file'))
      await stage.expect('T401', 'audience_refused', 'forward', asWith(forge.live, 'forge.example.com', '/a/file'))
      await stage.expect('T401', 'audience_refused', 'nginx', asWith(other))
    }
    expect(await (await library(FORGE))(shown(forge.live))).toMatchObject({ code: 'audience_refused' })
    expect(await (await library(FORGE))(shown(other))).toMatchObject({ outcome: 'allow' })
  })

  test('JWT-55 scopes are those of the token, not of another of the same client that was here first', async () => {
    const reader = await tokenFor(stage.test, secret.headers, { resource: WEBDAV, scope: 'files:read' })
    const writing = (token: string) => ({ asks: { method: 'PUT' }, lines: [bearer(token)] })
    await stage.expect('OK', undefined, 'forward', writing(forge.live))
    await stage.expect('S403', 'scope_missing', 'forward', writing(reader))
    await stage.expect('OK', undefined, 'forward', writing(forge.live))
    expect((await passes(reader)).headers.get('remote-scopes')).toBe('files:read')
    expect(await (await library())(shown(reader))).toMatchObject({ scopes: new Set(['files:read']) })
  })

  test('JWT-55 an identifier that moved to another resource takes no token along', async () => {
    await passes(forge.live)
    await stage.call('PATCH', '/resources/webdav', { identifier: 'https://old.example.com' })
    await stage.call('PATCH', '/resources/forge', { identifier: WEBDAV })
    await isDead(forge.live, 'audience_refused')
    await stage.expect('S403', 'resource_not_granted', 'forward', asWith(forge.live, 'forge.example.com', '/a/file'))
  })
})

describe('its revocation', () => {
  const SPELLINGS: readonly [how: string, respell: (token: string) => string, code: string][] = [
    ['itself', (token) => token, 'credential_revoked'],
    ['its twin', twinOf, 'credential_revoked'],
    ['itself, padded', (token) => `${token}=`, 'token_malformed'],
    ['itself, padded twice', (token) => `${token}==`, 'token_malformed'],
    [
      'itself, with other bits that say nothing',
      (token) => token.slice(0, -1) + ALPHABET.charAt(ALPHABET.indexOf(token.at(-1) ?? '') | 3),
      'token_malformed',
    ],
    ['its twin, padded', (token) => `${twinOf(token)}=`, 'token_malformed'],
  ]
  const REVOKED: readonly [how: string, revoke: () => Promise<unknown>][] = [
    ['when it leaked', () => stage.call('POST', '/leaks', { credential: forge.live })],
    ['when its twin leaked', () => stage.call('POST', '/leaks', { credential: twinOf(forge.live) })],
    ['with its secret', () => stage.call('POST', `/credentials/${secret.id}/revoke`, {})],
    ['with all of its client', () => stage.call('POST', '/clients/canister/revoke-credentials', {})],
  ]
  for (const [when, revoke] of REVOKED) {
    for (const wasKnown of [true, false]) {
      test(`JWT-18 revoked ${when}, ${wasKnown ? 'known' : 'never seen'}: dead in every spelling`, async () => {
        if (wasKnown) for (const token of [forge.live, twinOf(forge.live)]) await passes(token)
        await revoke()
        for (const [, respell, code] of SPELLINGS) await isDead(respell(forge.live), code)
      })
    }
  }

  test('JWT-18 another token of the same secret lives on when one leaked', async () => {
    const other = await tokenFor(stage.test, secret.headers, { resource: WEBDAV })
    await stage.call('POST', '/leaks', { credential: forge.live })
    await isDead(forge.live, 'credential_revoked')
    await passes(other)
  })

  test('JWT-18 one dead token, reported again and again, changes nothing more', async () => {
    const report = () => stage.test.api('POST', '/api/v1/leaks', { credential: forge.live }, null)
    expect((await report()).body).toMatchObject({ outcome: 'revoked', id: forge.claims.jti })
    const { revision } = stage.test.app.edge.verify.directory
    for (let time = 0; time < 3; time++) expect((await report()).body).toMatchObject({ outcome: 'dead' })
    expect(stage.test.app.edge.verify.directory.revision).toBe(revision)
  })

  test('JWT-17 the twin is the same token: it says the same, and counts as the same', async () => {
    const [one, other] = [await passes(forge.live), await passes(twinOf(forge.live))]
    expect(twinOf(forge.live)).not.toBe(forge.live)
    expect(other.headers.get('remote-credential')).toBe(one.headers.get('remote-credential'))
  })
})

describe('its key', () => {
  test('JWT-34 a token of another server of the same name, with keys of its own, is not believed', async () => {
    const other = await Stage.open()
    const { headers } = await withSecret(other.test)
    const theirs = await tokenFor(other.test, headers, { resource: WEBDAV })
    await other.expect('OK', undefined, 'forward', asWith(theirs))
    await isDead(theirs, 'token_unverified')
    expect(await (await library())(shown(theirs))).toMatchObject({ code: 'token_unverified' })
    const renamed = `${encode({ ...forge.header })}.${theirs.split('.').slice(1).join('.')}`
    await isDead(renamed, 'token_unverified')
    await other.close()
  })

  test('JWT-52 what is published holds nothing private, and says what each key is for', async () => {
    const { keys } = await publishedKeys(stage.test)
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
      expect(key).toMatchObject({ alg: 'ES256', use: 'sig', kty: 'EC', crv: 'P-256' })
    }
    expect(keys.map(({ kid }) => kid)).toContain(String(forge.header.kid))
  })
})

describe('what a bad one costs', () => {
  const stranger = strangersKey()
  const forgeries = (count: number) =>
    Array.from({ length: count }, (_, n) =>
      signedBy(stranger.privateKey, { ...forge.header, n }, { ...forge.claims, n }),
    )

  test('JWT-45 forged and unknown tokens cost no query and no fetch', async () => {
    const unknown = signedBy(stranger.privateKey, { ...forge.header, kid: stranger.jwk.kid }, forge.claims)
    const fetched = spyOn(globalThis, 'fetch')
    for (const token of [...forgeries(20), unknown, `${forge.live}=`]) {
      expect((await workOf(() => stage.ask('forward', asWith(token)))).queries).toEqual([])
    }
    expect(fetched).not.toHaveBeenCalled()
    fetched.mockRestore()
  })

  test('JWT-45 of a flood of forgeries nothing is kept, and good tokens pass meanwhile, known and new', async () => {
    // Each question moves the clock by a second.
    const good = () => forge.signed({ exp: forge.now() + 86_400 })
    const known = good()
    await passes(known)
    const flood = forgeries(1000).map((token) => stage.ask('forward', asWith(token)))
    await passes(known)
    await passes(good())
    for (const answer of await Promise.all(flood)) stage.oracle.judge(answer, 'T401', 'forward')
    await passes(good())
  })

  test('JWT-55 many that are new at once are each who they are', async () => {
    const other = await withSecret(stage.test, 'other')
    const mine = Array.from({ length: 50 }, () => forge.signed())
    const theirs = await tokenFor(stage.test, other.headers, { resource: WEBDAV })
    const tokens = mine.flatMap((token, n) => [token, n % 2 === 0 ? theirs : twinOf(token)])
    const answers = await Promise.all(tokens.map((token) => stage.ask('forward', asWith(token))))
    for (const [n, answer] of answers.entries()) {
      expect(answer.status).toBe(200)
      expect(answer.headers.get('remote-user')).toBe(tokens[n] === theirs ? 'client:other' : 'client:canister')
    }
  })

  test('JWT-56 a known one costs no signature, no query and one digest', async () => {
    await passes(forge.live)
    const verified = spyOn(crypto.subtle, 'verify')
    const work = await workOf(() => stage.ask('forward', asWith(forge.live)))
    expect([work.digests, work.queries, verified.mock.calls.length]).toEqual([1, [], 0])
    verified.mockRestore()
  })
})
