// A client that signs (RFC 7523): which assertions are believed, which are not, and what each leaves behind.
import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { isDenied, VERIFICATION_ALGORITHMS } from '@countersign/resource-server'
import { PUBLIC_URL, startApp, type TestApp, withWebdav } from '../../../../test/support/app.ts'
import { makeSigner, registerKeys, type SigningClient, withKey } from '../../../../test/support/client-key.ts'
import type { DirectoryUpdate } from '../directory/directory.ts'
import { openTestStore } from '../store/testing/engines.ts'
import { onEachStatement, statementsOf } from '../store/testing/statements.ts'
import { deleteEndedAssertions } from '../store/used-assertions.ts'
import { spendAssertion } from './private-key-jwt.ts'
import { readAssertion } from './private-key-jwt-claims.ts'

let at: TestApp
let canister: SigningClient
beforeEach(async () => {
  at = await startApp()
  await withWebdav(at)
  canister = await withKey(at)
})
afterEach(() => at.close())

type Words = Readonly<Record<string, unknown>>
const nowSeconds = () => Math.floor(at.clock.now.getTime() / 1000)
const post = (form: Readonly<Record<string, string>>) => at.oauth('/oauth/token', form)
const show = (claims?: Words, header?: Words) => post(canister.form(canister.assertion(claims, header)))
const call = async (method: string, path: string, body: object = {}) => {
  const answer = await at.api(method, `/api/v1${path}`, body)
  expect([200, 201]).toContain(answer.status)
  return answer.body
}
const why = async (answer: Awaited<ReturnType<typeof post>>) => {
  const { body } = await at.api('GET', `/api/v1/decisions/${answer.headers.get('countersign-decision')}`)
  return body as { code: string; sentence: string; detail: Record<string, unknown>; credential: unknown }
}

/** Takes a change over, as if another node had made it. */
function learn(change: Partial<DirectoryUpdate>): void {
  const { directory } = at.app.edge.verify
  const nothing = new Map<string, never>()
  directory.apply({
    ...{
      revision: directory.revision + 1,
      stamp: '',
      everything: false,
      resources: nothing,
      groups: nothing,
      clients: nothing,
    },
    ...{
      users: nothing,
      permissions: nothing,
      foreignPrefixes: nothing,
      issuers: nothing,
      trustRules: nothing,
      lines: [],
      credentials: [],
    },
    signingKeys: undefined,
    ...change,
  })
}

