// What the management API has acknowledged is so: for very many credentials, after a kill -9, and with who did it.
import { afterAll, expect, test } from 'bun:test'
import { auditEventsKept } from '../../packages/server/src/store/testing/kept.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { Stage } from './stage.ts'
import { bearer, type Line } from './vectors/vector.ts'
import { PERMISSIONS, RESOURCES } from './vectors/world.ts'
import { workOf } from './work.ts'

const teardown = new Teardown()
afterAll(() => teardown.run(), PATIENCE_MS)

test('ADM-17 revoking all of somebody, or all of an age, costs as much for many tokens as for few', async () => {
  const costs: number[] = []
  for (const count of [3, 120]) {
    const stage = await Stage.open()
    await stage.make('/users', { username: 'alice' })
    await stage.make('/permissions', { user: 'alice', resource: 'webdav', scopes: ['files:read'] })
    const asked: { lines: Line[] }[] = []
    for (let made = 0; made < count; made++) asked.push({ lines: [bearer((await stage.newToken('alice')).token)] })
    const ways = [
      ['/users/alice/revoke-credentials', {}],
      ['/credentials/revoke-older', { kind: 'pat', created_before: '2040-01-01T00:00:00Z' }],
    ] as const
    for (const [path, body] of ways) {
      // Statements as they are put together, whatever is read of each.
      const { queries } = await workOf(() => stage.call('POST', path, body))
      costs.push(queries.length)
    }
    for (const one of [asked[0], asked.at(-1)]) await stage.expect('T401', 'credential_revoked', 'forward', one)
    await stage.close()
  }
  expect(costs.slice(2)).toEqual(costs.slice(0, 2))
})

/** By which a token dies for good, and by which it cannot do anything until that is undone. */
const DEATHS: Readonly<Record<string, (user: string, id: string) => readonly [string, string, object?]>> = {
  'it was revoked': (_, id) => ['POST', `/credentials/${id}/revoke`, { reason: 'leaked' }],
  'all of its owner were': (user) => ['POST', `/users/${user}/revoke-credentials`, {}],
  'its owner was disabled': (user) => ['PATCH', `/users/${user}`, { disabled: true }],
  'its owner was deleted': (user) => ['DELETE', `/users/${user}`],
  'it was rotated': (_, id) => ['POST', `/credentials/${id}/rotate`, { overlap_seconds: 0 }],
  'every token of its age was revoked': () => [
    'POST',
    '/credentials/revoke-older',
    { kind: 'pat', created_before: '2100-01-01T00:00:00Z' },
  ],
}

test(
  'ADM-18 a token that died is dead after kill -9, sent the moment that its death was acknowledged',
  async () => {
    const directory = await teardown.temporaryDirectory('acknowledged')
    let server = await startCountersign(directory)
    teardown.add(() => server.kill())
    for (const resource of RESOURCES) await server.make('/resources', resource)
    const [permission] = PERMISSIONS
    const asks = async ({ address }: CountersignServer, token: string) => {
      const headers = {
        ...{ 'X-Forwarded-Method': 'GET', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'webdav.example.com' },
        ...{ 'X-Forwarded-Uri': '/', Authorization: `Bearer ${token}` },
      }
      return (await fetch(`http://${address}/verify/forward`, { headers })).status
    }
    const dead: [how: string, token: string][] = []
    for (const [number, [how, death]] of Object.entries(DEATHS).entries()) {
      const user = `user-${number}`
      await server.make('/users', { username: user })
      await server.make('/permissions', { user, resource: permission?.resource, scopes: permission?.scopes })
      const made = await server.make(`/users/${user}/tokens`, {})
      const token = String(made.token)
      expect([how, await asks(server, token)]).toEqual([how, 200])
      const { status } = await server.call(...death(user, String(made.id)))
      await server.kill()
      expect([how, status < 300]).toEqual([how, true])
      server = await startCountersign(directory)
      dead.push([how, token])
      for (const [how, token] of dead) expect([how, await asks(server, token)]).toEqual([how, 401])
    }
  },
  PATIENCE_MS,
)

