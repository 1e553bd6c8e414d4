// What is sent to the token endpoint that should not be, and what it answers: one error, and nothing that helps.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { basicOf, type OAuthForm, type OAuthSent, withSecret } from '../support/app.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

const GRANT = { grant_type: 'client_credentials' }
const WEBDAV = 'https://webdav.example.com'
let stage: Stage
let secret: Awaited<ReturnType<typeof withSecret>>
beforeEach(async () => {
  stage = await Stage.open()
  secret = await withSecret(stage.test)
  stage.oracle.keepSecret(secret.secret)
})
afterEach(() => stage.close())

/** The answer, after everything was looked at that holds for each: no cache keeps it, no secret is in it or in the log. */
async function post(form: OAuthForm, sent: OAuthSent = {}) {
  const answer = await stage.test.oauth('/oauth/token', form, { headers: secret.headers, ...sent })
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('content-type')).toBe('application/json')
  stage.oracle.holdsNoSecret(JSON.stringify([answer.body, ...answer.headers]), 'an answer')
  const decision = answer.headers.get('countersign-decision')
  if (decision !== null) await stage.why(decision)
  stage.logsNoSecret()
  return answer
}
const isRefused = async (error: string, status: number, form: OAuthForm, sent: OAuthSent = {}) => {
  const answer = await post(form, sent)
  expect([form, answer.status, answer.body.error]).toEqual([form, status, error])
  expect(Object.keys(answer.body)).toEqual(['error', 'error_description'])
  expect(String(answer.body.error_description)).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
  return answer
}

describe('the form', () => {
  test('OAU-01 anything but POST is told so', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const answer = await stage.test.oauth('/oauth/token', GRANT, { method, query: '?grant_type=client_credentials' })
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'POST'])
    }
  })

  test('OAU-02 anything but a form is malformed', async () => {
    const types = ['application/json', 'multipart/form-data; boundary=x', 'text/plain', '', 'application/x-www-form']
    for (const type of types) {
      await isRefused('invalid_request', 400, GRANT, { headers: { ...secret.headers, 'Content-Type': type } })
    }
  })

  test('OAU-03 a parameter that is there twice, alike or not, is malformed', async () => {
    for (const [name, value] of [
      ['grant_type', 'client_credentials'],
      ['grant_type', 'password'],
      ['client_id', 'canister'],
      ['scope', 'files:read'],
      ['anything', 'x'],
    ] as const) {
      const pairs = [
        ...Object.entries(GRANT),
        ...(name === 'grant_type' ? [] : [[name, value] as const]),
        [name, value] as const,
      ]
      await isRefused('invalid_request', 400, pairs)
    }
  })

  test('OAU-04 a grant that is missing, unknown, dangerous or not the client’s gets nothing', async () => {
    await isRefused('invalid_request', 400, {})
    await isRefused('invalid_request', 400, { grant_type: '' })
    for (const grant_type of ['password', 'implicit', 'authorization_code', 'refresh_token', 'Client_Credentials']) {
      await isRefused('unsupported_grant_type', 400, { grant_type, username: 'alice', password: 'x', code: 'x' })
    }
    await stage.make('/clients', { id: 'idle', grants: [] })
    const idle = await withSecret(stage.test, 'idle')
    await isRefused('unauthorized_client', 400, GRANT, { headers: idle.headers })
  })

  test('OAU-05 Basic and a secret in the body, also the same, are two authentications', async () => {
    await isRefused('invalid_request', 400, { ...GRANT, client_id: 'canister', client_secret: secret.secret })
    await isRefused('invalid_request', 400, { ...GRANT, client_secret: 'x' })
  })

  test('OAU-07 a secret in the URL is not read, and stands in no log and no record', async () => {
    const query = `?client_id=canister&client_secret=${secret.secret}&grant_type=client_credentials`
    await isRefused('invalid_client', 401, GRANT, { headers: {}, query })
  })
})

describe('what is asked for', () => {
  test('OAU-15 a scope that the client has not is not granted, whatever is around it', async () => {
    for (const scope of ['admin', 'pages:admin', '*', '*:read', 'files:*', 'files:READ', 'repo:read']) {
      await isRefused('invalid_scope', 400, { ...GRANT, resource: WEBDAV, scope })
    }
    const { status, body } = await post({ ...GRANT, resource: WEBDAV, scope: 'pages:admin files:read admin' })
    expect([status, body.scope]).toEqual([200, 'files:read'])
  })

  test('OAU-17 a resource that the client has not, in whatever spelling, is no target', async () => {
    for (const resource of [
      'https://other.example.com',
      '/webdav',
      'webdav',
      `${WEBDAV}/`,
      `${WEBDAV}#x`,
      `${WEBDAV}?x`,
      'https://WEBDAV.example.com',
      'https://webdav.example.com:443',
      `${WEBDAV} https://forge.example.com`,
    ]) {
      await isRefused('invalid_target', 400, { ...GRANT, resource })
    }
    const two = [...Object.entries(GRANT), ['resource', WEBDAV], ['resource', 'https://forge.example.com']] as const
    await isRefused('invalid_target', 400, two)
  })

  test('OAU-18 the answer is JSON that no cache keeps, and holds no refresh token', async () => {
    const { status, body, headers } = await post({ ...GRANT, resource: WEBDAV })
    expect([status, headers.get('pragma')]).toEqual([200, 'no-cache'])
    expect(Object.keys(body)).toEqual(['access_token', 'token_type', 'expires_in', 'scope'])
  })

  test('OAU-19 a token lives as long as the answer says, to the second, in either form', async () => {
    for (const format of ['jwt', 'opaque']) {
      await stage.call('PATCH', '/resources/webdav', { access_token: { format, ttl_seconds: 90 } })
      const { body } = await post({ ...GRANT, resource: WEBDAV })
      expect(body.expires_in).toBe(90)
      const issuedAt = stage.test.clock.now.getTime()
      const lines = [bearer(String(body.access_token))]
      // The stage moves the clock by one second before it asks.
      stage.test.clock.now = new Date(issuedAt + 88_999)
      await stage.expect('OK', undefined, 'forward', { lines })
      stage.test.clock.now = new Date(issuedAt + 89_000)
      await stage.expect('T401', 'credential_expired', 'forward', { lines })
    }
  })
})

test('OAU-44 what was sent comes back in no error, and nothing ends its quotes or its line', async () => {
  const hostile = '<script>"\\\r\nX-Injected: 1\u0000é'
  for (const form of [
    { grant_type: hostile },
    { ...GRANT, scope: hostile },
    { ...GRANT, resource: hostile },
    { ...GRANT, [hostile]: hostile },
    { ...GRANT, client_id: hostile },
  ]) {
    const answer = await post(form)
    expect(JSON.stringify([answer.body, ...answer.headers])).not.toMatch(/<script|Injected|\\u0000|é/)
    expect(answer.headers.get('x-injected')).toBeNull()
  }
  const answer = await post(GRANT, { headers: basicOf(hostile, hostile) })
  expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client'])
})

test('OAU-40 the clients that are built in get neither a secret nor a token', async () => {
  for (const id of ['bootstrap', 'anonymous', 'countersign', 'countersign-x', 'none', 'users']) {
    const made = await stage.test.api('POST', '/api/v1/clients', { id })
    expect([id, made.status >= 400]).toEqual([id, true])
    expect((await stage.test.api('POST', `/api/v1/clients/${id}/secrets`, {})).status).toBeGreaterThanOrEqual(400)
    await isRefused('invalid_client', 401, GRANT, { headers: basicOf(id, secret.secret) })
  }
})
