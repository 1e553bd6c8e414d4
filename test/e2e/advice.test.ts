// What `why` advises the operator to do is what helps.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  const rules = [{ path: '/**', require: { scopes: ['repo:write'] } }]
  const forge = { name: 'forge', identifier: 'https://git.example.com', hosts: ['git.example.com'], rules }
  await app.api('POST', '/api/v1/resources', { ...forge, scopes: ['repo:read', 'repo:write'] })
  await app.api('POST', '/api/v1/groups', { name: 'writers' })
  await app.api('POST', '/api/v1/permissions', { group: 'writers', resource: 'forge', scopes: ['repo:*'] })
})
afterAll(() => app.close())

async function user(username: string, groups: readonly string[], narrowing: object = {}): Promise<string> {
  await app.api('POST', '/api/v1/users', { username, groups })
  const { body } = await app.api('POST', `/api/v1/users/${username}/tokens`, { name: 'ci', ...narrowing })
  return String(body.id)
}

async function advice(credential_id: string): Promise<string> {
  const question = { method: 'GET', url: 'https://git.example.com/', credential_id }
  const { body } = await app.api('POST', '/api/v1/explain', question)
  const { sentence } = body.decision as { sentence: string }
  return sentence
}

test('a token that was narrowed away from a scope gets it by no permission', async () => {
  const said = await advice(await user('alice', ['writers'], { resources: ['forge'], scopes: ['repo:read'] }))
  expect(said).toContain('of user alice was made for repo:read alone, and resource forge asks for repo:write here.')
  expect(said).toContain('use or make another one. What its owner may: countersign user show alice.')
  expect(said).not.toContain('permission create')
})

test('an owner without a scope is given it, also when the token is narrowed to that scope', async () => {
  for (const [username, narrowing] of [
    ['bob', {}],
    ['carol', { scopes: ['repo:write'] }],
  ] as const) {
    const id = await user(username, ['writers'], narrowing)
    await app.api('PATCH', `/api/v1/users/${username}`, { groups: [] })
    const permission = { user: username, resource: 'forge', scopes: ['repo:read'] }
    await app.api('POST', '/api/v1/permissions', permission)
    const command = `countersign permission create --user ${username} --resource forge --scope repo:write.`
    expect(await advice(id)).toContain(`Give it to the owner: ${command}`)
  }
})

test('a disabled owner is named, and how to believe them again; a deleted one is named', async () => {
  const id = await user('dave', ['writers'])
  await app.api('PATCH', '/api/v1/users/dave', { disabled: true })
  expect(await advice(id)).toBe(
    `"ci" (${id}) is refused while its owner, user dave, is disabled. To believe it again: countersign user enable dave.`,
  )
  await app.api('DELETE', '/api/v1/users/dave')
  expect(await advice(id)).toBe(`"ci" (${id}) is refused since its owner, user dave, was deleted.`)
})

test('who holds something by a disabled group alone is told that groups have to be enabled', async () => {
  const id = await user('erin', ['writers'])
  await app.api('PATCH', '/api/v1/groups/writers', { disabled: true })
  expect(await advice(id)).toContain('holds no permission on resource forge, directly or by a group that is enabled.')
})
