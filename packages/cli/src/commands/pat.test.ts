// Tokens: the same words for one's own and for those of others; who the key stands for decides which calls are made.

import { expect, test } from 'bun:test'
import { me, ok, page, playApi, refused, THEN, token } from '../testing/play-api.ts'

const api = playApi()
const issued = { ...token, token: 'cs_pat_NEW' }
const rotated = { status: 201, body: { ...issued, id: 'pat_2', replaces: { id: 'pat_01J', expires_at: THEN } } }

api.answer('POST /me/tokens', { status: 201, body: issued })
api.answer('POST /users/alice/tokens', { status: 201, body: issued })
api.answer('GET /me/tokens', ok(page(token)))
api.answer('GET /me/tokens?limit=200', ok(page(token)))
api.answer('GET /users/alice/tokens', ok(page()))
api.answer('GET /credentials?kind=pat', ok(page()))
api.answer('GET /credentials/pat_01J', ok(token))
for (const path of ['/me/tokens/pat_01J', '/credentials/pat_01J']) {
  api.answer(`POST ${path}/rotate`, rotated)
  api.answer(`POST ${path}/revoke`, ok({ revoked: 1, credential: { ...token, state: 'revoked' } }))
}

const calls = () => api.sent.map(({ method, path }) => `${method} ${path}`)
const as = (answer: object) => api.answer('GET /me', ok(answer))
const ALICE = me('user', 'me:read', 'me:write')
const ADMIN = me('user', 'me:read', 'me:write', 'credentials:read', 'credentials:write')
const AUDITOR = me('user', 'me:read', 'credentials:read')
const CLIENT = me('client', 'me:read')

test.each([
  ['pat create', 'POST /me/tokens', {}],
  ['pat create --user alice --name ci', 'POST /users/alice/tokens', { name: 'ci' }],
  [
    'pat create --name ci --resource forge --scope repo:read --project team/app --network 10.0.0.0/8 --expires 30d',
    'POST /me/tokens',
    {
      name: 'ci',
      resources: ['forge'],
      scopes: ['repo:read'],
      projects: ['team/app'],
      networks: ['10.0.0.0/8'],
      expires_in_seconds: 2_592_000,
    },
  ],
])('%s', async (line, call, body) => {
  const { code, out, err } = await api.run(line)
  expect({ code, out }).toEqual({ code: 0, out: 'cs_pat_NEW\n' })
  expect(calls()).toEqual([call])
  expect(api.sent[0]?.body).toEqual(body)
  expect(err).toContain('Token pat_01J of user alice: full; expires: 2030-01-31T12:00:00Z (in 30 days).')
  expect(err).not.toContain('cs_pat_NEW')
})

test.each([
  ['pat list', ALICE, ['GET /me', 'GET /me/tokens']],
  ['pat list', ADMIN, ['GET /me', 'GET /credentials?kind=pat']],
  ['pat list', AUDITOR, ['GET /me', 'GET /credentials?kind=pat']],
  ['pat list --user alice', ALICE, ['GET /users/alice/tokens']],
  ['pat show pat_01J', ALICE, ['GET /me', 'GET /me/tokens?limit=200']],
  ['pat show pat_01J', CLIENT, ['GET /me', 'GET /credentials/pat_01J']],
  ['pat rotate pat_01J', ALICE, ['GET /me', 'POST /me/tokens/pat_01J/rotate']],
  ['pat rotate pat_01J', AUDITOR, ['GET /me', 'POST /me/tokens/pat_01J/rotate']],
  ['pat rotate pat_01J --overlap 0s', ADMIN, ['GET /me', 'POST /credentials/pat_01J/rotate']],
  ['revoke pat_01J', ALICE, ['GET /me', 'POST /me/tokens/pat_01J/revoke']],
  ['revoke pat_01J', CLIENT, ['GET /me', 'POST /credentials/pat_01J/revoke']],
])('%s, by %j', async (line, caller, expected) => {
  as(caller)
  const { code, err } = await api.run(line)
  expect({ code, failure: code === 0 ? '' : err }).toEqual({ code: 0, failure: '' })
  expect(calls()).toEqual(expected)
})

test('a token that is not one’s own is not found, and where one’s own are is said', async () => {
  as(ALICE)
  const { code, err } = await api.run('pat show pat_other')
  expect(code).toBe(3)
  expect(err).toContain('None of your tokens has this id. See: countersign pat list')
})

