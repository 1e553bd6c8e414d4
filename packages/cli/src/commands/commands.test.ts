// What each command sends, and what people and programs get to see.

import { expect, test } from 'bun:test'
import { client, DECISION, key, ok, page, permission, playApi, resource, THEN } from '../testing/play-api.ts'

const api = playApi()

const changed = { ...resource, warnings: ['rules[1] is never reached'] }
const group = { name: 'media', description: null, disabled: false, managed_by: null, created_at: THEN }
const issued = { ...key, key: 'cs_key_NEW' }

api.answer('POST /resources', { status: 201, body: changed })
api.answer('PATCH /resources/webdav', ok(changed))
api.answer('GET /resources/webdav', ok(resource))
api.answer('GET /resources', ok(page(resource)))
api.answer('DELETE /resources/webdav', { status: 204 })
api.answer('POST /groups', { status: 201, body: group })
api.answer('POST /clients', { status: 201, body: client })
api.answer('PATCH /clients/canister', ok(client))
api.answer('GET /clients/canister', ok(client))
api.answer('POST /permissions', { status: 201, body: { ...permission, client: 'canister' } })
api.answer('GET /permissions?resource=webdav', ok(page({ ...permission, group: 'media' })))
api.answer('POST /clients/canister/keys', { status: 201, body: issued })
api.answer('GET /clients/canister/keys', ok(page(key)))
api.answer('GET /credentials?kind=key', ok(page(key)))
api.answer('POST /credentials/key_01J/rotate', {
  status: 201,
  body: { ...issued, replaces: { id: 'key_01J', expires_at: THEN } },
})
api.answer('POST /credentials/key_01J/revoke', ok({ revoked: 1, credential: key }))
api.answer('POST /clients/canister/revoke-credentials', ok({ revoked: 3 }))
api.answer('GET /decisions/dec_01J', ok({ id: 'dec_01J', ...DECISION }))
api.answer('GET /decisions?outcome=deny&limit=1', ok(page({ id: 'dec_01J', ...DECISION })))
api.answer(
  'POST /explain',
  ok({
    decision: DECISION,
    steps: [
      { step: 'rule', outcome: 'pass', says: 'Rule 0 matches.' },
      { step: 'decision', outcome: 'refuse', says: 'It was revoked.' },
    ],
    answer: { status: 401, headers: { 'WWW-Authenticate': 'Bearer realm="webdav"' } },
  }),
)

const file = (body: object) => ({ files: { 'x.json': JSON.stringify(body) } })
const own = { name: 'webdav', identifier: 'https://webdav.example.com', rules: [] }

test.each([
  [
    'resource create webdav --identifier https://webdav.example.com --host webdav.example.com --scope files:read --rule GET~/**~files:read --rule /**',
    'POST /resources',
    {
      name: 'webdav',
      identifier: 'https://webdav.example.com',
      hosts: ['webdav.example.com'],
      scopes: ['files:read'],
      rules: [{ methods: ['GET'], path: '/**', require: { scopes: ['files:read'] } }, { path: '/**' }],
    },
  ],
  ['resource enable webdav', 'PATCH /resources/webdav', { disabled: false }],
  ['resource disable webdav', 'PATCH /resources/webdav', { disabled: true }],
  ['group create media', 'POST /groups', { name: 'media' }],
  [
    'client create canister --name The~Canister --group media',
    'POST /clients',
    { id: 'canister', name: 'The Canister', groups: ['media'] },
  ],
  ['client create canister --internal', 'POST /clients', { id: 'canister', listener: 'internal' }],
  ['client disable canister', 'PATCH /clients/canister', { disabled: true }],
  [
    'permission create --client canister --resource webdav --scope files:read --role x --project a --project b',
    'POST /permissions',
    { client: 'canister', resource: 'webdav', scopes: ['files:read'], roles: ['x'], projects: ['a', 'b'] },
  ],
  ['key create canister', 'POST /clients/canister/keys', {}],
  [
    'key create canister --name laptop --resource webdav --scope files:read --project a --network 10.0.0.0/8 --expires 30d',
    'POST /clients/canister/keys',
    {
      name: 'laptop',
      resources: ['webdav'],
      scopes: ['files:read'],
      projects: ['a'],
      networks: ['10.0.0.0/8'],
      expires_in_seconds: 2_592_000,
    },
  ],
  ['key rotate key_01J --overlap 0s', 'POST /credentials/key_01J/rotate', { overlap_seconds: 0 }],
  ['revoke key_01J --reason leaked', 'POST /credentials/key_01J/revoke', { reason: 'leaked' }],
  ['revoke --client canister', 'POST /clients/canister/revoke-credentials', {}],
  [
    'explain GET https://a.example/ --credential-id key_01J',
    'POST /explain',
    { method: 'GET', url: 'https://a.example/', credential_id: 'key_01J' },
  ],
])('%s', async (line, call, body) => {
  const { code, err } = await api.run(line)
  expect({ code, failure: code === 0 ? '' : err }).toEqual({ code: 0, failure: '' })
  expect(api.sent).toEqual([
    { method: call.split(' ')[0] ?? '', path: call.split(' ')[1] ?? '', authorization: 'Bearer cs_key_test', body },
  ])
})