describe('an assertion', () => {
  test('gets a token that names the key by its thumbprint, whatever its owner calls it', async () => {
    const answer = await show()
    expect(answer.status).toBe(200)
    const claims = JSON.parse(Buffer.from(String(answer.body.access_token).split('.')[1] ?? '', 'base64url').toString())
    const { crv, kty, x, y } = canister.jwk
    const thumbprint = new Bun.CryptoHasher('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
    expect(claims).toMatchObject({ sub: 'client:canister', credential: `jwk_${thumbprint}` })
    const headers = { Authorization: `Bearer ${answer.body.access_token}` }
    expect((await at.ask({ headers })).status).toBe(200)
  })

  for (const alg of ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256']) {
    test(`may be signed with ${alg}`, async () => {
      const { form } = await withKey(at, 'canister', alg)
      expect((await post(form())).status).toBe(200)
    })
  }

  const now = () => nowSeconds()
  const GOOD: Readonly<Record<string, () => [claims?: Words, header?: Words]>> = {
    'whose audience is a list of our issuer alone': () => [{ aud: [PUBLIC_URL] }],
    'that lives for 5 minutes': () => [{ exp: now() + 300 }],
    'that ends in a second': () => [{ exp: now() + 1 }],
    'without iat': () => [{ iat: undefined }],
    'that was made 5 minutes ago': () => [{ iat: now() - 300 }],
    'of a clock that is a minute ahead': () => [{ iat: now() + 60, nbf: now() + 60 }],
    'whose jti has 256 characters': () => [{ jti: 'j'.repeat(256) }],
    'of type JWT': () => [{}, { typ: 'JWT' }],
    'of type client-authentication+jwt': () => [{}, { typ: 'client-authentication+jwt' }],
    'of type application/client-authentication+JWT': () => [{}, { typ: 'application/client-authentication+JWT' }],
    'without a kid, where the client has one key': () => [{}, { kid: undefined }],
    'with claims of its own': () => [{ scope: 'admin', client_id: 'other', sub_jwk: {} }],
  }
  for (const [what, made] of Object.entries(GOOD)) {
    test(`${what} is believed`, async () => expect((await show(...made())).status).toBe(200))
  }

  const BAD: Readonly<Record<string, readonly [because: RegExp, made: () => [claims?: Words, header?: Words]]>> = {
    'of another audience': [/aud/, () => [{ aud: 'https://elsewhere.test' }]],
    'for the URL of the token endpoint': [/aud/, () => [{ aud: `${PUBLIC_URL}/oauth/token` }]],
    'for us and somebody else': [/aud/, () => [{ aud: [PUBLIC_URL, 'https://elsewhere.test'] }]],
    'for us twice': [/aud/, () => [{ aud: [PUBLIC_URL, PUBLIC_URL] }]],
    'for us with a slash': [/aud/, () => [{ aud: `${PUBLIC_URL}/` }]],
    'for us, nested': [/aud/, () => [{ aud: [[PUBLIC_URL]] }]],
    'for nobody': [/aud/, () => [{ aud: undefined }]],
    'for an empty list': [/aud/, () => [{ aud: [] }]],
    'whose iss is another': [/iss/, () => [{ iss: 'other' }]],
    'whose sub is another': [/iss/, () => [{ sub: 'other' }]],
    'without iss': [/iss/, () => [{ iss: undefined }]],
    'without sub': [/sub/, () => [{ sub: undefined }]],
    'of a sub that can be no client': [/sub/, () => [{ iss: 'CANISTER', sub: 'CANISTER' }]],
    'of a client that is not there': [/no such client/, () => [{ iss: 'nobody', sub: 'nobody' }]],
    'without exp': [/exp/, () => [{ exp: undefined }]],
    'whose exp is a text': [/exp/, () => [{ exp: String(now() + 60) }]],
    'whose exp is null': [/exp/, () => [{ exp: null }]],
    'that has expired': [/expired/, () => [{ exp: now() }]],
    'that lives for longer than 5 minutes': [/exp/, () => [{ exp: now() + 301 }]],
    'that was made longer ago than 5 minutes': [/iat/, () => [{ iat: now() - 301 }]],
    'that was made ahead of our clock': [/iat/, () => [{ iat: now() + 61 }]],
    'whose iat is a text': [/iat/, () => [{ iat: 'now' }]],
    'that is not valid yet': [/nbf/, () => [{ nbf: now() + 61 }]],
    'whose nbf is null': [/nbf/, () => [{ nbf: null }]],
    'without jti': [/jti/, () => [{ jti: undefined }]],
    'of an empty jti': [/jti/, () => [{ jti: '' }]],
    'whose jti is a number': [/jti/, () => [{ jti: 1 }]],
    'whose jti is too long': [/jti/, () => [{ jti: 'j'.repeat(257) }]],
    'whose jti has a byte that ends texts': [/jti/, () => [{ jti: 'a\0b' }]],
    'whose jti is half a character': [/jti/, () => [{ jti: 'a\ud800' }]],
    'of the type of access tokens': [/typ/, () => [{}, { typ: 'at+jwt' }]],
    'of the type of assertions of ours': [/typ/, () => [{}, { typ: 'countersign-assertion+jwt' }]],
    'of an empty type': [/typ/, () => [{}, { typ: '' }]],
    'by none': [/alg/, () => [{}, { alg: 'none' }]],
    'by HS256': [/alg/, () => [{}, { alg: 'HS256' }]],
    'by a name of every object': [/alg/, () => [{}, { alg: 'constructor' }]],
    'by another algorithm than its key is for': [/no RS256 key/, () => [{}, { alg: 'RS256' }]],
    'by a key that is not registered': [/no ES256 key/, () => [{}, { kid: 'two' }]],
  }
  for (const [what, [because, made]] of Object.entries(BAD)) {
    test(`${what} is refused, and leaves nothing behind`, async () => {
      let answer: Awaited<ReturnType<typeof show>> | undefined
      const statements = await statementsOf(async () => {
        answer = await show(...made())
      })
      expect(answer?.status).toBe(401)
      expect(answer?.body).toEqual({ error: 'invalid_client', error_description: 'Client authentication failed.' })
      expect(statements.filter((sql) => /used_assertion/.test(sql))).toEqual([])
      const record = await why(answer as NonNullable<typeof answer>)
      expect(record).toMatchObject({ code: 'assertion_refused', credential: null })
      expect(String(record.detail.because)).toMatch(because)
    })
  }

  test('whose form is not the one that is taken is refused', async () => {
    const [header, claims, signature = ''] = canister.assertion().split('.')
    const last = signature.at(-1) === 'A' ? 'B' : 'A'
    for (const text of ['', 'a.b.c', `${header}.${claims}.`, `${header}.${claims}.${signature}=`, 'x'.repeat(9000)]) {
      expect((await post(canister.form(text))).status).toBe(401)
    }
    expect((await post(canister.form(`${header}.${claims}.${signature.slice(0, -1)}${last}`))).status).toBe(401)
  })

  test('says of a caller no more than 64 characters, and nothing of it as true', async () => {
    const long = 'n'.repeat(63)
    const refused = await show({ iss: long, sub: long, jti: undefined })
    expect((await why(refused)).detail.claimed).toBe('…')
    const dotted = 'no.'.repeat(40)
    expect((await why(await show({ sub: dotted }))).detail.claimed).toBe(dotted.slice(0, 64))
  })

  for (const alg of Object.keys(VERIFICATION_ALGORITHMS)) {
    test(`of nobody, said to be by ${alg}, is refused after one signature check`, async () => {
      const [head = '', claims] = makeSigner(at, 'nobody').assertion().split('.')
      const header = { ...JSON.parse(Buffer.from(head, 'base64url').toString()), alg }
      const checks = spyOn(crypto.subtle, 'verify')
      for (const bytes of [1, 64, 96, 132, 256]) {
        const signature = Buffer.alloc(bytes, 7).toString('base64url')
        const text = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}.${signature}`
        expect((await post(canister.form(text))).status).toBe(401)
      }
      expect(checks).toHaveBeenCalledTimes(5)
      checks.mockRestore()
    })
  }

  test('beside a client_id has to be of that client', async () => {
    expect((await post({ ...canister.form(), client_id: 'canister' })).status).toBe(200)
    const other = await post({ ...canister.form(), client_id: 'other' })
    expect([other.status, (await why(other)).detail]).toMatchObject([401, { claimed: 'other' }])
  })

  test('that was refused for what is wrong with it does not use up its jti', async () => {
    const jti = 'mine'
    expect((await show({ jti, aud: 'https://elsewhere.test' })).status).toBe(401)
    const stranger = makeSigner(at)
    expect((await post(stranger.form(stranger.assertion({ jti })))).status).toBe(401)
    await call('PATCH', '/clients/canister', { disabled: true })
    expect((await show({ jti })).status).toBe(401)
    await call('PATCH', '/clients/canister', { disabled: false, token_endpoint_auth_methods: [] })
    expect((await show({ jti })).status).toBe(401)
    await call('PATCH', '/clients/canister', { token_endpoint_auth_methods: ['private_key_jwt'] })
    expect((await show({ jti })).status).toBe(200)
    const again = await show({ jti })
    expect([again.status, (await why(again)).code]).toEqual([401, 'assertion_replayed'])
  })

  test('with a jti that another client used is believed', async () => {
    await call('POST', '/clients', { id: 'other', groups: ['media'] })
    const other = await withKey(at, 'other')
    expect((await show({ jti: 'one' })).status).toBe(200)
    expect((await post(other.form(other.assertion({ jti: 'one' })))).status).toBe(200)
  })

  test('is believed once of ten that are sent at once', async () => {
    const form = canister.form()
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(form)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...new Array<number>(9).fill(401)])
  })

  test('is remembered for a minute longer than it lives', async () => {
    const store = await openTestStore(
      () => at.clock.now,
      (length) => new Uint8Array(length),
    )
    const assertion = readAssertion(canister.assertion(), undefined, PUBLIC_URL, at.clock.now)
    if (isDenied(assertion)) throw new Error(assertion.code)
    expect(await spendAssertion(assertion, store)).toBeUndefined()
    expect(await spendAssertion(assertion, store)).toMatchObject({ code: 'assertion_replayed' })
    const ends = nowSeconds() + 60
    expect(await deleteEndedAssertions(store, new Date((ends + 60) * 1000), 10)).toBe(0)
    expect(await deleteEndedAssertions(store, new Date((ends + 61) * 1000), 10)).toBe(1)
    await store.close()
  })
})

describe('the key of a client', () => {
  test('is believed no more once all that the client has is revoked, nor is what it minted, and cannot be registered again', async () => {
    const { body } = await show()
    const asking = () => at.ask({ headers: { Authorization: `Bearer ${body.access_token}` } })
    expect((await asking()).status).toBe(200)
    at.clock.advance(1000)
    expect(await call('POST', '/clients/canister/revoke-credentials')).toEqual({ revoked: 2 })
    const refused = await show()
    expect([refused.status, (await why(refused)).code]).toEqual([401, 'credential_revoked'])
    expect((await asking()).status).toBe(401)
    const again = registerKeys(at, 'canister', { jwks: { keys: [canister.jwk] } })
    expect(again).rejects.toThrow('was revoked; expected another one in its place')
    const other = makeSigner(at, 'canister', 'ES256', 'two')
    await registerKeys(at, 'canister', { jwks: { keys: [other.jwk] } })
    expect((await post(other.form())).status).toBe(200)
    expect((await asking()).status).toBe(401)
  })

  test('is as old as its registration: what revokes all that is older than a day before goes through it', async () => {
    at.clock.advance(86_400_000)
    const before = at.clock.now.toISOString()
    expect((await show()).status).toBe(200)
    await call('POST', '/clients/canister/revoke-credentials', { created_before: before })
    expect((await show()).status).toBe(401)
    const other = makeSigner(at, 'canister', 'ES256', 'two')
    await registerKeys(at, 'canister', { jwks: { keys: [other.jwk] } })
    await call('POST', '/clients/canister/revoke-credentials', { created_before: before })
    expect((await post(other.form())).status).toBe(200)
  })

  test('outlives changes of its client that are about something else', async () => {
    await call('PATCH', '/clients/canister', { name: 'Another name' })
    expect((await show()).status).toBe(200)
  })

  test('is gone with the next request once another is registered in its place', async () => {
    expect((await show()).status).toBe(200)
    const other = makeSigner(at, 'canister', 'ES256', 'two')
    await registerKeys(at, 'canister', { jwks: { keys: [other.jwk] } })
    expect((await show()).status).toBe(401)
    expect((await post(other.form())).status).toBe(200)
  })

  test('that is replaced while its signature is looked at is not believed', async () => {
    const { verify } = crypto.subtle
    const other = makeSigner(at, 'canister', 'ES256', 'two')
    const spy = spyOn(crypto.subtle, 'verify').mockImplementationOnce(async (...args) => {
      await registerKeys(at, 'canister', { jwks: { keys: [other.jwk] } })
      return (verify as (...all: unknown[]) => Promise<boolean>).apply(crypto.subtle, args)
    })
    const answer = await show()
    expect(spy).toHaveBeenCalled()
    spy.mockRestore()
    expect(answer.status).toBe(401)
    expect((await why(answer)).detail.because).toBe('the keys of the client were replaced meanwhile')
  })

  test('is not believed when its client dies while the assertion is written down as used', async () => {
    const { directory } = at.app.edge.verify
    const client = directory.client('canister')
    if (client === undefined) throw new Error('there is no such client')
    const restore = onEachStatement((sql) => {
      if (/used_assertion/.test(sql)) learn({ clients: new Map([['canister', { ...client, disabled: true }]]) })
    })
    const answer = await show()
    restore()
    expect([answer.status, (await why(answer)).code]).toEqual([401, 'owner_disabled'])
  })

  test('ends with a line through its thumbprint, and so does what it minted', async () => {
    const { body } = await show()
    const [, claims = ''] = String(body.access_token).split('.')
    const { credential } = JSON.parse(Buffer.from(claims, 'base64url').toString())
    const { revision } = at.app.edge.verify.directory
    const drawn = { revision: revision + 1, before: null, endsAt: null, at: at.clock.now, by: 'admin', reason: null }
    learn({ lines: [{ subject: `credential:${credential}`, ...drawn }] })
    const answer = await show()
    expect([answer.status, (await why(answer)).code]).toEqual([401, 'credential_revoked'])
    expect((await at.ask({ headers: { Authorization: `Bearer ${body.access_token}` } })).status).toBe(401)
  })

  test('of two is found by its kid alone', async () => {
    const two = makeSigner(at, 'canister', 'ES256', 'two')
    await registerKeys(at, 'canister', { jwks: { keys: [canister.jwk, two.jwk] } })
    expect((await show()).status).toBe(200)
    expect((await post(two.form())).status).toBe(200)
    expect((await show({}, { kid: undefined })).status).toBe(401)
    expect((await show({}, { kid: 'two' })).status).toBe(401)
  })

  test('that its client may not use is refused', async () => {
    await call('PATCH', '/clients/canister', { token_endpoint_auth_methods: ['client_secret_basic'] })
    const answer = await show()
    expect([answer.status, (await why(answer)).code]).toEqual([401, 'client_method_refused'])
  })

  test('is asked of no header: jwk, jku and x5c change nothing', async () => {
    const stranger = makeSigner(at)
    const header = {
      jwk: stranger.jwk,
      jku: 'https://elsewhere.test/jwks',
      x5u: 'https://elsewhere.test/x',
      x5c: ['AA=='],
    }
    expect((await post(stranger.form(stranger.assertion({}, header)))).status).toBe(401)
    expect((await show({}, header)).status).toBe(200)
  })
})

describe('keys that a client publishes', () => {
  const publish = async (keys: () => object, status = 200) => {
    const server = Bun.serve({ port: 0, fetch: () => Response.json(keys(), { status }) })
    await registerKeys(at, 'canister', { jwks: null, jwks_uri: `http://127.0.0.1:${server.port}/jwks` })
    return server
  }
  beforeEach(async () => {
    await at.close()
    at = await startApp({ COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8' })
    await withWebdav(at)
    canister = makeSigner(at)
  })

  test('are fetched and believed', async () => {
    const server = await publish(() => ({ keys: [canister.jwk] }))
    expect((await show()).status).toBe(200)
    expect((await show({}, { kid: 'two' })).status).toBe(401)
    await server.stop(true)
  })

  test('that cannot be fetched are nobody’s fault: 503, and the jti is not used up', async () => {
    const server = await publish(() => ({}), 500)
    const answer = await show({ jti: 'one' })
    expect([answer.status, answer.headers.get('retry-after'), (await why(answer)).code]).toEqual([
      503,
      '1',
      'keys_unavailable',
    ])
    await server.stop(true)
    const well = await publish(() => ({ keys: [canister.jwk] }))
    expect((await show({ jti: 'one' })).status).toBe(200)
    await well.stop(true)
  })
})

test('an assertion that names no key will do for a client with one; for one with two, why says that it has to', async () => {
  expect((await show({}, { kid: undefined })).status).toBe(200)
  await registerKeys(at, 'canister', { jwks: { keys: [canister.jwk, makeSigner(at, 'canister', 'ES256', 'two').jwk] } })
  const answer = await show({}, { kid: undefined })
  expect(answer.status).toBe(401)
  expect((await why(answer)).sentence).toContain('it names no kid, and the client has not exactly one ES256 key')
  expect((await show()).status).toBe(200)
})

describe('what keeps an assertion from being written down', () => {
  const failing = async (error: Error) => {
    const restore = onEachStatement((text) => {
      if (/"used_assertion"/.test(text)) throw error
    })
    try {
      return await show({ jti: 'one' })
    } finally {
      restore()
    }
  }

  test('is told as 503 if the store cannot be asked, and the jti is not used up', async () => {
    const answer = await failing(Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' }))
    expect([answer.status, (await why(answer)).code]).toEqual([503, 'store_unavailable'])
    expect((await show({ jti: 'one' })).status).toBe(200)
  })

  test('is told as 500 if it is a fault of ours, which is in the log', async () => {
    const answer = await failing(new Error('no such column'))
    expect([answer.status, (await why(answer)).code]).toEqual([500, 'internal_error'])
    expect(at.logLines.join('')).toContain('no such column')
  })
})

test('too many signatures at once are answered 503, and the next one is checked', async () => {
  const { verify } = crypto.subtle
  const held: (() => void)[] = []
  const spy = spyOn(crypto.subtle, 'verify').mockImplementation(async (...args) => {
    await new Promise<void>((resolve) => held.push(resolve))
    return (verify as (...all: unknown[]) => Promise<boolean>).apply(crypto.subtle, args)
  })
  const asked = Array.from({ length: 8 + 256 }, () => show())
  while (held.length < 8) await Bun.sleep(1)
  // Those that wait are not counted from outside: one that comes when all have been taken in is refused.
  const refused = await Promise.race([show(), ...asked])
  expect([refused.status, (await why(refused)).code]).toEqual([503, 'store_busy'])
  spy.mockRestore()
  const release = setInterval(() => {
    for (const go of held.splice(0)) go()
  }, 1)
  await Promise.all(asked)
  clearInterval(release)
  expect((await show()).status).toBe(200)
})
