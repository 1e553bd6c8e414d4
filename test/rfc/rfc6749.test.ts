// RFC 6749, The OAuth 2.0 Authorization Framework: what it asks of a server with the client credentials grant.
import { describe, expect, test } from 'bun:test'
import { basicOf, withSecret } from '../support/app.ts'
import { expectError, GRANT, INVALID_CLIENT, INVALID_REQUEST, NOBODYS_SECRET, seen, standing } from './standing.ts'

const on = standing()
const NO_HEADERS = { headers: {} }
const raw = (text: string) => ({ headers: { Authorization: `Basic ${Buffer.from(text).toString('base64')}` } })
const inBody = () => ({ client_id: 'canister', client_secret: on.secret })

describe('client authentication', () => {
  test('§2.3: a client that authenticates in two ways at once is refused, also when both are right', async () => {
    expectError(await on.token({ ...GRANT, ...inBody() }), INVALID_REQUEST)
    expectError(await on.token({ ...GRANT, client_assertion: 'a.b.c' }), INVALID_REQUEST)
    expectError(await on.token({ ...GRANT, ...inBody(), client_assertion: 'a.b.c' }, NO_HEADERS), INVALID_REQUEST)
  })

  test('§2.3.1: a client with a secret may use HTTP Basic, whatever the case of its name', async () => {
    for (const scheme of ['Basic', 'basic', 'BASIC']) {
      const Authorization = String(on.basic.Authorization).replace('Basic', scheme)
      expect((await on.token(GRANT, { headers: { Authorization } })).status).toBe(200)
    }
  })

  test('§2.3.1: client_id and client_secret are form-decoded from Basic', async () => {
    const encode = (text: string) =>
      [...text].map((letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')
    expect((await on.token(GRANT, raw(`${encode('canister')}:${encode(on.secret)}`))).status).toBe(200)
    expect((await on.token(GRANT, raw(`canister:${encode(on.secret).toUpperCase()}`))).status).toBe(200)
  })

  test('§2.3.1: what is in Basic and cannot be form-decoded is no client', async () => {
    for (const pair of [
      `canister:${on.secret}%`,
      `%zz:${on.secret}`,
      `can%ff:${on.secret}`,
      `canister+:${on.secret}`,
    ]) {
      expectError(await on.token(GRANT, raw(pair)), INVALID_CLIENT)
    }
  })

  test('§2.3.1: client_id and client_secret are read from the body, where the client may do that', async () => {
    expect((await on.token({ ...GRANT, ...inBody() }, NO_HEADERS)).status).toBe(200)
    await on.admin('PATCH', '/clients/canister', { token_endpoint_auth_methods: ['client_secret_basic'] })
    expectError(await on.token({ ...GRANT, ...inBody() }, NO_HEADERS), INVALID_CLIENT)
  })

  test('§2.3.1: client_id and client_secret are never read from the URL', async () => {
    const query = `?client_id=canister&client_secret=${on.secret}`
    expectError(await on.token(GRANT, { headers: {}, query }), INVALID_CLIENT)
    expectError(await on.token({ ...GRANT, client_id: 'canister' }, { headers: {}, query }), INVALID_CLIENT)
  })

  test('§3.2.1: an unauthenticated client gets nothing', async () => {
    expectError(await on.token(GRANT, NO_HEADERS), INVALID_CLIENT)
    expectError(await on.token({ ...GRANT, client_id: 'canister' }, NO_HEADERS), INVALID_CLIENT)
    expectError(await on.token({ ...GRANT, client_secret: on.secret }, NO_HEADERS), INVALID_CLIENT)
  })

  test('§2.3.1: a client_id next to Basic has to be that client', async () => {
    expect((await on.token({ ...GRANT, client_id: 'canister' })).status).toBe(200)
    expectError(await on.token({ ...GRANT, client_id: 'other' }), INVALID_REQUEST)
  })

  test('§2.2: a client identifier alone is no authentication, and its case counts', async () => {
    expectError(await on.token(GRANT, { headers: basicOf('Canister', on.secret) }), INVALID_CLIENT)
    expectError(await on.token(GRANT, raw('canister:')), INVALID_CLIENT)
    expectError(await on.token(GRANT, raw('canister')), INVALID_CLIENT)
  })

  test('§5.2: unknown client, wrong secret and a secret of another client are answered alike', async () => {
    await on.admin('POST', '/clients', { id: 'other' })
    const others = (await withSecret(on.test, 'other')).secret
    const answers = [
      await on.token(GRANT, { headers: basicOf('nobody', NOBODYS_SECRET) }),
      await on.token(GRANT, { headers: basicOf('nobody', on.secret) }),
      await on.token(GRANT, { headers: basicOf('canister', NOBODYS_SECRET) }),
      await on.token(GRANT, { headers: basicOf('canister', others) }),
      await on.token(GRANT, { headers: basicOf('canister', 'guess') }),
      await on.token({ ...GRANT, client_id: 'canister', client_secret: NOBODYS_SECRET }, NO_HEADERS),
      await on.token({ ...GRANT, client_id: 'nobody', client_secret: NOBODYS_SECRET }, NO_HEADERS),
    ]
    expectError(answers[0] as (typeof answers)[0], INVALID_CLIENT)
    for (const answer of answers) expect(seen(answer)).toEqual(seen(answers[0] as (typeof answers)[0]))
  })

  test('§5.2: a disabled client, an expired and a revoked secret are answered like a wrong one', async () => {
    const wrong = seen(await on.token(GRANT, { headers: basicOf('canister', NOBODYS_SECRET) }))
    const brief = await withSecret(on.test, 'canister', { expires_in_seconds: 60 })
    on.test.clock.advance(60_000)
    expect(seen(await on.token(GRANT, { headers: brief.headers }))).toEqual(wrong)
    await on.admin('PATCH', '/clients/canister', { disabled: true })
    expect(seen(await on.token())).toEqual(wrong)
    await on.admin('PATCH', '/clients/canister', { disabled: false })
    expect((await on.token()).status).toBe(200)
    await on.admin('POST', `/credentials/${on.secretId}/revoke`, {})
    expect(seen(await on.token())).toEqual(wrong)
  })
})

describe('the token endpoint', () => {
  test('§3.2: only POST is served', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await on.token(GRANT, { method, query: '?grant_type=client_credentials' })
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')).toBe('POST')
      expect(answer.body.access_token).toBeUndefined()
    }
  })

  test('§3.2: parameters come as a form, and in nothing else', async () => {
    const form = 'grant_type=client_credentials'
    const sending = (type: string, body = form) => on.token(body, { headers: { ...on.basic, 'Content-Type': type } })
    expect((await sending('application/x-www-form-urlencoded; charset=UTF-8')).status).toBe(200)
    expect((await sending('Application/X-WWW-Form-URLencoded')).status).toBe(200)
    expectError(await sending('application/json', JSON.stringify(GRANT)), INVALID_REQUEST)
    expectError(await sending('application/json'), INVALID_REQUEST)
    expectError(await sending('text/plain'), INVALID_REQUEST)
    expectError(await sending('application/x-www-form-urlencoded-not'), INVALID_REQUEST)
    expectError(await sending('multipart/form-data; boundary=x', '--x--'), INVALID_REQUEST)
  })

  test('§3.2: parameters are not read from the URL', async () => {
    expectError(await on.token({}, { query: '?grant_type=client_credentials' }), INVALID_REQUEST)
    const narrowed = await on.token(GRANT, { query: '?scope=files:read' })
    expect(narrowed.body.scope).toBe('files:read files:write')
  })

  test('§3.2: a parameter without a value is as if it was left out', async () => {
    const answer = await on.token({ ...GRANT, scope: '', resource: '', client_secret: '', client_assertion: '' })
    expect(answer.body).toMatchObject({ scope: 'files:read files:write' })
    expectError(await on.token({ grant_type: '' }), INVALID_REQUEST)
  })

  test('§3.2: a parameter that nobody knows is ignored', async () => {
    expect((await on.token({ ...GRANT, colour: 'red', audience: 'https://elsewhere.test' })).status).toBe(200)
  })

  test('§3.2: a parameter that is there twice is refused, also with the same value', async () => {
    const twice = { scope: 'files:read', grant_type: 'client_credentials', client_id: 'canister', colour: 'red' }
    for (const pair of Object.entries(twice)) {
      expectError(await on.token([...Object.entries(GRANT), pair, pair]), INVALID_REQUEST)
    }
    const { client_id, client_secret } = inBody()
    const form = `grant_type=client_credentials&client_id=${client_id}`
    const both = `${form}&client_secret=${client_secret}&client_secret=x`
    expectError(await on.token(both, NO_HEADERS), INVALID_REQUEST)
  })

  test('§4.4: a grant that is unknown, or never will be, is unsupported_grant_type', async () => {
    const expected = { status: 400, error: 'unsupported_grant_type' }
    for (const grant_type of [
      'password',
      'authorization_code',
      'refresh_token',
      'implicit',
      'CLIENT_CREDENTIALS',
      'ä',
    ]) {
      expectError(await on.token({ grant_type, username: 'a', password: 'b', code: 'c' }), expected)
    }
    expectError(await on.token({}), INVALID_REQUEST)
  })

  test('§5.2: a client that may not use the grant is unauthorized_client', async () => {
    await on.admin('PATCH', '/clients/canister', { grants: [] })
    expectError(await on.token(), { status: 400, error: 'unauthorized_client' })
  })

  test('§5.2: who the client is comes before what it asks for', async () => {
    const wrong = { headers: basicOf('canister', NOBODYS_SECRET) }
    for (const form of [{}, { grant_type: 'password' }, { ...GRANT, scope: 'admin' }, { ...GRANT, resource: 'x' }]) {
      expectError(await on.token(form, wrong), INVALID_CLIENT)
    }
  })
})

