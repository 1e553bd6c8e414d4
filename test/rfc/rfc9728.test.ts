// RFC 9728, Protected Resource Metadata: how a caller that was refused finds out who issues tokens for the resource.
import { beforeEach, describe, expect, test } from 'bun:test'
import { PUBLIC_URL } from '../support/app.ts'
import { GRANT, standing, WEBDAV } from './standing.ts'

const on = standing()
const FORGE = 'https://forge.example.com/git'
beforeEach(async () => {
  const rules = [{ path: '/**', require: { scopes: ['repo:read'] } }]
  const forge = { name: 'forge', identifier: FORGE, hosts: ['forge.example.com'], scopes: ['repo:read'], rules }
  await on.admin('POST', '/resources', forge)
  await on.admin('POST', '/permissions', { client: 'canister', resource: 'forge', scopes: ['repo:read'] })
})

/** Reads as a proxy in front of the resource would hand it on. */
function reading(url: string, method = 'GET') {
  const { host, pathname, search } = new URL(url)
  return on.test.oauth(pathname, '', { method, query: search, headers: { 'X-Forwarded-Host': host } })
}
const wellKnown = (identifier: string) => {
  const { origin, pathname } = new URL(identifier)
  return `${origin}/.well-known/oauth-protected-resource${pathname === '/' ? '' : pathname}`
}
const challengeAt = async (host: string, headers: Record<string, string> = {}) =>
  (await on.test.ask({ host, headers })).headers.get('www-authenticate') ?? ''
const metadataIn = (challenge: string) => /resource_metadata="([^"]+)"/.exec(challenge)?.[1]

describe('the document of a resource', () => {
  test('§3.1, §3.2: is read by GET at its well-known address, and is JSON', async () => {
    const { status, headers } = await reading(wellKnown(WEBDAV))
    expect(status).toBe(200)
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    expect((await reading(wellKnown(WEBDAV), 'POST')).status).toBe(405)
  })

  test('§2: names the resource, who issues tokens for it, its scopes, and how they are shown', async () => {
    expect((await reading(wellKnown(WEBDAV))).body).toMatchObject({
      resource: WEBDAV,
      authorization_servers: [PUBLIC_URL],
      scopes_supported: ['files:read', 'files:write'],
      bearer_methods_supported: ['header'],
    })
  })

  test('§3.1: of an identifier with a path stands before that path, and nowhere else', async () => {
    expect((await reading(wellKnown(FORGE))).body.resource).toBe(FORGE)
    for (const path of ['', '/', '/git/', '/GIT', '/git/x', '/other']) {
      expect((await reading(`https://forge.example.com/.well-known/oauth-protected-resource${path}`)).status).toBe(404)
    }
  })

  test('§3.3: names exactly the identifier by which its address was made', async () => {
    for (const identifier of [WEBDAV, FORGE, `${PUBLIC_URL}/api/v1`]) {
      expect((await reading(wellKnown(identifier))).body.resource).toBe(identifier)
    }
  })

  test('§3.3: is not served at the host of another resource, nor at an unknown one', async () => {
    for (const host of ['forge.example.com', 'nowhere.test', 'example.com']) {
      expect((await reading(`https://${host}/.well-known/oauth-protected-resource`)).status).toBe(404)
    }
  })

  test('§3.2: leaves out what has no elements, and holds nothing null', async () => {
    await on.admin('PATCH', '/resources/webdav', { rules: [], scopes: [] })
    const { body } = await reading(wellKnown(WEBDAV))
    expect(body.resource).toBe(WEBDAV)
    expect(body).not.toContainKey('scopes_supported')
    expect(Object.values(body)).not.toContain(null)
  })

  test('§7.2: of a disabled resource there is none', async () => {
    await on.admin('PATCH', '/resources/webdav', { disabled: true })
    expect((await reading(wellKnown(WEBDAV))).status).toBe(404)
  })
})

describe('a challenge', () => {
  test('§5.1: names the address of the document of that resource', async () => {
    expect(metadataIn(await challengeAt('webdav.example.com'))).toBe(wellKnown(WEBDAV))
    expect(metadataIn(await challengeAt('forge.example.com'))).toBe(wellKnown(FORGE))
  })

  test('§5.1: names it beside an error, too', async () => {
    const challenge = await challengeAt('webdav.example.com', { Authorization: 'Bearer cs_at_nobody' })
    expect(challenge).toContain('error="invalid_token"')
    expect(metadataIn(challenge)).toBe(wellKnown(WEBDAV))
  })

  test('§5.1: names it once', async () => {
    const challenge = await challengeAt('webdav.example.com')
    expect(challenge.match(/resource_metadata=/g)?.length).toBe(1)
  })

  test('§5: leads from a refusal to a token that is taken, with nothing known before', async () => {
    const { resource, authorization_servers } = (
      await reading(String(metadataIn(await challengeAt('forge.example.com'))))
    ).body
    const issuer = String((authorization_servers as string[])[0])
    const server = (await on.read('/.well-known/oauth-authorization-server')).body
    expect(server.issuer).toBe(issuer)
    const { pathname } = new URL(String(server.token_endpoint))
    const { access_token } = (await on.post(pathname, { ...GRANT, resource: String(resource) })).body
    const answer = await on.test.ask({
      host: 'forge.example.com',
      headers: { Authorization: `Bearer ${access_token}` },
    })
    expect(answer.status).toBe(200)
  })
})
