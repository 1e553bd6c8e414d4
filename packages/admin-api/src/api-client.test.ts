import { expect, test } from 'bun:test'
import { ApiError, apiClient, type Fetch, NewResource, problem, UnreachableError } from './index.ts'

const KEY = 'cs_key_0123456789'
const group = {
  name: 'media',
  description: null,
  disabled: false,
  managed_by: null,
  created_at: '2030-01-01T00:00:00.000Z',
}

type Sent = { url: string; init: RequestInit }

/** A server that answers the same to everything, and what it was sent. */
function answering(status: number, body: unknown, headers: Record<string, string> = {}) {
  const sent: Sent[] = []
  const fetch: Fetch = async (url, init) => {
    sent.push({ url, init })
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
    return new Response(text, { status, headers })
  }
  return { sent, api: apiClient({ server: 'http://127.0.0.1:8420/', key: KEY, fetch }) }
}

/** What a promise is rejected with. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

test('a call sends the key as Bearer, and a JSON body', async () => {
  const { api, sent } = answering(201, group)
  expect(await api.groups.create({ name: 'media' })).toEqual(group)
  expect(sent[0]?.url).toBe('http://127.0.0.1:8420/api/v1/groups')
  expect(sent[0]?.init).toMatchObject({ method: 'POST', body: '{"name":"media"}', redirect: 'manual' })
  expect(sent[0]?.init.headers).toMatchObject({ Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' })
})

test('an id is one segment whatever is in it, and a dot segment is none', () => {
  const { api, sent } = answering(200, { ...group, members: [] })
  api.groups.get('a/b?c')
  expect(sent[0]?.url).toEndWith('/groups/a%2Fb%3Fc')
  expect(() => api.groups.get('..')).toThrow(TypeError)
})

test('a credential never gets into a URL', () => {
  const { api, sent } = answering(200, group)
  expect(() => api.credentials.revoke(KEY)).toThrow('expected the public id')
  expect(sent).toEqual([])
})

test('only the fields of a query that are there are sent', async () => {
  const { api, sent } = answering(200, { items: [], next_cursor: null })
  await api.credentials.list({ owner: 'client:canister', state: undefined, limit: 5 })
  expect(sent[0]?.url).toEndWith('/credentials?owner=client%3Acanister&limit=5')
})

test('what a newer server says beyond these schemas is handed on', async () => {
  const { api } = answering(200, { ...group, members: [], colour: 'red' })
  expect(await api.groups.get('media')).toEqual({ ...group, members: [], colour: 'red' } as never)
})

test('issuers and trust rules have calls like the other nouns', async () => {
  const { api, sent } = answering(200, { items: [], next_cursor: null })
  await api.issuers.list({ limit: 5 })
  await api.trustRules.list({ issuer: 'corp' })
  const gone = answering(204, undefined)
  await gone.api.issuers.delete('corp')
  await gone.api.trustRules.delete('atlas')
  expect([...sent, ...gone.sent].map(({ url, init }) => `${init.method} ${url.split('/api/v1')[1]}`)).toEqual([
    ...['GET /issuers?limit=5', 'GET /trust-rules?issuer=corp'],
    ...['DELETE /issuers/corp', 'DELETE /trust-rules/atlas'],
  ])
})

test('a person’s own tokens and everybody’s are different calls', async () => {
  const { api, sent } = answering(200, { items: [], next_cursor: null })
  await api.myTokens.list()
  await api.tokens.list('alice', { limit: 5 })
  await api.credentials.list({ kind: 'pat', imported: 'true' })
  expect(sent.map(({ url }) => url.split('/api/v1')[1])).toEqual([
    '/me/tokens',
    '/users/alice/tokens?limit=5',
    '/credentials?kind=pat&imported=true',
  ])
  expect(() => api.myTokens.revoke('cs_pat_SECRET')).toThrow('expected the public id')
})

test('a password is sent in the body alone, and comes back in no error', async () => {
  const { api, sent } = answering(400, problem('invalid_body'))
  const error = await failure(api.users.create({ username: 'alice', password: 'correct horse' }))
  expect(sent[0]?.url).not.toContain('horse')
  expect(Bun.inspect(error)).not.toContain('horse')
})

test('deleting answers nothing', async () => {
  expect(await answering(204, undefined).api.groups.delete('media')).toBeUndefined()
})

test('a problem becomes an error with its code, fields and decision', async () => {
  const body = {
    ...problem('invalid_body', { problems: [{ path: 'name', message: 'missing' }] }),
    detail: 'One field.',
  }
  const { api } = answering(400, body, { 'Countersign-Decision': 'dec_01J' })
  const error = await failure(api.groups.create({ name: 'media' }))
  expect(error).toBeInstanceOf(ApiError)
  expect(error).toMatchObject({ status: 400, code: 'invalid_body', detail: 'One field.', decisionId: 'dec_01J' })
  expect((error as ApiError).problems).toEqual([{ path: 'name', message: 'missing' }])
})

test.each([
  ['a proxy’s page', 502, '<html>', 'unexpected_answer'],
  ['a redirect, which is not followed', 302, '', 'unexpected_answer'],
  ['a success of something else', 200, '<html>', 'unexpected_answer'],
  ['another shape', 200, { hello: 'world' }, 'unexpected_answer'],
])('%s is told from Countersign', async (_case, status, body, code) => {
  expect(await failure(answering(status, body).api.groups.get('media'))).toMatchObject({ status, code })
})

test('no answer says which URL, why, and what to check', async () => {
  const fetch: Fetch = async () => {
    throw Object.assign(new Error(`refused ${KEY}`), { code: 'ConnectionRefused' })
  }
  const error = await failure(apiClient({ server: 'http://127.0.0.1:1', key: KEY, fetch }).me())
  expect(error).toBeInstanceOf(UnreachableError)
  expect(String(error)).toContain('http://127.0.0.1:1/api/v1/me: nothing listens there')
})

test('no error holds the key', async () => {
  const failing: Fetch = async (_url, init) => {
    throw new Error(JSON.stringify(init))
  }
  const errors = [
    await failure(answering(500, 'x').api.me()),
    await failure(answering(401, problem('not_found')).api.me()),
    await failure(apiClient({ server: 'http://a.example', key: KEY, fetch: failing }).me()),
  ]
  for (const error of errors) expect(Bun.inspect(error)).not.toContain(KEY)
})

test('a server that is no http URL, or holds a password, is refused before any call', () => {
  for (const server of ['', 'localhost:8420', 'ftp://a', 'http://u:p@a.example', 'http://a.example/?x']) {
    expect(() => apiClient({ server })).toThrow('expected an http(s) URL')
  }
})

test('a rule of a newer server, asking for more than is known here, is still read', async () => {
  const { api } = answering(200, {
    ...NewResource.parse({ name: 'webdav', identifier: 'https://a.example', rules: [] }),
    rules: [{ path: '/**', require: { weekday: 'monday' } }],
    managed_by: null,
    created_at: group.created_at,
    revision: 1,
  })
  expect((await api.resources.get('webdav')).rules).toEqual([{ path: '/**', require: { weekday: 'monday' } } as never])
})