const FORGED: readonly Line[] = [
  ['Remote-User', 'root'],
  ['Remote_User', 'root'],
  ['X-Forwarded-User', 'root'],
  ['X-Forwarded-Email', 'root@example.com'],
  ['X-Auth-Request-User', 'root'],
  ['X-Actor', 'user:root'],
  ['Countersign-Actor', 'user:root'],
  ['X-Original-Method', 'GET'],
  ['X-HTTP-Method-Override', 'GET'],
  ['X-Forwarded-For', '10.9.8.7'],
  ['Cookie', 'session=root; user=root'],
]

test('ADM-16 who did it is who showed the credential, whatever the headers say', async () => {
  const directory = await teardown.temporaryDirectory('actors')
  const stage = await Stage.open({ COUNTERSIGN_DATA_DIR: directory })
  await stage.make('/users', { username: 'root', roles: ['admin'] })
  await stage.make('/users', { username: 'mallory', roles: ['admin'] })
  const { id, token } = await stage.newToken('mallory', { resources: ['countersign'] })
  const lines = [bearer(token), ...FORGED]
  const send = async (method: string, path: string, body?: object) => {
    const { status, body: text } = await stage.send(method, path, lines, body)
    expect(status).toBeLessThan(300)
    return text === '' ? {} : JSON.parse(text)
  }
  expect(await send('GET', '/me')).toMatchObject({ principal: { kind: 'user', id: 'mallory' } })
  await send('POST', '/users', { username: 'victim' })
  const made = await send('POST', '/users/victim/tokens', { name: 'one' })
  stage.oracle.keepSecret(made.token)
  expect(made).toMatchObject({ created_by: 'user:mallory' })
  const revoked = await send('POST', `/credentials/${made.id}/revoke`, { reason: '"},{"actor":"user:root' })
  expect(revoked.credential).toMatchObject({ revoked_by: 'user:mallory', revoked_reason: '"},{"actor":"user:root' })
  await stage.close()
  const events = (await auditEventsKept(directory)).filter(({ credential }) => credential === id)
  expect(events.map(({ actor, action }) => [actor, action])).toEqual([
    ['user:mallory', 'user.create'],
    ['user:mallory', 'permission.create'],
    ['user:mallory', 'credential.create'],
    ['user:mallory', 'credential.revoke'],
    ['user:mallory', 'revocation_line.draw'],
  ])
})

const SLY_NAMES = [
  'Mallory\u202Egro.elpmaxe',
  'a,b;c=d',
  '<img onerror=x>',
  '=cmd()',
  '{{7*7}}',
  '%0d%0aX: y',
  '"\\',
  '😀',
]

test('ADM-16 no name breaks a line, a header, an event or a decision; what would is refused', async () => {
  const directory = await teardown.temporaryDirectory('names')
  const stage = await Stage.open({ COUNTERSIGN_DATA_DIR: directory, COUNTERSIGN_LOG_LEVEL: 'debug' })
  for (const [number, name] of SLY_NAMES.entries()) {
    const username = `sly-${number}`
    expect(await stage.make('/users', { username, name })).toMatchObject({ name })
    await stage.make('/permissions', { user: username, resource: 'webdav', scopes: ['files:read'] })
    const { token } = await stage.newToken(username, { name })
    const { headers } = await stage.expect('OK', undefined, 'forward', { lines: [bearer(token)] })
    expect(decodeURIComponent(String(headers.get('remote-name')))).toBe(name)
    await stage.expect('S403', 'scope_missing', 'forward', { lines: [bearer(token)], asks: { method: 'PUT' } })
  }
  for (const name of [
    'two\nlines',
    'two\r\nlines',
    'nul\0',
    '\u001b[31mred',
    '\u0085',
    'line\u2028separator',
    'paragraph\u2029',
    'x'.repeat(129),
    '',
  ]) {
    for (const [path, body] of [
      ['/users', { username: 'refused', name }],
      ['/users/sly-0/tokens', { name }],
    ] as const) {
      expect((await stage.test.api('POST', `/api/v1${path}`, body)).status).toBe(400)
    }
  }
  await stage.close()
  for (const line of stage.test.logLines) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    expect(line.trimEnd()).not.toMatch(/[\x00-\x1f\x7f]/)
    expect(() => JSON.parse(line)).not.toThrow()
  }
  for (const { detail } of await auditEventsKept(directory)) expect(() => JSON.parse(detail)).not.toThrow()
})
