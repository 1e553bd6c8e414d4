// Whoever is less than an unconfined admin, and what they might try to become more at the management API, or to act as
// somebody who is. Each call is well formed: it is refused for who makes it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Stage } from './stage.ts'

const AT_API = { resources: ['countersign'] }
const EVERY_SCOPE = [
  ...['resources', 'groups', 'clients', 'users', 'permissions', 'credentials'].flatMap((noun) => [
    `${noun}:read`,
    `${noun}:write`,
  ]),
  ...['decisions:read', 'me:read', 'me:write'],
]

type World = { readonly stage: Stage; readonly ids: Readonly<Record<string, string>> }
/** `self` is the owner of what is shown: `['user', 'bob']`. */
type Self = readonly [kind: 'user' | 'client', id: string]
type Call = readonly [method: string, path: string, body?: unknown]
type Attempt = (self: Self, ids: World['ids']) => Call

/** Each wants rights at countersign that the caller lacks, or to lay hands on somebody who has them. */
const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  'gives itself role admin': ([kind, id]) => given({ [kind]: id, roles: ['admin'] }),
  'gives itself role auditor beside user': ([kind, id]) => given({ [kind]: id, roles: ['user', 'auditor'] }),
  'gives itself a scope': ([kind, id]) => given({ [kind]: id, scopes: ['decisions:read'] }),
  'gives itself a scope in the shade of one’s own tokens': ([kind, id]) =>
    given({ [kind]: id, scopes: ['me:read', 'me:write', 'users:read'] }),
  'gives itself scopes by a pattern of nouns': ([kind, id]) => given({ [kind]: id, scopes: ['users:*'] }),
  'gives itself scopes by a pattern of actions': ([kind, id]) => given({ [kind]: id, scopes: ['*:write'] }),
  'gives itself scopes beside role user': ([kind, id]) => given({ [kind]: id, roles: ['user'], scopes: ['*:read'] }),
  'gives somebody else role admin': () => given({ user: 'carol', roles: ['admin'] }),
  'gives a group that it may be in role admin': () => given({ group: 'plain', roles: ['admin'] }),
  'takes an admin’s role': (_, ids) => ['DELETE', `/permissions/${ids.rootsPermission}`],
  'takes the role of the admins’ group': (_, ids) => ['DELETE', `/permissions/${ids.groupsPermission}`],

  'makes an admin': () => ['POST', '/users', { username: 'new', roles: ['admin'] }],
  'makes an auditor': () => ['POST', '/users', { username: 'new', roles: ['user', 'auditor'] }],
  'makes a user in the admins’ group': () => ['POST', '/users', { username: 'new', roles: [], groups: ['admins'] }],
  'makes a user in a disabled group with the role': () => ['POST', '/users', { username: 'new', groups: ['sleepers'] }],
  'makes a client in the admins’ group': () => ['POST', '/clients', { id: 'new', groups: ['plain', 'admins'] }],
  'makes itself admin': ([kind, id]) =>
    kind === 'user' ? ['PATCH', `/users/${id}`, { roles: ['admin'] }] : given({ client: id, roles: ['admin'] }),
  'joins the admins’ group': ([kind, id]) => ['PATCH', `/${kind}s/${id}`, { groups: ['admins'] }],
  'joins a disabled group with the role': ([kind, id]) => ['PATCH', `/${kind}s/${id}`, { groups: ['sleepers'] }],
  'puts somebody else into the admins’ group': () => ['PATCH', '/users/carol', { groups: ['plain', 'admins'] }],
  'makes somebody else auditor': () => ['PATCH', '/users/carol', { roles: ['auditor'] }],
  'wakes a disabled group with the role': () => ['PATCH', '/groups/sleepers', { disabled: false }],
  'disables the admins’ group': () => ['PATCH', '/groups/admins', { disabled: true }],
  'describes the admins’ group': () => ['PATCH', '/groups/admins', { description: 'mine' }],
  'deletes the admins’ group': () => ['DELETE', '/groups/admins'],

  'sets an admin’s password': () => ['PATCH', '/users/root', { password: 'known to many' }],
  'takes an admin’s password': () => ['PATCH', '/users/root', { password: null }],
  'sets the password of an admin by group': () => ['PATCH', '/users/boss', { password: 'known to many' }],
  'sets the password of who would be admin, were the group not disabled': () => [
    'PATCH',
    '/users/sleeper',
    { password: 'known to many' },
  ],
  'sets an auditor’s password': () => ['PATCH', '/users/reader', { password: 'known to many' }],
  'sets an admin’s e-mail': () => ['PATCH', '/users/root', { email: 'mallory@example.com' }],
  'renames an admin': () => ['PATCH', '/users/root', { name: 'Nobody' }],
  'says of an admin what they are already': () => ['PATCH', '/users/root', { roles: ['admin'] }],
  'changes nothing of an admin': () => ['PATCH', '/users/root', {}],
  'disables an admin': () => ['PATCH', '/users/root', { disabled: true }],
  'enables a disabled admin': () => ['PATCH', '/users/suspended', { disabled: false }],
  'takes an admin out of the group': () => ['PATCH', '/users/boss', { groups: [] }],
  'deletes an admin': () => ['DELETE', '/users/root'],
  'deletes an admin by group': () => ['DELETE', '/users/boss'],
  'disables the built-in admin': () => ['PATCH', '/clients/countersign-admin', { disabled: true }],

  'makes an admin’s token': () => ['POST', '/users/root/tokens', AT_API],
  'makes an admin’s token for another service': () => ['POST', '/users/root/tokens', { resources: ['webdav'] }],
  'makes an admin’s token that is narrowed to nothing much': () => [
    'POST',
    '/users/root/tokens',
    { ...AT_API, scopes: ['me:read'] },
  ],
  'makes a token of an admin by group': () => ['POST', '/users/boss/tokens', {}],
  'makes a token of an auditor': () => ['POST', '/users/reader/tokens', {}],
  'makes a token of somebody else that waits for their rights': () => ['POST', '/users/carol/tokens', AT_API],
  'makes a key of somebody else that waits for its rights': () => [
    'POST',
    '/clients/canister/keys',
    { resources: ['webdav', 'countersign'] },
  ],
  'makes a key of the built-in admin': () => ['POST', '/clients/countersign-admin/keys', AT_API],
  'imports a token for an admin': () => imported({ owner: 'user:root' }),
  'imports a token for an admin among others’': () =>
    imported({ owner: 'user:carol' }, { owner: 'client:canister' }, { owner: 'user:boss', resources: ['webdav'] }),
  'imports a token of somebody else that waits for their rights': () =>
    imported({ owner: 'user:carol', resources: ['countersign'] }),
  'rotates an admin’s token': (_, ids) => ['POST', `/credentials/${ids.root}/rotate`, {}],
  'rotates somebody else’s token that reaches countersign': (_, ids) => [
    'POST',
    `/credentials/${ids.carol}/rotate`,
    {},
  ],
  'revokes an admin’s token': (_, ids) => ['POST', `/credentials/${ids.root}/revoke`, {}],
  'revokes the family of an admin’s token': (_, ids) => ['POST', `/credentials/${ids.boss}/revoke`, { family: true }],
  'revokes whatever an admin has': () => ['POST', '/users/root/revoke-credentials', {}],
  'revokes what an admin got before a date': () => [
    'POST',
    '/users/boss/revoke-credentials',
    { created_before: '2040-01-01T00:00:00Z' },
  ],
  'revokes every token': () => [
    'POST',
    '/credentials/revoke-older',
    { kind: 'pat', created_before: '2040-01-01T00:00:00Z' },
  ],
  'revokes every key': () => [
    'POST',
    '/credentials/revoke-older',
    { kind: 'key', created_before: '2030-01-01T00:00:00Z' },
  ],
}

