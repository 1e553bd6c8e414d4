// RFC 7523, JWTs for client authentication (with RFC 7521 §4.2): which assertions are believed, and for how long.
import { beforeEach, describe, expect, test } from 'bun:test'
import { PUBLIC_URL } from '../support/app.ts'
import { type ClientKey, clientKey } from './client-key.ts'
import { expectError, GRANT, INVALID_CLIENT, INVALID_REQUEST, seen, standing } from './standing.ts'

const on = standing()
const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
let key: ClientKey
let seconds = 0

beforeEach(async () => {
  key = await clientKey('signer', 'one', () => on.test.clock.now.getTime())
  seconds = on.test.clock.now.getTime() / 1000
  await register('signer', key)
})

async function register(id: string, { publicJwk }: ClientKey): Promise<void> {
  await on.admin('POST', '/clients', {
    id,
    groups: ['media'],
    token_endpoint_auth_methods: ['private_key_jwt'],
    jwks: { keys: [publicJwk] },
  })
}

const shown = (client_assertion: string, more: object = {}) => ({
  ...GRANT,
  client_assertion_type: TYPE,
  client_assertion,
  ...more,
})
const showing = (client_assertion: string, more: object = {}) =>
  on.token(shown(client_assertion, more), { headers: {} })
/** Asks with an assertion for us, of which these claims and this part of the header are otherwise. */
const asking = async (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}, by = key) =>
  showing(await by.assertion(PUBLIC_URL, claims, header))

describe('an assertion', () => {
  test('§2.2: authenticates its client, with and without its client_id', async () => {
    expect((await asking()).status).toBe(200)
    expect((await showing(await key.assertion(PUBLIC_URL), { client_id: 'signer' })).status).toBe(200)
  })

  test('7521 §4.2: with the client_id of another client it is refused', async () => {
    for (const client_id of ['canister', 'nobody']) {
      expectError(await showing(await key.assertion(PUBLIC_URL), { client_id }), INVALID_CLIENT)
    }
  })

  test('§2.2: of another type, or without a type, is none', async () => {
    const assertion = await key.assertion(PUBLIC_URL)
    for (const client_assertion_type of [
      '',
      'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
      TYPE.toUpperCase(),
    ]) {
      expectError(await showing(assertion, { client_assertion_type }), INVALID_CLIENT)
    }
    expectError(await on.token({ ...GRANT, client_assertion_type: TYPE }, { headers: {} }), INVALID_CLIENT)
  })

  test('7521 §4.2.1: beside another authentication is refused', async () => {
    const form = shown(await key.assertion(PUBLIC_URL))
    expectError(await on.token(form), INVALID_REQUEST)
    expectError(await on.token({ ...form, client_secret: on.secret }, { headers: {} }), INVALID_REQUEST)
    const assertion = await key.assertion(PUBLIC_URL)
    const twice = [...Object.entries(shown(assertion)), ['client_assertion', assertion] as const]
    expectError(await on.token(twice, { headers: {} }), INVALID_REQUEST)
  })

  test('§3: of a client that is not registered for it is refused', async () => {
    await on.admin('PATCH', '/clients/signer', { token_endpoint_auth_methods: ['client_secret_basic'] })
    expectError(await asking(), INVALID_CLIENT)
  })
})