describe('the answer', () => {
  test('§5.1, §4.4.3: holds the token, its type, life and scope, and no refresh token', async () => {
    const { status, headers, body } = await on.token()
    expect(status).toBe(200)
    expect(headers.get('content-type')).toStartWith('application/json')
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'files:read files:write',
    })
  })

  test('§5.1: may be kept by nobody', async () => {
    for (const { headers } of [await on.token(), await on.token({})]) {
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('pragma')).toBe('no-cache')
    }
  })

  test('§5.2: a client that failed in the Authorization header is told which scheme to use', async () => {
    const { headers } = await on.token(GRANT, { headers: basicOf('canister', NOBODYS_SECRET) })
    expect(headers.get('www-authenticate')).toMatch(/^Basic realm="[^"]+"/)
  })

  test('§5.2: errors repeat nothing that was sent and could harm', async () => {
    const hostile = '<script>"\\\r\nSet-Cookie: a=b\u0000ä'
    const forms = [
      { grant_type: hostile },
      { ...GRANT, scope: hostile },
      { ...GRANT, resource: hostile },
      { ...GRANT, [hostile]: 'x' },
    ]
    for (const form of forms) {
      const { body, headers } = await on.token(form)
      expect(JSON.stringify(body)).not.toMatch(/<script|Cookie/)
      expect(headers.get('set-cookie')).toBeNull()
    }
  })

  test('§10.3, §10.10: of a secret nothing is in an answer or in the log, and no two tokens are alike', async () => {
    const answers = [
      await on.token({ ...GRANT, scope: 'admin' }),
      await on.token({ ...GRANT, client_secret: on.secret }),
      await on.token(GRANT, { headers: {}, query: `?client_secret=${on.secret}` }),
    ]
    expect(JSON.stringify([answers.map(seen), on.test.logLines])).not.toContain(on.secret.slice(0, 20))
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => (await on.token()).body.access_token))
    expect(new Set(tokens).size).toBe(20)
  })
})

describe('scope', () => {
  test('§3.3: the granted scope is named whenever it is not what was asked for', async () => {
    expect((await on.token({ ...GRANT, scope: 'files:read admin' })).body.scope).toBe('files:read')
    expect((await on.token()).body.scope).toBe('files:read files:write')
  })

  test('§3.3: the order of scopes means nothing, and one named twice counts once', async () => {
    const granted = async (scope: string) => (await on.token({ ...GRANT, scope })).body.scope
    expect(await granted('files:write files:read')).toBe(await granted('files:read files:write'))
    expect(await granted('files:read files:read')).toBe('files:read')
  })

  test('§3.3: case counts, and what is no list of scopes is refused', async () => {
    const expected = { status: 400, error: 'invalid_scope' }
    for (const scope of [
      'Files:read',
      ' files:read',
      'files:read ',
      'files:read  files:write',
      'files:read\tx',
      '"a"',
    ]) {
      expectError(await on.token({ ...GRANT, scope }), expected)
    }
  })

  test('§5.2: a scope that the client may not have is invalid_scope', async () => {
    expectError(await on.token({ ...GRANT, scope: 'admin' }), { status: 400, error: 'invalid_scope' })
  })
})
