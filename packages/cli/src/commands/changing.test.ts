// Changing with single options sends what changed alone; deleting asks a person first.

import { expect, test } from 'bun:test'
import { client, ok, playApi, resource, user } from '../testing/play-api.ts'

const api = playApi()
api.answer('GET /resources/webdav', ok(resource))
api.answer('PATCH /resources/webdav', ok({ ...resource, warnings: [] }))
api.answer('GET /clients/canister', ok(client))
api.answer('PATCH /clients/canister', ok(client))
api.answer('GET /users/alice', ok(user))
api.answer('PATCH /users/alice', ok(user))
for (const path of ['/resources/webdav', '/clients/canister', '/groups/media', '/users/alice']) {
  api.answer(`DELETE ${path}`, { status: 204 })
}

test.each([
  ['resource update webdav --add-host a.example', { hosts: ['webdav.example.com', 'a.example'] }],
  [
    'resource update webdav --add-host a.example --remove-host webdav.example.com --add-scope files:read',
    { hosts: ['a.example'] },
  ],
  ['resource update webdav --add-scope files:write', { scopes: ['files:read', 'files:write'] }],
  [
    'resource update webdav --add-scope files:share --describe-scope files:share=files:Share~files',
    {
      scopes: ['files:read', 'files:share'],
      scope_details: { ...resource.scope_details, 'files:share': { surface: 'files', description: 'Share files' } },
    },
  ],
  [
    'resource update webdav --describe-scope files:read=:Look',
    { scope_details: { 'files:read': { description: 'Look' } } },
  ],
  ['resource update webdav --identifier https://a.example', { identifier: 'https://a.example' }],
  [
    'resource update webdav --rule GET~/:project{1,4}/**~files:read --rule /**',
    { rules: [{ methods: ['GET'], path: '/:project{1,4}/**', require: { scopes: ['files:read'] } }, { path: '/**' }] },
  ],
  ['client update canister --name Can --add-group b', { name: 'Can', groups: ['media', 'b'] }],
  ['client update canister --remove-group media', { groups: [] }],
  ['client update canister --network 10.0.0.0/8 --network ::1/128', { networks: ['10.0.0.0/8', '::1/128'] }],
  [
    'user update alice --name Al --email al@example.com --add-group b --add-role admin --remove-role user',
    { name: 'Al', email: 'al@example.com', groups: ['media', 'b'], roles: ['admin'] },
  ],
  ['user update alice --email none --remove-group media', { email: null, groups: [] }],
])('%s', async (line, body) => {
  expect((await api.run(line)).code).toBe(0)
  expect(api.sent.map(({ method }) => method)).toEqual(['GET', 'PATCH'])
  expect(api.sent[1]?.body).toEqual(body)
})

test.each([
  'resource update webdav --add-host webdav.example.com --rule GET~/**~files:read --describe-scope files:read=files:Read~files',
  'client update canister --name Canister --add-group media --remove-group other --network any',
  'user update alice --name Alice --add-group media --add-role user --remove-role admin',
])('%s changes nothing, says so and sends no change', async (line) => {
  const { code, err } = await api.run(line)
  expect({ code, err }).toEqual({ code: 0, err: 'It is so already: nothing was changed.\n' })
  expect(api.sent.every(({ method }) => method === 'GET')).toBe(true)
})

test.each([
  ['resource update webdav', 'Expected what to change: --identifier, --add-host'],
  ['client update canister', 'Expected what to change: --name, --add-group'],
  ['client update canister --name a --file x.json', 'one of them, not both'],
  ['user update alice', 'Expected what to change: --name, --email'],
  ['user update alice --add-role root', 'Allowed choices are admin, auditor, user'],
  ['group update media', 'Expected what to change: --description'],
  ['group add media alice', 'alice: expected a user or a client, like user:alice'],
  ['resource update webdav --rule files:read', '--rule: expected'],
  ['resource update webdav --describe-scope files:read', '--describe-scope: expected'],
  ['resource update webdav --describe-scope files:read=:', '--describe-scope: expected'],
])('%s is a mistake, and nothing is sent', async (line, says) => {
  const { code, err } = await api.run(line)
  expect(code).toBe(2)
  expect(err).toContain(says)
  expect(api.sent).toEqual([])
})

const deletions = [
  ['resource delete webdav', 'DELETE /resources/webdav', 'Its name'],
  ['client delete canister', 'DELETE /clients/canister', 'Its id'],
  ['group delete media', 'DELETE /groups/media', 'Its name'],
  ['user delete alice', 'DELETE /users/alice', 'Their username'],
] as const

test.each(deletions)('%s asks a person, who has to say yes', async (line, call, word) => {
  const sent = () => api.sent.map(({ method, path }) => `${method} ${path}`)
  for (const answer of ['', 'n', 'what?']) {
    const { code, err } = await api.run(line, { answer })
    expect(code).toBe(1)
    expect(err).toContain(`${word} can never be used again. Delete? [y/N] \nNothing was deleted.\n`)
    expect(sent()).toEqual([])
  }
  for (const answer of ['y', 'Yes']) {
    expect((await api.run(line, { answer })).code).toBe(0)
    expect(sent()).toEqual([call])
  }
  expect((await api.run(`${line} --yes`, { answer: 'n' })).err).not.toContain('[y/N]')
  expect(sent()).toEqual([call])
})

test.each(deletions)('%s goes on in a script, and says what that means', async (line, call, word) => {
  const { code, err } = await api.run(line)
  expect(code).toBe(0)
  expect(err).toStartWith(`Once this is done: ${word.toLowerCase()} can never be used again.\n`)
  expect(api.sent.map(({ method, path }) => `${method} ${path}`)).toEqual([call])
})
