// RFC 6750, Bearer Token Usage: how a token is shown at a protected resource, and what a refusal says.
import { beforeEach, describe, expect, test } from 'bun:test'
import { tokenFor, withSecret } from '../support/app.ts'
import { standing } from './standing.ts'

const on = standing()
const ALLOWED = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/
let token = ''
beforeEach(async () => {
  token = await tokenFor(on.test, on.basic)
})

const asking = (Authorization: string | null, question: Parameters<typeof on.test.ask>[0] = {}) =>
  on.test.ask({ ...question, headers: { Authorization } })

/** The attributes of the one Bearer challenge of an answer; each at most once. */
function bearerChallenge(answer: Response): Record<string, string> {
  const field = answer.headers.get('www-authenticate') ?? ''
  const [, attributes = ''] = /^Bearer (.*?)(?:, Basic .*)?$/.exec(field) ?? []
  const found = [...attributes.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name, value]) => [name, value] as const)
  expect(found.length).toBeGreaterThan(0)
  expect(new Set(found.map(([name]) => name)).size).toBe(found.length)
  for (const [, value] of found) expect(value).toMatch(ALLOWED)
  return Object.fromEntries(found)
}

describe('how a token is shown', () => {
  test('§2.1: in the Authorization header, whatever the case of the scheme, after one or more spaces', async () => {
    for (const scheme of ['Bearer ', 'bearer ', 'BEARER ', 'Bearer   ']) {
      expect((await asking(scheme + token)).status).toBe(200)
    }
  })

  test('§2.1: what is no b64token is a malformed request', async () => {
    for (const shown of ['', 'a b', `${token},x`, `${token};x`, `"${token}"`, 'ä', `${token}\tx`]) {
      expect((await asking(`Bearer ${shown}`)).status).toBe(400)
    }
  })

  test('§2.2, §2.3: one in the query or in the body is none', async () => {
    const inQuery = await asking(null, { uri: `/?access_token=${token}` })
    expect(inQuery.status).toBe(401)
    expect(bearerChallenge(inQuery).error).toBeUndefined()
    const { status } = await on.test.api('GET', `/api/v1/me?access_token=${token}`, undefined, null)
    expect(status).toBe(401)
  })

  test('§2: shown in more than one way it is refused as a malformed request', async () => {
    const twice = await on.test.ask({ headers: { Authorization: `Bearer ${token}`, 'X-Api-Key': token } })
    expect(twice.status).toBe(400)
    expect((await asking(`Bearer ${token}, Bearer ${token}`)).status).toBe(400)
  })
})

describe('what a refusal says', () => {
  test('§3.1: of a request without a token no error, only how to show one', async () => {
    const answer = await asking(null)
    expect(answer.status).toBe(401)
    expect(bearerChallenge(answer)).not.toContainKeys(['error', 'error_description', 'scope'])
  })

  test('§3.1: of a malformed request invalid_request', async () => {
    const answer = await asking('Bearer a b')
    expect(answer.status).toBe(400)
    expect(bearerChallenge(answer)).toMatchObject({ error: 'invalid_request' })
  })

  test('§3.1: of a token that is unknown, expired, revoked or of another audience invalid_token, all alike', async () => {
    const wrong = [await asking(`Bearer ${token.slice(0, -4)}AAAA`), await asking('Bearer cs_at_nobody')]
    const forge = {
      name: 'forge',
      identifier: 'https://forge.example.com',
      hosts: [],
      scopes: ['repo:read'],
      rules: [],
    }
    await on.admin('POST', '/resources', forge)
    await on.admin('POST', '/permissions', { client: 'canister', resource: 'forge', scopes: ['repo:read'] })
    const elsewhere = await tokenFor(on.test, on.basic, { resource: forge.identifier })
    wrong.push(await asking(`Bearer ${elsewhere}`))
    expect((await asking(`Bearer ${token}`)).status).toBe(200)
    on.test.clock.advance(600_000)
    wrong.push(await asking(`Bearer ${token}`))
    const revoked = await tokenFor(on.test, on.basic, { resource: 'https://webdav.example.com' })
    await on.admin('POST', `/credentials/${on.secretId}/revoke`, {})
    wrong.push(await asking(`Bearer ${revoked}`))

    const said = wrong.map((answer) => ({ status: answer.status, ...bearerChallenge(answer) }))
    for (const one of said) expect(one).toEqual(said[0] as (typeof said)[0])
    expect(said[0]).toMatchObject({ status: 401, error: 'invalid_token' })
  })

  test('§3.1: of a token with too little scope insufficient_scope, and which scope is needed', async () => {
    const narrow = await tokenFor(on.test, on.basic, { scope: 'files:read' })
    const answer = await asking(`Bearer ${narrow}`, { method: 'PUT' })
    expect(answer.status).toBe(403)
    expect(bearerChallenge(answer)).toMatchObject({ error: 'insufficient_scope', scope: 'files:write' })
  })

  test('§3: names a realm, and no part of the token', async () => {
    const { headers } = await withSecret(on.test, 'canister', { scopes: ['files:read'] })
    const narrow = await tokenFor(on.test, headers)
    const answers = [await asking(`Bearer ${token}x`), await asking(`Bearer ${narrow}`, { method: 'PUT' })]
    for (const answer of answers) {
      expect(bearerChallenge(answer).realm).toBe('webdav')
      const [, payload = '.'] = token.split('.')
      expect(`${await answer.text()} ${JSON.stringify([...answer.headers])}`).not.toContain(payload)
    }
  })

  test('§3: the management API challenges as any other protected resource does', async () => {
    const answer = await on.test.api('GET', '/api/v1/clients', undefined, `${token}x`)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="countersign", error="invalid_token"/)
  })
})

describe('what protects a token', () => {
  test('§5.2: it is confined to one audience and to its scopes, and lives briefly', async () => {
    const { body } = await on.token()
    expect(body.expires_in).toBeLessThanOrEqual(3600)
    expect((await on.test.api('GET', '/api/v1/me', undefined, token)).status).toBe(401)
  })

  test('§5.3: no answer that bears on a token may be kept', async () => {
    const answers = [await on.token(), await asking(null), await asking(`Bearer ${token}x`)]
    for (const { headers } of answers) expect(headers.get('cache-control')).toBe('no-store')
  })
})
