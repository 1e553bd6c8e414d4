import { describe, expect, test } from 'bun:test'
import { startApp, withWebdav } from '../support/app.ts'

/** A body whose end comes when the test wants it to. */
function heldBody(value: unknown) {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  let finish = () => {}
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes.slice(0, 5))
      finish = () => {
        controller.enqueue(bytes.slice(5))
        controller.close()
      }
    },
  })
  return { body, finish: () => finish() }
}

describe('a caller whose rights end while the body is on its way', () => {
  const losses: [how: string, lose: (permission: string) => [method: string, path: string, body?: unknown]][] = [
    ['its permission is taken away', (permission) => ['DELETE', `/api/v1/permissions/${permission}`]],
    ['it is disabled', () => ['PATCH', '/api/v1/clients/mallory', { disabled: true }]],
    ['its credentials are revoked', () => ['POST', '/api/v1/clients/mallory/revoke-credentials', {}]],
  ]
  for (const [how, lose] of losses) {
    test(`changes nothing: ${how}`, async () => {
      const app = await startApp()
      await app.api('POST', '/api/v1/clients', { id: 'mallory' })
      await app.api('POST', '/api/v1/clients', { id: 'sleeper' })
      const given = { client: 'mallory', resource: 'countersign', roles: ['admin'] }
      const { body: permission } = await app.api('POST', '/api/v1/permissions', given)
      const { body: key } = await app.api('POST', '/api/v1/clients/mallory/keys', { resources: ['countersign'] })

      const held = heldBody({ ...given, client: 'sleeper' })
      const request = new Request('http://127.0.0.1:8420/api/v1/permissions', {
        method: 'POST',
        headers: { Authorization: `Bearer ${key.key}`, 'Content-Type': 'application/json' },
        body: held.body,
      })
      const answer = app.app.publicRoutes.fallback(request, '127.0.0.1')
      expect((await app.api(...lose(String(permission.id)))).status).toBeLessThan(300)
      held.finish()
      expect([401, 403]).toContain((await answer).status)
      const { body: left } = await app.api('GET', '/api/v1/permissions?client=sleeper')
      expect(left).toMatchObject({ items: [] })
      await app.close()
    })
  }
})

describe('a person whose rights end while the body is on its way', () => {
  const losses: [how: string, lose: (permission: string) => [method: string, path: string, body?: unknown]][] = [
    ['their role is taken', () => ['PATCH', '/api/v1/users/mallory', { groups: [], roles: ['user'] }]],
    ['they leave the group that has it', () => ['PATCH', '/api/v1/users/mallory', { groups: [] }]],
    ['that group is disabled', () => ['PATCH', '/api/v1/groups/admins', { disabled: true }]],
    ['that group loses it', (permission) => ['DELETE', `/api/v1/permissions/${permission}`]],
    ['that group is deleted', () => ['DELETE', '/api/v1/groups/admins']],
    ['they are disabled', () => ['PATCH', '/api/v1/users/mallory', { disabled: true }]],
    ['they are deleted', () => ['DELETE', '/api/v1/users/mallory']],
    ['their tokens are revoked', () => ['POST', '/api/v1/users/mallory/revoke-credentials', {}]],
    [
      'every token of that age is revoked',
      () => ['POST', '/api/v1/credentials/revoke-older', { kind: 'pat', created_before: '2040-01-01T00:00:00Z' }],
    ],
  ]
  for (const [how, lose] of losses) {
    test(`changes nothing: ${how}`, async () => {
      const app = await startApp()
      await app.api('POST', '/api/v1/users', { username: 'keeper', roles: ['admin'] })
      await app.api('POST', '/api/v1/groups', { name: 'admins' })
      const admin = { group: 'admins', resource: 'countersign', roles: ['admin'] }
      const { body: permission } = await app.api('POST', '/api/v1/permissions', admin)
      await app.api('POST', '/api/v1/users', { username: 'mallory', groups: ['admins'] })
      const { body: made } = await app.api('POST', '/api/v1/users/mallory/tokens', { resources: ['countersign'] })

      const held = heldBody({ username: 'sleeper', roles: ['admin'], password: 'known to mallory' })
      const request = new Request('http://127.0.0.1:8420/api/v1/users', {
        method: 'POST',
        headers: { Authorization: `Bearer ${made.token}`, 'Content-Type': 'application/json' },
        body: held.body,
      })
      const answer = app.app.publicRoutes.fallback(request, '127.0.0.1')
      expect((await app.api(...lose(String(permission.id)))).status).toBeLessThan(300)
      held.finish()
      expect([401, 403]).toContain((await answer).status)
      expect((await app.api('GET', '/api/v1/users/sleeper')).status).toBe(404)
      await app.close()
    })
  }
})

test('explain shows no live assertion, under whatever name the resource repeats it', async () => {
  const app = await startApp()
  const { id } = await withWebdav(app, { headers: { 'X-Auth-Token': 'Countersign-Assertion' } })
  const question = { method: 'GET', url: 'https://webdav.example.com/', credential_id: id }
  const { body } = await app.api('POST', '/api/v1/explain', question)
  expect(JSON.stringify(body)).toContain('not shown')
  expect(JSON.stringify(body)).not.toContain('eyJ')
  await app.close()
})

test('what a rotated key was made by dies with its maker, also when it is rotated by a descendant', async () => {
  const app = await startApp()
  await app.api('POST', '/api/v1/clients', { id: 'ops' })
  await app.api('POST', '/api/v1/permissions', { client: 'ops', resource: 'countersign', roles: ['admin'] })
  const narrow = { resources: ['countersign'] }
  const parent = (await app.api('POST', '/api/v1/clients/ops/keys', narrow)).body
  const child = (await app.api('POST', '/api/v1/clients/ops/keys', {}, String(parent.key))).body
  const rotate = `/api/v1/credentials/${parent.id}/rotate`
  const successor = (await app.api('POST', rotate, {}, String(child.key))).body
  expect((await app.api('GET', '/api/v1/me', undefined, String(successor.key))).status).toBe(200)
  await app.api('POST', `/api/v1/credentials/${child.id}/revoke`, {})
  expect((await app.api('GET', '/api/v1/me', undefined, String(successor.key))).status).toBe(401)
  await app.close()
})
