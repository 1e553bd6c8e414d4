// What holds for every route: pages, bodies, problems, the description, and the rules that stand before them.

import { beforeAll, describe, expect, test } from 'bun:test'
import { isDenied, MANAGEMENT_RESOURCE, parseRequestTarget, ruleFor } from '@countersign/resource-server'
import { type Json, type StartedApi, startApi, withCanister } from './support.test.ts'

let started: StartedApi
beforeAll(async () => {
  started = await startApi({ shared: true })
  await withCanister(started)
})

describe('pages', () => {
  async function everything(path: string, limit: number): Promise<Json[]> {
    const items: Json[] = []
    const join = path.includes('?') ? '&' : '?'
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Json = await started.ok(
        'GET',
        `${path}${join}limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`,
      )
      expect(page.items.length).toBeLessThanOrEqual(limit)
      items.push(...page.items)
      cursor = page.next_cursor
    }
    return items
  }

  beforeAll(async () => {
    for (const name of ['a', 'z', 'd', 'cz']) {
      await started.ok('POST', '/resources', { body: { name, identifier: `urn:${name}`, rules: [{ path: '/**' }] } })
      await started.ok('POST', '/groups', { body: { name } })
      await started.ok('POST', '/clients', { body: { id: name } })
      await started.ok('POST', '/permissions', { body: { client: name, resource: 'webdav', scopes: ['*:read'] } })
      await started.ok('POST', '/clients/canister/keys', { body: {} })
    }
  })

  test.each([
    ['/resources', 'name', ['a', 'countersign', 'cz', 'd', 'webdav', 'z']],
    ['/groups', 'name', ['a', 'cz', 'd', 'media', 'z']],
    ['/clients', 'id', ['a', 'bootstrap', 'canister', 'countersign-admin', 'cz', 'd', 'z']],
  ])('of %s hold each once, in order, whatever their size', async (path, key, expected) => {
    for (const limit of [1, 2, 3, 50]) {
      expect((await everything(path, limit)).map((item) => item[key])).toEqual(expected)
    }
  })

  test.each(['/permissions', '/credentials', '/credentials?state=live', '/clients/canister/keys'])(
    'of %s hold each once, whatever their size',
    async (path) => {
      const all = (await everything(path, 50)).map(({ id }) => id)
      expect(all.length).toBeGreaterThan(3)
      expect(all).toEqual([...new Set(all)].toSorted())
      for (const limit of [1, 2, 3]) expect((await everything(path, limit)).map(({ id }) => id)).toEqual(all)
    },
  )

  test('in a state hold each once, however many others lie between', async () => {
    const revoked: string[] = []
    for (let i = 0; i < 9; i++) {
      started.time.now = new Date(started.time.now.getTime() + 1)
      const { id } = await started.ok('POST', '/clients/d/keys', { body: {} })
      if (i % 3 < 2) continue
      await started.ok('POST', `/credentials/${id}/revoke`, { body: {} })
      revoked.push(id)
    }
    for (const limit of [1, 2, 3]) {
      const found = await everything('/credentials?owner=client:d&state=revoked', limit)
      expect(found.map(({ id }) => id)).toEqual(revoked)
    }
  })

  test('the last one says so, also when it is full', async () => {
    const { items } = await started.ok('GET', '/clients')
    expect(await started.ok('GET', `/clients?limit=${items.length}`)).toMatchObject({ next_cursor: null })
    expect((await started.ok('GET', `/clients?limit=${items.length - 1}`)).next_cursor).not.toBeNull()
  })

  test('of permissions can be filtered by resource and holder', async () => {
    const one = await everything('/permissions?resource=webdav&client=d', 50)
    expect(one.map(({ client, resource }) => [client, resource])).toEqual([['d', 'webdav']])
    expect((await everything('/permissions?group=media', 1)).length).toBe(1)
    expect((await everything('/permissions?resource=countersign', 1)).length).toBe(2)
    expect(await everything('/credentials?state=expired', 1)).toEqual([])
  })

  test.each([
    ['/clients?cursor=nonsense', 'cursor'],
    ['/clients?cursor=WzFd', 'cursor'],
    // ["\u0000"], which PostgreSQL takes no text with
    ['/clients?cursor=WyJcdTAwMDAiXQ', 'cursor'],
    ['/clients?limit=0', 'limit'],
    ['/clients?limit=9999', 'limit'],
    ['/clients?limit=1&limit=2', 'limit'],
    ['/clients?lmit=1', 'lmit'],
    ['/credentials?owner=canister', 'owner'],
    ['/permissions?client=d&group=media', 'client'],
  ])('%s is refused at %s', async (path, at) => {
    const { status, body } = await started.call('GET', path)
    expect([status, body.code, body.problems[0]?.path]).toEqual([400, 'invalid_query', at])
  })
})

