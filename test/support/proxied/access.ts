import { beforeAll, beforeEach, expect, test } from 'bun:test'
import { rawRequest } from '../raw-http.ts'
import type { Key, Stage } from '../stage.ts'
import { basic, bearer, headersOf, identityOf, type Traits } from './identity.ts'

const UNKNOWN = { authorization: `Bearer cs_key_${'0'.repeat(49)}` }

/** Who passes, who is refused, and what the service and the caller are told. */
export function accessCases(opened: () => Stage, traits: Traits): void {
  let stage: Stage
  let key: Key
  beforeAll(async () => {
    stage = opened()
    key = await stage.newKey()
    await fetch(`${stage.url}/greeting.txt`, { method: 'PUT', headers: bearer(key), body: 'hello' })
  })
  beforeEach(() => void stage.recorder.take())

  const get = (headers: Record<string, string>, init: RequestInit = {}) =>
    fetch(`${stage.url}/greeting.txt`, { ...init, headers, redirect: 'manual' })

  const shownAs: [string, (key: Key) => Record<string, string>][] = [
    ['Bearer', bearer],
    ['the password of Basic, whatever the user', (key) => basic('anyone at all', key)],
    ['the password of Basic without a user', (key) => basic('', key)],
    ['X-Api-Key', (key) => ({ 'x-api-key': key.secret })],
  ]
  for (const [how, headers] of shownAs) {
    test(`a key shown as ${how} passes, and the service learns who but not how`, async () => {
      const answer = await get(headers(key))
      expect([answer.status, await answer.text()]).toEqual([200, 'hello'])
      const [received] = stage.recorder.take()
      expect(headersOf(received)).toMatchObject(identityOf(stage, key, 'files:read,files:write'))
      expect(received?.headers.get('countersign-assertion')).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
      expect(received?.headers.get('authorization')).toBeNull()
      expect(received?.headers.get('x-api-key')).toBeNull()
    })
  }

  const refused: [string, Record<string, string>, number, RegExp][] = [
    ['without a credential', {}, 401, /^Bearer realm="webdav"(?!.*error=).*Basic realm="/],
    ['with an unknown key', UNKNOWN, 401, /error="invalid_token"/],
    ['with a password that is no key', { authorization: `Basic ${btoa('a:b')}` }, 401, /error="invalid_token"/],
    ['with an empty Bearer', { authorization: 'Bearer' }, traits.malformed, /error="invalid_request"/],
  ]
  for (const [how, headers, status, challenge] of refused) {
    test(`a request ${how} is refused, and the caller is told how to do better`, async () => {
      const answer = await get(headers)
      expect(answer.status).toBe(status)
      expect(answer.headers.get('www-authenticate')).toMatch(challenge)
      expect(answer.headers.get('countersign-decision')).toMatch(/^dec_/)
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
      expect(await answer.text()).toMatch(/^(The credential is|Authentication is) [a-z ]+\.\nDecision dec_\w{26}\n$/)
      expect(stage.recorder.take()).toEqual([])
    })
  }

  test('a key without the scope is refused with 403, and the challenge names what is missing', async () => {
    const readOnly = await stage.newKey(['files:read'])
    expect((await get(bearer(readOnly))).status).toBe(200)
    stage.recorder.take()
    const answer = await get(bearer(readOnly), { method: 'DELETE' })
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toMatch(/error="insufficient_scope"/)
    const decision = answer.headers.get('countersign-decision')
    expect(await answer.text()).toBe(`The credential lacks a required scope.\nDecision ${decision}\n`)
    expect(stage.recorder.take()).toEqual([])
  })

  test('a revoked key is refused from the next request on, like one that never was', async () => {
    const doomed = await stage.newKey()
    expect((await get(bearer(doomed))).status).toBe(200)
    await stage.revoke(doomed)
    const [revoked, unknown] = [await get(bearer(doomed)), await get(UNKNOWN)]
    expect(revoked.status).toBe(401)
    expect(revoked.headers.get('www-authenticate')).toBe(unknown.headers.get('www-authenticate'))
    expect(stage.recorder.take()).toHaveLength(1)
  })

  test('a client that is refused learns from the challenge where to ask who issues tokens, and asks there', async () => {
    const { server, url, host } = stage
    const identifier = (identifier: string) => server.call('PATCH', '/resources/webdav', { identifier })
    await identifier(url)
    const challenges = [await get({}), await get(bearer(await stage.newKey(['files:write'])))].map(({ headers }) =>
      headers.get('www-authenticate'),
    )
    const place = `${url}/.well-known/oauth-protected-resource`
    for (const challenge of challenges) expect(challenge).toContain(`resource_metadata="${place}"`)
    stage.recorder.take()
    const told = await fetch(place)
    expect(await told.json()).toMatchObject({ resource: `http://${host}`, authorization_servers: [server.url] })
    expect((await fetch(`${place}/other`)).status).toBe(404)
    await identifier('https://webdav.example.com')
    expect(stage.recorder.take()).toEqual([])
  })

  const AROUND = [
    '/..',
    '/../..',
    '/%2e%2e/%2e%2e',
    '/..%2f..',
    '/..%2F..',
    '/.%2e/..;',
    '\\..\\..',
    '/%5c..%5c..',
    '/../..//',
    '%2f..%2f..',
  ]
  for (const around of AROUND) {
    test(`that place is no way around: ${around}`, async () => {
      for (const path of ['/healthz', '/greeting.txt', '/api/v1/openapi.json', '/.well-known/jwks.json']) {
        const target = `/.well-known/oauth-protected-resource${around}${path}`
        const { status } = await rawRequest(stage.port, [`GET ${target} HTTP/1.1`, `Host: ${stage.host}`])
        expect(status, target).toBeWithin(400, 405)
      }
      expect(stage.recorder.take()).toEqual([])
    })
  }

  test('an allowed answer is the service’s own, but that it says when the key ends', async () => {
    const answer = await get(bearer(key))
    expect(answer.headers.get('countersign-decision')).toBeNull()
    expect([...answer.headers.keys()].filter((name) => /^remote-|^countersign-/.test(name))).toEqual([
      'countersign-expires',
    ])
  })
}
