// Whoever is not the client gets no token in its name, by whatever it shows, and learns nothing of who is there.
import { afterAll, afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { createHmac, createPublicKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { type Answer, basicOf, type OAuthSent, PUBLIC_URL, startApp, type TestApp, withWebdav } from '../support/app.ts'
import {
  ASSERTION_TYPE,
  makeSigner,
  registerKeys,
  type SigningClient,
  showing,
  withKey,
} from '../support/client-key.ts'
import { Stage } from './stage.ts'
import { forged } from './vectors/credentials.ts'
import { lookUpsIn, workOf } from './work.ts'

const GRANT = { grant_type: 'client_credentials' }
const onPostgres = (await availableEngines()).includes(POSTGRES) ? test : test.skip
/** Of decisions and of requests. */
const IDS = /dec_[0-9A-HJKMNP-TV-Z]{26}|req_[0-9A-HJKMNP-TV-Z]{26}-\d+/g

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.close())

/** All that a caller sees. */
const bytesOf = ({ status, headers, body }: Answer) =>
  JSON.stringify([status, [...headers], body]).replaceAll(IDS, 'id')
const codeOf = async (answer: Answer) => (await stage.why(String(answer.headers.get('countersign-decision')))).code
const ask = (form: object, sent: OAuthSent = {}) => stage.test.oauth('/oauth/token', { ...GRANT, ...form }, sent)
const guess = (client: string, secret: string, sent: OAuthSent = {}) =>
  ask({}, { headers: basicOf(client, secret), ...sent })

async function newSecret(client = 'canister', body: object = {}): Promise<{ id: string; secret: string }> {
  const { id, secret } = await stage.make(`/clients/${client}/secrets`, body)
  return { id: String(id), secret: String(secret) }
}

/** What it costs to be asked: digests, look-ups and signature checks. */
async function costOf(run: () => unknown): Promise<object> {
  const checks = spyOn(crypto.subtle, 'verify')
  try {
    const work = await workOf(run)
    return { digests: work.digests, lookUps: lookUpsIn(work), checks: checks.mock.calls.length }
  } finally {
    checks.mockRestore()
  }
}

describe('a secret', () => {
  const WRONG: Readonly<
    Record<string, readonly [code: string, shown: () => Promise<[client: string, secret: string]>]>
  > = {
    'of nobody': ['credential_unknown', async () => ['canister', forged('a'.repeat(43), 'secret')]],
    'of a client that is not there': ['credential_unknown', async () => ['nobody', forged('b'.repeat(43), 'secret')]],
    'of a name that no client can have': [
      'credential_unknown',
      async () => ['No\u0000body', forged('c'.repeat(43), 'secret')],
    ],
    'of another client': ['client_mismatch', async () => ['other', (await newSecret()).secret]],
    'of a client that is not there, by name': ['client_mismatch', async () => ['nobody', (await newSecret()).secret]],
    'that is no secret': ['client_unauthenticated', async () => ['canister', 'correct horse battery staple']],
    'that is a key': ['credential_kind_refused', async () => ['canister', (await stage.newKey()).key]],
    'of a disabled client': [
      'owner_disabled',
      async () => {
        const { secret } = await newSecret()
        await stage.call('PATCH', '/clients/canister', { disabled: true })
        return ['canister', secret]
      },
    ],
    'of a client that was deleted': [
      'owner_missing',
      async () => {
        await stage.make('/clients', { id: 'gone' })
        const { secret } = await newSecret('gone')
        await stage.call('DELETE', '/clients/gone')
        return ['gone', secret]
      },
    ],
    'that has expired': [
      'credential_expired',
      async () => {
        const { secret } = await newSecret('canister', { expires_in_seconds: 60 })
        stage.test.clock.advance(60_000)
        return ['canister', secret]
      },
    ],
    'that was revoked': [
      'credential_revoked',
      async () => {
        const { id, secret } = await newSecret()
        await stage.call('POST', `/credentials/${id}/revoke`, { reason: 'leaked' })
        return ['canister', secret]
      },
    ],
    'from elsewhere': [
      'credential_network_refused',
      async () => ['canister', (await newSecret('canister', { networks: ['10.0.0.0/8'] })).secret],
    ],
  }

  for (const [what, [code, shown]] of Object.entries(WRONG)) {
    test(`OAU-09 ${what} is answered like one that never was, and why says ${code}`, async () => {
      const [client, secret] = await shown()
      const never = await guess('canister', forged('z'.repeat(43), 'secret'))
      const answer = await guess(client, secret)
      expect([answer.status, await codeOf(answer)]).toEqual([401, code])
      expect(bytesOf(answer)).toBe(bytesOf(never))
      const inForm = await ask({ client_id: client, client_secret: secret })
      expect(bytesOf(inForm)).toBe(bytesOf(never))
    })
  }

  test('in Basic ends at the first colon, and what is no base64 is a failure like any other', async () => {
    const { secret } = await newSecret()
    const basic = (text: string) => ask({}, { headers: { Authorization: `Basic ${text}` } })
    expect((await basic(btoa(`canister:${secret}`))).status).toBe(200)
    const behind = await basic(btoa(`canister:${secret}:more`))
    expect([behind.status, await codeOf(behind)]).toEqual([401, 'credential_mistyped'])
    const before = await basic(btoa(`canister:more:${secret}`))
    expect([before.status, await codeOf(before)]).toEqual([401, 'client_unauthenticated'])
    for (const text of ['YTpi=', 'YTpiY', 'Y', '=', '====', btoa('canister'), btoa(':'), btoa(`:${secret}`)]) {
      const answer = await basic(text)
      expect([text, answer.status, await codeOf(answer)]).toEqual([text, 401, 'client_unauthenticated'])
    }
  })

  test('beside a type of assertion alone is two ways at once', async () => {
    const { secret } = await newSecret()
    const answer = await ask({ client_assertion_type: ASSERTION_TYPE }, { headers: basicOf('canister', secret) })
    expect([answer.status, await codeOf(answer)]).toEqual([400, 'client_ambiguous'])
  })

  test('OAU-09 of a client that is not there costs what a wrong one costs', async () => {
    const costs = []
    for (const [at, client] of ['canister', 'nobody', 'other', 'No\u0000body'].entries()) {
      costs.push(await costOf(() => guess(client, forged(String(at).repeat(43), 'secret'))))
    }
    expect(costs).toEqual(costs.map(() => ({ digests: 1, lookUps: 1, checks: 0 })))
  })

  test('OAU-10 of a client that is to sign is refused, and so is a key of one that is to show a secret', async () => {
    const { secret } = await newSecret()
    const signer = await withKey(stage.test)
    for (const answer of [
      await guess('canister', secret),
      await ask({ client_id: 'canister', client_secret: secret }),
    ]) {
      expect([answer.status, await codeOf(answer)]).toEqual([401, 'client_method_refused'])
    }
    expect((await ask(signer.form())).status).toBe(200)
    await stage.call('PATCH', '/clients/canister', { token_endpoint_auth_methods: ['client_secret_basic'] })
    const signed = await ask(signer.form())
    expect([signed.status, await codeOf(signed)]).toEqual([401, 'client_method_refused'])
    expect((await guess('canister', secret)).status).toBe(200)
  })

  test('OAU-10 that is missing makes no public client: a client_id alone is nobody', async () => {
    const answer = await ask({ client_id: 'canister' })
    expect([answer.status, answer.body.error, await codeOf(answer)]).toEqual([
      401,
      'invalid_client',
      'client_unauthenticated',
    ])
    await stage.call('PATCH', '/clients/canister', { grants: [] })
    const { secret } = await newSecret()
    expect((await guess('canister', secret)).body.error).toBe('unauthorized_client')
  })
})

describe('an assertion', () => {
  let canister: SigningClient
  beforeEach(async () => {
    canister = await withKey(stage.test)
  })

  const hmac = (secret: string) => {
    const [, claims] = canister.assertion().split('.')
    const input = `${Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'one' })).toString('base64url')}.${claims}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const pem = () =>
    createPublicKey({ key: canister.jwk as JsonWebKey, format: 'jwk' }).export({ format: 'pem', type: 'spki' })
  const inSeconds = (seconds: number) => Math.floor(stage.test.clock.now.getTime() / 1000) + seconds
  const spoilt = () => {
    const text = canister.assertion()
    const at = text.lastIndexOf('.') + 10
    return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
  }

  const FORGED: Readonly<Record<string, () => string | Promise<string>>> = {
    'by none': () => canister.assertion({}, { alg: 'none' }),
    'by none, without a signature': () => canister.assertion({}, { alg: 'none' }).replace(/[^.]+$/, ''),
    'by nOnE': () => canister.assertion({}, { alg: 'nOnE' }),
    'by HS256 with the public key in PEM': () => hmac(String(pem())),
    'by HS256 with the public key as JWK': () => hmac(JSON.stringify(canister.jwk)),
    'by HS256 with nothing': () => hmac(''),
    'by another algorithm than its key is for': () => canister.assertion({}, { alg: 'ES384' }),
    'by a key of its own': () => makeSigner(stage.test).assertion({}, { jwk: makeSigner(stage.test).jwk }),
    'by a key of another client': async () => {
      const other = await withKey(stage.test, 'other')
      return other.assertion({ iss: 'canister', sub: 'canister' })
    },
    'by its own key for another client': async () => {
      await withKey(stage.test, 'other')
      return canister.assertion({ iss: 'other', sub: 'other' })
    },
    'whose signature is spoilt': spoilt,
    'whose signature is all zeros': () => canister.assertion().replace(/[^.]+$/, 'A'.repeat(86)),
    'whose iss is another': () => canister.assertion({ iss: 'other' }),
    'whose sub is another': () => canister.assertion({ sub: 'other' }),
    'without exp': () => canister.assertion({ exp: undefined }),
    'without jti': () => canister.assertion({ jti: undefined }),
    'that has expired': () => canister.assertion({ iat: inSeconds(-100), exp: inSeconds(0) }),
    'that lives for an hour': () => canister.assertion({ exp: inSeconds(3600) }),
    'that lives for 5 minutes and a second': () => canister.assertion({ exp: inSeconds(301) }),
    'that is old': () => canister.assertion({ iat: inSeconds(-3600) }),
    'that is of tomorrow': () => canister.assertion({ iat: inSeconds(86_400), exp: inSeconds(60) }),
    'with crit': () => canister.assertion({}, { crit: ['exp'] }),
    'that is an access token of ours': async () => String((await ask(canister.form())).body.access_token),
    'in the clothes of an access token': () => canister.assertion({}, { typ: 'at+jwt' }),
  }
  for (const [what, made] of Object.entries(FORGED)) {
    test(`OAU-11 ${what} is refused like one of nobody`, async () => {
      const nobody = await ask(makeSigner(stage.test, 'nobody').form())
      const answer = await ask(showing(await made()))
      expect([answer.status, await codeOf(answer)]).toEqual([401, 'assertion_refused'])
      expect(bytesOf(answer)).toBe(bytesOf(nobody))
      expect((await ask(canister.form())).status).toBe(200)
    })
  }

  const NOBODYS: Readonly<Record<string, () => string | Promise<string>>> = {
    'of a client that is not there': () => makeSigner(stage.test, 'nobody').assertion(),
    'of a client without keys': () => makeSigner(stage.test, 'other').assertion(),
    'by a kid that its client has not': () => canister.assertion({}, { kid: 'two' }),
    'by another key under that kid': () => makeSigner(stage.test).assertion(),
    'of a disabled client': async () => {
      await stage.call('PATCH', '/clients/canister', { disabled: true })
      return canister.assertion()
    },
  }
  for (const [what, made] of Object.entries(NOBODYS)) {
    test(`OAU-09 ${what} is answered like any other, for the same work: one signature check, nothing looked up`, async () => {
      const text = await made()
      const wrong = await ask(showing(makeSigner(stage.test).assertion()))
      let answer: Answer | undefined
      const cost = await costOf(async () => {
        answer = await ask(showing(text))
      })
      expect(cost).toEqual({ digests: 0, lookUps: 0, checks: 1 })
      expect(bytesOf(answer as Answer)).toBe(bytesOf(wrong))
    })
  }

  test('OAU-14 is for our issuer alone: whatever a hostile server would have it say is refused', async () => {
    const hostile = 'https://hostile.test'
    for (const aud of [
      hostile,
      `${PUBLIC_URL}/oauth/token`,
      `${PUBLIC_URL}/`,
      PUBLIC_URL.toUpperCase(),
      `${PUBLIC_URL}/.well-known/oauth-authorization-server`,
      [PUBLIC_URL, hostile],
      [hostile, PUBLIC_URL],
      [PUBLIC_URL, `${PUBLIC_URL}/oauth/token`],
      { [PUBLIC_URL]: true },
      'https://webdav.example.com',
    ]) {
      const answer = await ask(canister.form(canister.assertion({ aud })))
      expect([answer.status, await codeOf(answer)]).toEqual([401, 'assertion_refused'])
    }
    expect((await ask(canister.form(canister.assertion({ aud: [PUBLIC_URL] })))).status).toBe(200)
  })

  test('OAU-12 is good once: sent again until it expires, at once or as another, it is refused', async () => {
    const form = canister.form()
    expect((await ask(form)).status).toBe(200)
    for (const again of [form, { ...form, client_id: 'canister' }, { ...form, scope: 'files:read' }]) {
      const answer = await ask(again)
      expect([answer.status, await codeOf(answer)]).toEqual([401, 'assertion_replayed'])
    }
    stage.test.clock.advance(59_000)
    expect(await codeOf(await ask(form))).toBe('assertion_replayed')
    stage.test.clock.advance(1000)
    expect(await codeOf(await ask(form))).toBe('assertion_refused')
  })
})

describe('an assertion that was used', () => {
  const remove: (() => unknown)[] = []
  afterAll(async () => {
    for (const one of remove) await one()
  })
  const furnish = async (test: TestApp): Promise<SigningClient> => {
    await withWebdav(test)
    return withKey(test)
  }
  const statusAt = async (test: TestApp, form: Readonly<Record<string, string>>) =>
    (await test.oauth('/oauth/token', form)).status

  test('OAU-12 is refused after a restart', async () => {
    const COUNTERSIGN_DATA_DIR = mkdtempSync(join(tmpdir(), 'countersign-replay-'))
    remove.push(() => rmSync(COUNTERSIGN_DATA_DIR, { recursive: true }))
    const first = await startApp({ COUNTERSIGN_DATA_DIR })
    const signer = await furnish(first)
    const form = signer.form()
    expect(await statusAt(first, form)).toBe(200)
    await first.close()
    const second = await startApp({ COUNTERSIGN_DATA_DIR })
    expect(await statusAt(second, form)).toBe(401)
    expect(await statusAt(second, signer.form())).toBe(200)
    await second.close()
  })

  onPostgres('OAU-12 is refused by another node, and by all but one when all are asked at once', async () => {
    const place = await POSTGRES.makePlace()
    const env = { COUNTERSIGN_DATABASE_URL: String(place.databaseUrl) }
    const one = await startApp(env)
    const signer = await furnish(one)
    const other = await startApp(env)
    const form = signer.form()
    expect(await statusAt(one, form)).toBe(200)
    expect(await statusAt(other, form)).toBe(401)
    const raced = signer.form()
    const statuses = await Promise.all(
      Array.from({ length: 10 }, (_, at) => statusAt(at % 2 === 0 ? one : other, raced)),
    )
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(statuses.filter((status) => status === 401)).toHaveLength(9)
    expect(await statusAt(other, signer.form())).toBe(200)
    await one.close()
    await other.close()
    await place.remove()
  })
})

describe('guessing', () => {
  const attack = async (tries: number, sent: (at: number) => OAuthSent, client = 'canister') => {
    const statuses: number[] = []
    for (let at = 0; at < tries; at++) statuses.push((await guess(client, `guess ${at}`, sent(at))).status)
    return (status: number) => statuses.filter((one) => one === status).length
  }

  test('OAU-43 a thousand times a minute is answered 429 but for the first and a few, whether there is such a client or not', async () => {
    for (const [client, peer] of [
      ['canister', '203.0.113.1'],
      ['nobody', '203.0.113.2'],
    ] as const) {
      const answered = await attack(
        1000,
        () => {
          stage.test.clock.monotonicAheadMs += 60
          return { peer }
        },
        client,
      )
      expect(answered(401) + answered(429)).toBe(1000)
      expect(answered(401)).toBeLessThanOrEqual(75)
    }
  })

  test('OAU-43 from all addresses of a /64 counts as from one', async () => {
    const answered = await attack(100, (at) => ({ peer: `2001:db8:1:2:${at.toString(16)}::1` }))
    expect(answered(401)).toBe(50)
    const neighbour = await guess('other', 'guess', { peer: '2001:db8:1:3::1' })
    expect(neighbour.status).toBe(401)
  })

  test('OAU-43 locks no client out: not elsewhere, not there if it is known, and not by its name', async () => {
    const { secret } = await newSecret()
    const [attacker, home] = [{ peer: '203.0.113.1' }, { peer: '192.0.2.1' }]
    expect((await guess('canister', secret, home)).status).toBe(200)
    await attack(100, () => attacker)
    await attack(100, (at) => ({ peer: `198.51.100.${at}` }))
    expect((await guess('canister', 'guess', attacker)).status).toBe(429)
    expect((await guess('canister', 'guess', { peer: '198.51.100.200' })).status).toBe(429)
    expect((await guess('canister', secret, home)).status).toBe(200)
    expect((await guess('canister', secret, attacker)).status).toBe(200)
    const { secret: fresh } = await newSecret()
    expect((await guess('canister', fresh, home)).status).toBe(200)
    await registerKeys(stage.test, 'canister', { jwks: { keys: [makeSigner(stage.test).jwk] } })
    expect((await ask((await withKey(stage.test)).form(), home)).status).toBe(200)
  })

  test('OAU-43 leaves no secret in the log, in whatever number', async () => {
    const { secret } = await newSecret()
    await attack(60, () => ({}))
    await guess('canister', secret)
    stage.logsNoSecret()
  })
})