describe('its claims', () => {
  test('§3 (1, 2): iss and sub are both there, and both the client', async () => {
    for (const claims of [
      { iss: undefined },
      { sub: undefined },
      { iss: 'canister' },
      { sub: 'canister' },
      { iss: 'canister', sub: 'canister' },
      { iss: 'nobody', sub: 'nobody' },
      { iss: ['signer'], sub: 'signer' },
      { iss: 'Signer', sub: 'Signer' },
      { iss: '', sub: '' },
    ]) {
      expectError(await asking(claims), INVALID_CLIENT)
    }
  })

  test('§3 (3): aud is there, and is our issuer and nobody else', async () => {
    expect((await asking({ aud: PUBLIC_URL })).status).toBe(200)
    for (const aud of [
      undefined,
      '',
      'https://webdav.example.com',
      `${PUBLIC_URL}/`,
      `${PUBLIC_URL}.attacker.test`,
      PUBLIC_URL.toUpperCase(),
      [PUBLIC_URL, 'https://as.attacker.test'],
      ['https://as.attacker.test'],
      [],
      { 0: PUBLIC_URL },
    ]) {
      expectError(await asking({ aud }), INVALID_CLIENT)
    }
  })

  test('§3 (4): exp is there, in the future, and near', async () => {
    for (const exp of [
      undefined,
      seconds,
      seconds - 1,
      seconds - 600,
      seconds + 86_400,
      String(seconds + 60),
      -1,
      null,
    ]) {
      expectError(await asking({ iat: seconds - 700, exp }), INVALID_CLIENT)
    }
  })

  test('§3 (5): nbf, where it is there, has come', async () => {
    expect((await asking({ nbf: seconds - 1 })).status).toBe(200)
    expectError(await asking({ nbf: seconds + 600, exp: seconds + 660 }), INVALID_CLIENT)
  })

  test('§3 (7): jti is there, and counts once until exp', async () => {
    expectError(await asking({ jti: undefined }), INVALID_CLIENT)
    expectError(await asking({ jti: '' }), INVALID_CLIENT)
    const assertion = await key.assertion(PUBLIC_URL)
    expect((await showing(assertion)).status).toBe(200)
    expectError(await showing(assertion), INVALID_CLIENT)
    expect((await asking({ jti: 'again' })).status).toBe(200)
    expectError(await asking({ jti: 'again', exp: seconds + 30 }), INVALID_CLIENT)
    on.test.clock.advance(59_000)
    expectError(await showing(assertion), INVALID_CLIENT)
  })

  test('§3 (7): of one assertion shown by many at once, one is believed', async () => {
    const assertion = await key.assertion(PUBLIC_URL)
    const answers = await Promise.all(Array.from({ length: 10 }, () => showing(assertion)))
    expect(answers.filter(({ status }) => status === 200).length).toBe(1)
  })

  test("§3 (7): the jti of one client is no other client's", async () => {
    const other = await clientKey('second', 'one', () => on.test.clock.now.getTime())
    await register('second', other)
    expect((await asking({ jti: 'same' })).status).toBe(200)
    expect((await asking({ jti: 'same' }, {}, other)).status).toBe(200)
  })

  test('§3: one that failed is not used up for the client that makes it right', async () => {
    expectError(await asking({ jti: 'kept', aud: 'https://as.attacker.test' }), INVALID_CLIENT)
    expect((await asking({ jti: 'kept' })).status).toBe(200)
  })
})

describe('its signature', () => {
  test('§3 (9): is by a key that is registered for that client', async () => {
    const strange = await clientKey('signer', 'one', () => on.test.clock.now.getTime())
    expectError(await asking({}, {}, strange), INVALID_CLIENT)
    const other = await clientKey('second', 'one', () => on.test.clock.now.getTime())
    await register('second', other)
    expectError(await asking({ iss: 'signer', sub: 'signer' }, {}, other), INVALID_CLIENT)
    expect((await asking({}, {}, other)).status).toBe(200)
  })

  test('§3 (9): is there, whole, and of an asymmetric algorithm', async () => {
    const [head, payload, signature = ''] = (await key.assertion(PUBLIC_URL)).split('.')
    const headed = (alg: string) => Buffer.from(JSON.stringify({ alg, kid: 'one' })).toString('base64url')
    for (const assertion of [
      `${head}.${payload}.`,
      `${head}.${payload}`,
      `${head}.${payload}.${signature.slice(0, -6)}AAAAAA`,
      `${headed('none')}.${payload}.`,
      `${headed('HS256')}.${payload}.${signature}`,
      `${headed('ES512')}.${payload}.${signature}`,
      'abc',
      '..',
      'a.b.c',
    ]) {
      expectError(await showing(assertion), INVALID_CLIENT)
    }
  })

  test('§3 (9): a key that the assertion brings along is not looked at', async () => {
    const strange = await clientKey('signer', 'two', () => on.test.clock.now.getTime())
    for (const header of [
      { jwk: strange.publicJwk, kid: undefined },
      { jwk: strange.publicJwk, kid: 'two' },
    ]) {
      expectError(await asking({}, header, strange), INVALID_CLIENT)
    }
  })

  test('§3.2: whatever is wrong is answered alike, and as a wrong secret is', async () => {
    const strange = await clientKey('signer', 'one', () => on.test.clock.now.getTime())
    const wrong = seen(await on.token(GRANT, { headers: { Authorization: `Basic ${btoa('canister:guess')}` } }))
    for (const answer of [
      await asking({ exp: seconds - 1 }),
      await asking({ aud: 'https://as.attacker.test' }),
      await asking({}, {}, strange),
      await asking({ iss: 'nobody', sub: 'nobody' }),
      await showing('abc'),
    ]) {
      expect(seen(answer)).toEqual(wrong)
    }
  })
})

describe('the other grant of this RFC', () => {
  test('§2.1: an assertion is no authorization grant here', async () => {
    const form = {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await key.assertion(PUBLIC_URL),
    }
    expectError(await on.token(form), { status: 400, error: 'unsupported_grant_type' })
  })
})
