// RFC 8707, Resource Indicators: which resource a token is for, and that it is for no other.
import { beforeEach, describe, expect, test } from 'bun:test'
import { expectError, GRANT, standing, WEBDAV } from './standing.ts'

const on = standing()
const INVALID_TARGET = { status: 400, error: 'invalid_target' }
const FORGE = 'https://forge.example.com/git?tenant=a'
const BOOKS = 'urn:example:books'

beforeEach(async () => {
  for (const [name, identifier] of Object.entries({ forge: FORGE, books: BOOKS })) {
    const rules = [{ path: '/**', require: { scopes: ['own:read'] } }]
    const hosts = [`${name}.example.com`]
    await on.admin('POST', '/resources', { name, identifier, hosts, scopes: ['own:read'], rules })
    await on.admin('POST', '/permissions', { client: 'canister', resource: name, scopes: ['own:read'] })
  }
})

const asking = (...resources: string[]) =>
  on.token([...Object.entries(GRANT), ...resources.map((resource) => ['resource', resource] as const)])

async function claimsFor(...resources: string[]): Promise<Record<string, unknown>> {
  const { status, body } = await asking(...resources)
  expect(status).toBe(200)
  return JSON.parse(Buffer.from(String(body.access_token).split('.')[1] ?? '', 'base64url').toString())
}

describe('the resource parameter', () => {
  test('§2: is an absolute URI, with a query or of any scheme, and exactly that is the audience', async () => {
    for (const resource of [WEBDAV, FORGE, BOOKS]) expect((await claimsFor(resource)).aud).toBe(resource)
  })

  test('§2: is refused with a fragment, as a relative reference, or as no URI', async () => {
    for (const resource of [`${WEBDAV}#`, `${WEBDAV}#a`, '/files', 'webdav', 'webdav.example.com', 'https://', ' ']) {
      expectError(await asking(resource), INVALID_TARGET)
    }
  })

  test('§2: is compared as text: no other spelling of an identifier is that identifier', async () => {
    for (const resource of [
      `${WEBDAV}/`,
      WEBDAV.toUpperCase(),
      `${WEBDAV}:443`,
      `${WEBDAV}/a`,
      ` ${WEBDAV}`,
      'https://forge.example.com/git',
    ]) {
      expectError(await asking(resource), INVALID_TARGET)
    }
  })

  test('§2: may repeat on the wire; a token for several is refused as a target, not as a malformed request', async () => {
    expectError(await asking(WEBDAV, FORGE), INVALID_TARGET)
    expectError(await asking(WEBDAV, 'https://nowhere.test'), INVALID_TARGET)
    expectError(await asking('https://nowhere.test', WEBDAV), INVALID_TARGET)
    expect((await claimsFor(FORGE, FORGE)).aud).toBe(FORGE)
  })

  test('§2: one that is unknown, disabled or not permitted is invalid_target, all alike', async () => {
    await on.admin('POST', '/resources', { name: 'alien', identifier: 'https://alien.test', hosts: [], rules: [] })
    await on.admin('PATCH', '/resources/books', { disabled: true })
    const answers = [await asking('https://nowhere.test'), await asking('https://alien.test'), await asking(BOOKS)]
    for (const answer of answers) {
      expectError(answer, INVALID_TARGET)
      expect(answer.body).toEqual(answers[0]?.body ?? {})
    }
  })

  test('§2: left out or empty, the client gets its default, which a later permission does not change', async () => {
    expect((await claimsFor()).aud).toBe(WEBDAV)
    expect((await claimsFor('')).aud).toBe(WEBDAV)
    await on.admin('PATCH', '/clients/canister', { default_resource: 'books' })
    expect((await claimsFor()).aud).toBe(BOOKS)
  })
})

describe('the token', () => {
  test('§2.2: has that one audience, and scopes of that resource alone', async () => {
    expect(await claimsFor(FORGE)).toMatchObject({ aud: FORGE, scope: 'own:read' })
    expect(await claimsFor(WEBDAV)).toMatchObject({ aud: WEBDAV, scope: 'files:read files:write' })
    const crossed = { ...GRANT, resource: FORGE, scope: 'files:read' }
    expectError(await on.token(crossed), { status: 400, error: 'invalid_scope' })
  })

  test('§2.2: is narrowed to the scopes that are both asked for and of that resource', async () => {
    const { body } = await on.token({ ...GRANT, resource: FORGE, scope: 'own:read files:read' })
    expect(body.scope).toBe('own:read')
  })

  for (const format of ['jwt', 'opaque'] as const) {
    test(`§3: is worth nothing at another resource, where its client may as much (${format})`, async () => {
      for (const name of ['forge', 'books']) await on.admin('PATCH', `/resources/${name}`, { access_token: { format } })
      const { access_token } = (await asking(FORGE)).body
      const at = async (host: string) =>
        (await on.test.ask({ host, headers: { Authorization: `Bearer ${access_token}` } })).status
      expect(await at('forge.example.com')).toBe(200)
      expect(await at('books.example.com')).toBe(401)
      expect(await at('webdav.example.com')).toBe(401)
    })
  }
})