describe('bodies', () => {
  const post = (raw: string | Uint8Array, type?: string) =>
    started.call('POST', '/groups', { raw, ...(type !== undefined && { headers: { 'Content-Type': type } }) })

  test.each([
    ['text/plain', '{"name":"g1"}', 415, 'unsupported_media_type'],
    ['application/x-www-form-urlencoded', 'name=g2', 415, 'unsupported_media_type'],
    ['application/json', '{"name":', 400, 'invalid_body'],
    ['application/json', '', 400, 'invalid_body'],
    ['application/json', '[]', 400, 'invalid_body'],
    ['application/json', 'null', 400, 'invalid_body'],
    ['application/json', '{"name":"g3","__proto__":{"x":1}}', 400, 'invalid_body'],
    ['application/json', '{"name":"g4","created_at":"2030-01-01T00:00:00Z"}', 400, 'invalid_body'],
    ['application/json', `{"name":"g5","description":"${'x'.repeat(65_536)}"}`, 413, 'too_large'],
    ['application/json; charset=utf-8', '{"name":"g6"}', 201, undefined],
  ])('%s %.20s: %i', async (type, raw, status, code) => {
    const answer = await post(raw, type)
    expect([answer.status, answer.body.code]).toEqual([status, code as string])
  })

  test('that are not UTF-8 are refused', async () => {
    const [before, after] = ['{"name":"g7","description":"', '"}'].map((text) => new TextEncoder().encode(text))
    const answer = await post(Uint8Array.from([...(before ?? []), 0xff, ...(after ?? [])]))
    expect([answer.status, answer.body.detail]).toEqual([400, 'Send the body in UTF-8.'])
  })

  test('a stream is cut off at the limit, whatever it says of its length', async () => {
    const authorized = await started.authorize('POST', '/api/v1/groups', 'the-bootstrap-key-of-these-tests-0123456789')
    if (typeof authorized === 'string') throw new Error(authorized)
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(16_384).fill(0x20))
      },
    })
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }
    const answer = await started.api.fetch(new Request('http://x.test/api/v1/groups', init), { authorized })
    expect(answer.status).toBe(413)
    expect(pulled).toBeLessThan(10)
  })

  test('an answer never repeats what was sent where a name was expected', async () => {
    const secret = `cs_key_${'A'.repeat(49)}`
    for (const body of [{ name: secret }, { name: 'x', description: 7, [`x${secret}`.slice(0, 1)]: secret }]) {
      expect((await started.call('POST', '/groups', { body })).text).not.toContain(secret)
    }
    expect((await started.call('GET', `/credentials/${secret}`)).text).not.toContain(secret)
  })
})

