import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('an escalation that the API refused is a decision that why can tell of', async () => {
  await app.api('POST', '/api/v1/clients', { id: 'ops' })
  await app.api('POST', '/api/v1/permissions', { client: 'ops', resource: 'countersign', roles: ['admin'] })
  const narrowed = { resources: ['countersign'], scopes: ['clients:write'] }
  const { body } = await app.api('POST', '/api/v1/clients/ops/keys', narrowed)
  const refused = await app.api('PATCH', '/api/v1/clients/ops', { disabled: true }, String(body.key))
  expect([refused.status, refused.body.code]).toEqual([403, 'would_escalate'])

  const id = refused.headers.get('countersign-decision')
  const why = await app.api('GET', `/api/v1/decisions/${id}`)
  expect(why.body).toMatchObject({ id, code: 'would_escalate', resource: 'countersign', principal: 'client:ops' })
  expect(String(why.body.sentence)).toContain('not narrowed to scopes or projects')
})