function imported(...credentials: object[]): Call {
  const digests = credentials.map((one, index) => ({ digest: String(index).repeat(64), ...one }))
  return ['POST', '/credentials/import', { prefix: 'glpat-', digest: 'sha256', credentials: digests }]
}

function given(permission: object): Call {
  return ['POST', '/permissions', { ...permission, resource: 'countersign' }]
}

/** What nobody may, not even an admin. */
const NEVER: Readonly<Record<string, readonly [Attempt, answer: string]>> = {
  'makes a deleted user again': [() => ['POST', '/users', { username: 'gone', roles: [] }], '409 id_retired'],
  'makes a deleted group again': [() => ['POST', '/groups', { name: 'oldadmins' }], '409 id_retired'],
  'takes a name that looks built in': [() => ['POST', '/users', { username: 'countersign-admin' }], '400 invalid_body'],
  'takes the name of the bootstrap key': [() => ['POST', '/users', { username: 'bootstrap' }], '400 invalid_body'],
  'poses as kept by Countersign': [
    () => ['POST', '/users', { username: 'new', managed_by: 'countersign' }],
    '400 invalid_body',
  ],
  'brings a password’s digest': [
    () => ['PATCH', '/users/carol', { password_hash: '$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA' }],
    '400 invalid_body',
  ],
  'renames a user': [() => ['PATCH', '/users/carol', { username: 'root' }], '400 invalid_body'],
  'names the owner of a token itself': [
    () => ['POST', '/users/carol/tokens', { owner: { kind: 'user', id: 'root' } }],
    '400 invalid_body',
  ],
  'names the parent of a token itself': [() => ['POST', '/users/carol/tokens', { parent: null }], '400 invalid_body'],
  'invents a role': [() => given({ user: 'carol', roles: ['superuser'] }), '400 invalid_body'],
  'invents a role that sounds like one’s own': [() => given({ user: 'carol', roles: ['me:all'] }), '400 invalid_body'],
  'asks for everything': [() => given({ user: 'carol', scopes: ['*:*'] }), '400 invalid_body'],
  'asks for everything at one go': [() => given({ user: 'carol', scopes: ['*'] }), '400 invalid_body'],
  'confines itself to a project to look harmless': [
    () => given({ user: 'carol', roles: ['admin'], projects: ['a'] }),
    '400 invalid_body',
  ],
  'holds a permission for two': [() => given({ user: 'carol', group: 'plain', roles: ['user'] }), '400 invalid_body'],
  'rewrites the management API': [
    () => ['PATCH', '/resources/countersign', { rules: [{ path: '/**', require: { public: true } }] }],
    '409 immutable_resource',
  ],
  'stands another service in its place': [
    () => ['POST', '/resources', { name: 'x', identifier: 'http://127.0.0.1:8420/api/v1', rules: [] }],
    '409 name_taken',
  ],
  'makes a key beside the bootstrap key': [() => ['POST', '/clients/bootstrap/keys', AT_API], '409 conflict'],
}