test('a whole body comes from a file, and what only answers hold is left out', async () => {
  await api.run('resource create --file x.json', file({ ...own, preflight: 'pass' }))
  expect(api.sent[0]?.body).toMatchObject({ ...own, preflight: 'pass' })
  await api.run('resource update webdav --file x.json', file({ ...resource, preflight: 'pass' }))
  const { name: _name, created_at: _at, revision: _revision, ...change } = resource
  expect(api.sent[0]?.body).toEqual({ ...change, preflight: 'pass' })
  await api.run('resource update webdav --file x.json', file({ ...resource, managed_by: 'countersign' }))
  expect(api.sent[0]?.body).not.toHaveProperty('managed_by')
  await api.run('resource create other --file x.json', file({ ...own, name: 'other', managed_by: 'platform' }))
  expect(api.sent[0]?.body).toMatchObject({ name: 'other', managed_by: null })
  await api.run('resource update webdav --file -', { stdin: '{"disabled":true}' })
  expect(api.sent[0]?.body).toEqual({ disabled: true })
})

test('a mistake in a file is told field by field, before anything is sent', async () => {
  const { code, err } = await api.run(
    'resource create --file x.json',
    file({ ...own, rules: [{ path: 'x' }], colour: 1 }),
  )
  expect(code).toBe(2)
  expect(err).toContain('rules[0].path: expected a path')
  expect(err).toContain('colour: unknown field')
  expect(api.sent).toEqual([])
})

test('stdout of key create is the key alone, so that it can be taken as it is', async () => {
  const { out, err } = await api.run('key create canister')
  expect(out).toBe('cs_key_NEW\n')
  expect(err).toContain('Key key_01J of client canister: full; expires: 2030-01-31T12:00:00Z (in 30 days).')
  expect(err).toContain('shown once')
  expect(err).not.toContain('cs_key_NEW')
})

test('rotation says when the old key stops', async () => {
  const { out, err } = await api.run('key rotate key_01J')
  expect(out).toBe('cs_key_NEW\n')
  expect(err).toContain('The old one, key_01J, stops 2030-01-31T12:00:00Z (in 30 days).')
})

test('a list of keys shows what is not narrowed as full', async () => {
  const { out } = await api.run('key list canister')
  expect(out.split('\n')[0]).toMatch(/^ID +OWNER +NAME +HINT +STATE +RIGHTS +CREATED +EXPIRES +LAST USED$/)
  expect(out).toMatch(
    /key_01J +canister +laptop +cs_key_…x7Qz +live +full +2030-01-01 +2030-01-31T12:00:00Z \(in 30 days\) +never/,
  )
})

test('a permission without projects shows * in its line', async () => {
  const { out } = await api.run('permission list --resource webdav')
  expect(out).toMatch(/perm_01J +group:media +webdav +files:read +none +\*\n/)
})

test('a resource is shown with its rules, in order', async () => {
  const { out } = await api.run('resource show webdav')
  expect(out).toContain('0  GET /**  scopes files:read')
  expect(out).toMatch(/scopes +files:\n +files:read {2}Read files\n/)
  expect(out).toContain('jwt, 10 minutes')
})

test('what looks like a mistake in the rules is told when they are made', async () => {
  const { err } = await api.run('resource disable webdav')
  expect(err).toContain('Warning: rules[1] is never reached')
})

test('why says what happened and what to do first, and no path can steer the terminal', async () => {
  for (const line of ['why dec_01J', 'why --last']) {
    const { out } = await api.run(line)
    expect(out).toStartWith(
      'REFUSED 401 credential_revoked\nThe key "laptop" of client canister was revoked. Make a new one.\n',
    )
    expect(out).toContain('(3 minutes ago)')
    expect(out).toContain('revoked by  client:bootstrap')
    expect(out).not.toContain('\u001b')
  }
})

test('explain shows every step, the verdict and the answer', async () => {
  const { out } = await api.run('explain GET https://a.example/ --credential-stdin', { stdin: 'cs_key_x\n' })
  expect(api.sent[0]?.body).toMatchObject({ credential: 'cs_key_x' })
  expect(out).toMatch(/rule +pass +Rule 0 matches\.\ndecision +refuse +It was revoked\./)
  expect(out).toContain('The proxy is answered 401\n  WWW-Authenticate  Bearer realm="webdav"')
})

test.each([
  ['client show canister', client],
  ['resource show webdav', resource],
  ['key list', page(key)],
  ['key create canister', issued],
  ['resource disable webdav', changed],
  ['why dec_01J', { id: 'dec_01J', ...DECISION }],
])('%s --json prints the body of the API and nothing else', async (line, body) => {
  const { out, err } = await api.run(`${line} --json`)
  expect(JSON.parse(out)).toEqual(body as never)
  expect(err).toBe('')
})