test('the list shows rights, when it was made, its end, and its last use with where from', async () => {
  as(ALICE)
  const narrow = { full: false, resources: ['forge'], scopes: ['repo:read'], projects: ['team/app'] }
  const used = { last_used_at: '2030-01-01T11:00:00.000Z', last_used_from: '192.0.2.7' }
  api.answer('GET /me/tokens', ok(page(token, { ...token, id: 'pat_2', ...narrow, ...used })))
  const { out } = await api.run('pat list')
  expect(out).toMatch(/^ID +OWNER +NAME +HINT +STATE +RIGHTS +CREATED +EXPIRES +LAST USED\n/)
  expect(out).toMatch(/pat_01J +alice +ci +cs_pat_…x7Qz +live +full +2030-01-01 +2030-01-31T12:00:00Z .* never\n/)
  expect(out).toMatch(
    /pat_2 .* forge · repo:read · team\/app .* 2030-01-01T11:00:00Z \(60 minutes ago\) from 192\.0\.2\.7\n/,
  )
})

test('an empty list says whose token to make', async () => {
  api.answer('GET /me/tokens', ok(page()))
  as(ALICE)
  expect((await api.run('pat list')).err).toBe('No tokens yet. Make one: countersign pat create\n')
  as(CLIENT)
  expect((await api.run('pat list')).err).toBe('No tokens yet. Make one: countersign pat create --user <username>\n')
  const { err } = await api.run('pat list --user alice')
  expect(err).toBe('No tokens yet. Make one: countersign pat create --user alice\n')
})

test('rotation says when the old token stops', async () => {
  as(ALICE)
  const { out, err } = await api.run('pat rotate pat_01J')
  expect(out).toBe('cs_pat_NEW\n')
  expect(err).toContain('The old one, pat_01J, stops 2030-01-31T12:00:00Z (in 30 days).')
})

test('a token where its id belongs is stopped before it is sent anywhere, and not repeated', async () => {
  for (const line of ['pat show cs_pat_SECRET', 'pat rotate cs_pat_SECRET', 'revoke cs_pat_SECRET']) {
    const { code, err } = await api.run(line)
    expect(code).toBe(2)
    expect(err).toContain('not the credential itself')
    expect(err).not.toContain('SECRET')
    expect(api.sent).toEqual([])
  }
})

test('who has no tokens of their own, may make none, or came with another’s, is told what to do', async () => {
  api.answer('POST /me/tokens', refused('principal_kind_refused', 403, 'dec_01J'))
  const { code, err } = await api.run('pat create')
  expect(code).toBe(5)
  expect(err).toContain('Name whose it is: --user <username>\n  Why: countersign why dec_01J\n')
  api.answer('POST /me/tokens', refused('minting_refused', 403))
  expect((await api.run('pat create')).err).toContain('makes yours: countersign pat create --user <username>')
  api.answer('POST /me/tokens', refused('resource_not_granted', 403))
  expect((await api.run('pat create')).err).toContain('only if it was made for it: --resource countersign')
})

test('me says what a token of mine can be narrowed to', async () => {
  const mine = { resource: 'forge', identifier: 'https://git.example.com', hosts: ['git.example.com'] }
  const rights = { scopes: ['repo:read'], roles: [], projects: ['team/app'] }
  api.answer('GET /me/resources', ok(page({ ...mine, ...rights })))
  expect((await api.run('me resources')).out).toMatch(/forge +git\.example\.com +repo:read +none +team\/app\n/)
  api.answer('GET /me/resources', ok(page()))
  const empty = await api.run('me resources')
  expect(empty.out).toBe('')
  expect(empty.err).toStartWith('Nothing yet')
  as(ALICE)
  expect((await api.run('me')).out).toMatch(/principal +user:alice\n/)
})

test.each([
  ['pat create', 'POST /me/tokens', issued],
  ['me resources', 'GET /me/resources', page()],
])('%s --json prints the body of the API and nothing else', async (line, call, body) => {
  api.answer(call, ok(body))
  const { out, err } = await api.run(`${line} --json`)
  expect({ body: JSON.parse(out), err }).toEqual({ body, err: '' })
})

test('what a server says steers no terminal, whoever chose it', async () => {
  as(ADMIN)
  const projects = ['app\u202e', 'b\u001b[2J']
  const replaces = { id: 'pat_01J', expires_at: THEN }
  const narrow = { ...token, full: false, resources: ['forge'], projects }
  api.answer('POST /credentials/pat_2/rotate', ok({ ...narrow, token: 'cs_pat_NEW', replaces }))
  expect((await api.run('pat rotate pat_2')).err).toContain('forge · app\\u{202e}, b\\u{1b}[2J')
  api.answer('POST /leaks', ok({ outcome: 'revoked', id: 'pat_\u001b[2J' }))
  expect((await api.run('leak report', { stdin: 'x' })).out).toStartWith('Revoked pat_\\u{1b}[2J,')
})