/** Who tries: each by a credential that names countersign. */
const CALLERS: Readonly<Record<string, Self>> = {
  bob: ['user', 'bob'],
  reader: ['user', 'reader'],
  registrar: ['client', 'registrar'],
  minter: ['client', 'minter'],
  giver: ['client', 'giver'],
  grouper: ['client', 'grouper'],
  writer: ['client', 'writer'],
  clerk: ['user', 'clerk'],
  // An admin, by a token that is narrowed to every scope that there is.
  second: ['user', 'second'],
}
const HAS_EVERY_SCOPE = ['writer', 'second']
const credentials: Record<string, string> = {}

async function openWorld(): Promise<World> {
  const stage = await Stage.open({ COUNTERSIGN_PAT_BY_PAT: 'allow' })
  const ids: Record<string, string> = {}
  const holding = async (holder: object, rights: object) =>
    String((await stage.make('/permissions', { ...holder, resource: 'countersign', ...rights })).id)
  for (const name of ['plain', 'admins', 'sleepers', 'oldadmins']) await stage.make('/groups', { name })
  ids.groupsPermission = await holding({ group: 'admins' }, { roles: ['admin'] })
  await holding({ group: 'sleepers' }, { roles: ['admin'] })
  await holding({ group: 'oldadmins' }, { roles: ['admin'] })
  await stage.call('PATCH', '/groups/sleepers', { disabled: true })
  const newUser = async (username: string, user: object = {}, token: Record<string, unknown> = AT_API) => {
    await stage.make('/users', { username, ...user })
    const made = await stage.newToken(username, token)
    ids[username] = made.id
    credentials[username] = made.token
  }
  await newUser('root', { roles: ['admin'], password: 'only root knows' })
  await newUser('boss', { roles: [], groups: ['admins'] })
  await newUser('sleeper', { roles: [], groups: ['sleepers'] })
  await newUser('suspended', { roles: ['admin'], disabled: true })
  await newUser('gone', { roles: ['admin'] })
  await newUser('carol', { groups: ['plain'] })
  await newUser('bob', { groups: ['plain'] })
  await newUser('reader', { roles: ['auditor', 'user'] })
  await newUser('clerk', { roles: ['user'] })
  await holding({ user: 'clerk' }, { scopes: ['users:*', 'groups:*', 'credentials:*'] })
  const newClient = async (id: string, scopes: string[]) => {
    await stage.make('/clients', { id })
    await holding({ client: id }, { scopes })
    credentials[id] = (await stage.newKey(id, AT_API)).key
  }
  await newClient('registrar', ['users:write'])
  await newClient('minter', ['credentials:write'])
  await newClient('giver', ['permissions:write'])
  await newClient('grouper', ['groups:write'])
  await newClient('writer', ['*:write', '*:read'])
  await newUser('second', { roles: [], groups: ['admins'] }, { ...AT_API, scopes: EVERY_SCOPE })
  const { items } = await stage.call('GET', '/permissions?user=root')
  ids.rootsPermission = (items as { id: string }[])[0]?.id ?? ''
  await stage.call('DELETE', '/users/gone')
  await stage.call('DELETE', '/groups/oldadmins')
  return { stage, ids }
}

