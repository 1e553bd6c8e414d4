// Users: what is sent for them, and that a password is never an argument, never shown and never half set.

import { expect, test } from 'bun:test'
import { ok, page, permission, playApi, refused, token, user } from '../testing/play-api.ts'

const api = playApi()
api.answer('POST /users', { status: 201, body: user })
api.answer('GET /users', ok(page(user, { ...user, username: 'bob', email: null, roles: [], disabled: true })))
api.answer('GET /users/alice', ok(user))
api.answer('PATCH /users/alice', ok(user))
api.answer('GET /permissions?user=alice&limit=200', ok(page({ ...permission, user: 'alice' })))
api.answer('GET /permissions?group=media&limit=200', ok(page({ ...permission, id: 'perm_2', group: 'media' })))
api.answer('GET /users/alice/tokens?limit=200', ok(page(token, { ...token, id: 'pat_old', state: 'revoked' })))

const files = { 'a.password': 'correct horse\n', short: 'secret\n', empty: '\n' }
const PASSWORD = 'correct horse'

test.each([
  ['user create alice', { username: 'alice' }],
  [
    'user create alice --name Alice --email alice@example.com --role user --role auditor --group media --group b',
    {
      username: 'alice',
      name: 'Alice',
      email: 'alice@example.com',
      roles: ['user', 'auditor'],
      groups: ['media', 'b'],
    },
  ],
  ['user create alice --password-file a.password', { username: 'alice', password: PASSWORD }],
  ['user create alice --password-file -', { username: 'alice', password: 'from stdin' }],
])('%s', async (line, body) => {
  const { code, out, err } = await api.run(line, { files, stdin: 'from stdin\n' })
  expect({ code, out }).toEqual({ code: 0, out: 'User alice is made.\n' })
  expect(api.sent.map(({ method, path, body }) => ({ method, path, body }))).toEqual([
    { method: 'POST', path: '/users', body: { ...body } as never },
  ])
  expect(err).toContain('Make a token for them: countersign pat create --user alice\n')
  expect(out + err).not.toContain(PASSWORD)
})

test('a body that was shown before can be sent again, without what only answers hold', async () => {
  await api.run('user create bob --file x.json', { files: { 'x.json': JSON.stringify({ ...user, username: 'bob' }) } })
  const { has_password: _has, created_at: _at, managed_by: _by, ...body } = user
  expect(api.sent[0]?.body).toMatchObject({ ...body, username: 'bob' })
  for (const field of ['has_password', 'created_at']) expect(api.sent[0]?.body).not.toHaveProperty(field)
})

test.each([
  ['user create alice --role root', 'Allowed choices are admin, auditor, user'],
  ['user create', 'Expected the username, or --file'],
  ['user create alice --password-file short', 'password: expected 8 to 256 characters'],
  ['user create alice --password-file empty', 'there is nothing in empty'],
  ['user create alice --password-file nowhere', 'the file nowhere cannot be read'],
  ['user create alice --password secret-word', "unknown option '--password'"],
  ['user password alice --password-file short', 'password: expected 8 to 256 characters'],
  ['user password alice --password-file a.password --remove', 'not both'],
  ['user password alice', 'Expected --password-file <path>, - for stdin: there is no terminal here'],
])('%s is a mistake: nothing is sent, and no secret is repeated', async (line, says) => {
  const { code, err } = await api.run(line, { files })
  expect(code).toBe(2)
  expect(err).toContain(says)
  expect(err).not.toMatch(/secret-word|correct horse/)
  expect(api.sent).toEqual([])
})

test('a password is asked for twice, without being shown', async () => {
  const { code, out, err } = await api.run('user password alice', { secrets: [PASSWORD, PASSWORD] })
  expect({ code, out }).toEqual({ code: 0, out: 'The password of user alice is set.\n' })
  expect(err).toBe('New password (not shown): \nOnce more: \n')
  expect(api.sent[0]).toMatchObject({ method: 'PATCH', path: '/users/alice', body: { password: PASSWORD } })
})

test.each([
  ['two that differ', [PASSWORD, `${PASSWORD}!`], 'The two are not the same. Nothing was changed.'],
  ['one that is too short', ['secret'], 'expected 8 to 256 characters'],
  ['nothing typed', [''], 'expected 8 to 256 characters'],
])('%s: no password is set', async (_case, secrets, says) => {
  const { code, err } = await api.run('user password alice', { secrets })
  expect(code).toBe(2)
  expect(err).toContain(says)
  expect(err).not.toContain(PASSWORD)
  expect(api.sent).toEqual([])
})

test('a password is removed by saying so', async () => {
  expect((await api.run('user password alice --remove')).out).toBe('The password of user alice is removed.\n')
  expect(api.sent[0]?.body).toEqual({ password: null })
})

test('a user is shown with groups, permissions and tokens', async () => {
  const { out } = await api.run('user show alice')
  expect(out).toMatch(/username +alice\n/)
  expect(out).toMatch(/password +none\n/)
  expect(out).toMatch(
    /permissions +webdav: files:read; projects \* \(perm_01J\)\n +webdav: files:read; projects \* \(perm_2\), by group media\n/,
  )
  expect(out).toMatch(/tokens +pat_01J {2}ci {2}live; last used: never\n/)
  expect(out).toContain('1 revoked or expired: countersign pat list --user alice\n')
  api.answer('GET /users/alice/tokens?limit=200', refused('permission_missing', 403))
  expect((await api.run('user show alice')).out).toMatch(/tokens +unknown: this key may not read them\n/)
})

test('a list tells who is disabled, and an empty one what to do', async () => {
  const { out } = await api.run('user list')
  expect(out).toMatch(/alice +Alice +alice@example\.com +user +media +enabled\n/)
  expect(out).toMatch(/bob +Alice +none +none +media +disabled\n/)
  api.answer('GET /users', ok(page()))
  expect((await api.run('user list')).err).toBe('No users yet. Make one: countersign user create <username>\n')
})

test.each([
  ['user disable alice', { disabled: true }],
  ['user enable alice', { disabled: false }],
])('%s', async (line, body) => {
  expect((await api.run(line)).code).toBe(0)
  expect(api.sent[0]).toMatchObject({ method: 'PATCH', path: '/users/alice', body })
})

test('a permission is given to a user as to a client', async () => {
  api.answer('POST /permissions', { status: 201, body: { ...permission, user: 'alice' } })
  const { out } = await api.run('permission create --user alice --resource webdav --scope files:read')
  expect(api.sent[0]?.body).toEqual({ user: 'alice', resource: 'webdav', scopes: ['files:read'] })
  expect(out).toMatch(/holder +user:alice\n/)
})