describe('problems', () => {
  test('an unknown path is 404, a wrong method 405 with what is allowed', async () => {
    expect((await started.call('GET', '/clients/a/b/c')).body).toMatchObject({ status: 404, code: 'not_found' })
    for (const [method, path, allow] of [
      ['PUT', '/clients/canister', 'GET, PATCH, DELETE, HEAD'],
      ['DELETE', '/clients', 'GET, POST, HEAD'],
      ['PUT', '/groups/media', 'GET, PATCH, DELETE, HEAD'],
      ['POST', '/clients/canister', 'GET, PATCH, DELETE, HEAD'],
    ] as const) {
      const answer = await started.call(method, path, { body: {} })
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow])
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
  })

  test('HEAD is GET without the body', async () => {
    const answer = await started.call('HEAD', '/clients')
    expect([answer.status, answer.text]).toEqual([200, ''])
  })

  test('without a caller nothing is answered but the description', async () => {
    for (const [path, status] of [
      ['/clients', 500],
      ['/me', 500],
      ['/nope', 500],
      ['/openapi.json', 200],
    ] as const) {
      const request = new Request(`http://127.0.0.1:8420/api/v1${path}`)
      expect((await started.api.fetch(request, { authorized: undefined })).status).toBe(status)
    }
    expect(started.errors.splice(0).length).toBe(3)
  })

  test('a store that cannot be asked is 503, and the operator hears why', async () => {
    const broken = await startApi()
    const authorized = await broken.authorize('GET', '/api/v1/clients', 'the-bootstrap-key-of-these-tests-0123456789')
    if (typeof authorized === 'string') throw new Error(authorized)
    await broken.store.close()
    for (const init of [{}, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"id":"a"}' }]) {
      const answer = await broken.api.fetch(new Request('http://127.0.0.1/api/v1/clients', init), { authorized })
      expect([answer.status, ((await answer.json()) as Json).code]).toEqual([503, 'store_unavailable'])
    }
    expect(broken.errors.length).toBe(2)
  })

  test('a bug is 500, says nothing of itself, and the operator hears of it', async () => {
    const broken = await startApi()
    Object.assign(broken.deps, { change: () => Promise.reject(new Error('a secret of the house')) })
    const answer = await broken.call('POST', '/groups', { body: { name: 'a' } })
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('secret')
    expect(broken.errors).toEqual([new Error('a secret of the house')])
  })
})

describe('the description', () => {
  type Operation = Json & { tags: string[]; requestBody?: { content: Record<string, { example: unknown }> } }
  type Described = {
    openapi: string
    servers: unknown
    security: unknown
    paths: Record<string, Record<string, Operation>>
  }

  async function described(host = 'http://127.0.0.1:8420'): Promise<Described> {
    const answer = await started.api.fetch(new Request(`${host}/api/v1/openapi.json`), { authorized: undefined })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    return (await answer.json()) as Described
  }

  test('is OpenAPI 3.1, with the ways to authenticate, for the address it was asked at', async () => {
    const document = await described('https://auth.example.com')
    expect(document.openapi).toBe('3.1.0')
    expect(document.servers).toEqual([{ url: 'https://auth.example.com' }])
    expect(document.security).toEqual([{ bearer: [] }, { basic: [] }, { 'X-Api-Key': [] }])
    expect((await described()).servers).toEqual([{ url: 'http://127.0.0.1:8420' }])
  })

  test('holds every route, each with a tag and a summary, each body with an example', async () => {
    const { paths } = await described()
    const told = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    )
    const routes = started.api.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path}`)
    expect(told.toSorted()).toEqual([...new Set(routes)].toSorted())
    for (const operation of Object.values(paths).flatMap((operations) => Object.values(operations))) {
      expect(operation.tags.length).toBe(1)
      expect(operation).toHaveProperty('summary')
      for (const content of Object.values(operation.requestBody?.content ?? {})) expect(content.example).toBeDefined()
    }
    expect(JSON.stringify(paths)).not.toContain('$/u"')
  })

  test('and the rules of the management API are about the same routes', async () => {
    const { paths } = await described()
    const decided = new Set<number>()
    for (const [path, operations] of Object.entries(paths)) {
      const target = parseRequestTarget(path.replace(/\{\w+\}/g, 'x'))
      if (target === undefined) throw new Error(path)
      for (const method of Object.keys(operations)) {
        const matched = ruleFor(started.management, method.toUpperCase(), target)
        if (isDenied(matched)) throw new Error(`${method} ${path}: ${matched.code}`)
        decided.add(matched.rule.index)
        const { scopes, public: isPublic } = matched.rule.require
        const isRead = method === 'get' || path.endsWith('/explain')
        const asks = isPublic ? 'nothing' : scopes.map((scope) => scope.split(':')[1]).join()
        expect([method, path, asks]).toEqual([
          method,
          path,
          /openapi\.json$|\/leaks$/.test(path) ? 'nothing' : isRead ? 'read' : 'write',
        ])
      }
    }
    expect(started.management.name).toBe(MANAGEMENT_RESOURCE)
    expect(started.management.rules.filter(({ index }) => !decided.has(index)).map(({ path }) => path.text)).toEqual([])
  })
})

test('nothing of all this was an error', () => {
  expect(started.errors).toEqual([])
})