async function send({ stage }: World, [method, path, body]: Call, key: string): Promise<string> {
  const answer = await stage.test.api(method, `/api/v1${path}`, body, key)
  stage.test.clock.advance(1000)
  return answer.status < 300 ? 'done' : `${answer.status} ${answer.body.code}`
}
const revision = ({ stage }: World) => stage.test.app.edge.verify.directory.revision

describe('who is no unconfined admin', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterAll(() => world.stage.close())

  for (const [what, attempt] of Object.entries(ATTEMPTS)) {
    test(`ADM-05 ADM-06 does not succeed who ${what}`, async () => {
      const before = revision(world)
      for (const [name, self] of Object.entries(CALLERS)) {
        const answer = await send(world, attempt(self, world.ids), credentials[name] ?? '')
        // Who has every scope is refused for that alone, so nothing else was wrong with the call.
        const needed = HAS_EVERY_SCOPE.includes(name) ? /^403 would_escalate$/ : /^403 (would_escalate|scope_missing)$/
        expect([name, answer]).toEqual([name, expect.stringMatching(needed)])
      }
      expect(revision(world)).toBe(before)
      world.stage.logsNoSecret()
    })
  }

  for (const [what, [attempt, expected]] of Object.entries(NEVER)) {
    test(`ADM-06 nobody ${what}, not even an admin`, async () => {
      const before = revision(world)
      for (const [name, self] of [...Object.entries(CALLERS), ['root', ['user', 'root']] as const]) {
        const answer = await send(world, attempt(self, world.ids), credentials[name] ?? '')
        const refusals = name === 'root' ? [expected] : [expected, '403 scope_missing', '403 would_escalate']
        expect([name, answer, refusals.includes(answer)]).toEqual([name, answer, true])
      }
      expect(revision(world)).toBe(before)
    })
  }

  const SLY_BODIES: readonly (readonly [body: string, type?: string])[] = [
    ['{"username":"sly","__proto__":{"roles":["admin"]}}'],
    ['{"username":"sly","constructor":{"prototype":{"roles":["admin"]}}}'],
    ['{"username":"sly","roles":["user"],"roles":["admin"]}'],
    ['{"username":"sly","roles":["user"],"\\u0072oles":["admin"]}'],
    ['{"username":"sly","Roles":["admin"]}'],
    ['{"username":"sly","roles":{"0":"admin","length":1}}'],
    ['{"username":"sly","roles":"admin"}'],
    ['[{"username":"sly","roles":["admin"]}]'],
    ['\ufeff{"username":"sly","roles":["admin"]}'],
    ['{"username":"sly","roles":["admin"]}', 'text/plain'],
    ['username=sly&roles=admin', 'application/x-www-form-urlencoded'],
    ['{"username":"sly","roles":["admin"]}', 'application/json; charset=utf-16'],
  ]
  for (const [text, type = 'application/json'] of SLY_BODIES) {
    test(`ADM-06 no way to write a body makes an admin of whom it should not: ${text} as ${type}`, async () => {
      const { app } = world.stage.test
      for (const name of Object.keys(CALLERS)) {
        const headers = { Authorization: `Bearer ${credentials[name]}`, 'Content-Type': type }
        const request = new Request('http://127.0.0.1:8420/api/v1/users', { method: 'POST', headers, body: text })
        const { status } = await app.publicRoutes.fallback(request, '127.0.0.1')
        expect([name, [400, 403, 415].includes(status)]).toEqual([name, true])
      }
      expect((await world.stage.test.api('GET', '/api/v1/users/sly')).status).toBe(404)
    })
  }
})
