import { expect, test } from 'bun:test'
import { startApp, withWebdav } from '../support/app.ts'

test('a verification that is overtaken by a change never joins the old rule to the new rights', async () => {
  const app = await startApp()
  const scopes = ['files:read', 'files:write', 'admin:read']
  const { key } = await withWebdav(app, { scopes, rules: [{ path: '/**', require: { scopes: ['admin:read'] } }] })
  const { body: lax } = await app.api('POST', '/api/v1/resources', {
    name: 'forge',
    identifier: 'https://forge.example.com',
    hosts: ['forge.example.com'],
    scopes,
    rules: [{ path: '/**', require: { scopes: ['files:read'] } }],
  })
  expect(lax.name).toBe('forge')

  // First the rule is tightened, then the client is given what the old rule asked for: no revision allows it in.
  const { verify } = app.app.edge
  const resolveNow = verify.recognise
  let changed = false
  Object.assign(verify, {
    recognise: (text: string) => {
      const resolve = resolveNow(text)
      return (
        resolve &&
        (async (shown: string) => {
          if (!changed) {
            changed = true
            const rules = [{ path: '/**', require: { scopes: ['admin:read'] } }]
            await app.api('PATCH', '/api/v1/resources/forge', { rules })
            await app.api('POST', '/api/v1/permissions', { group: 'media', resource: 'forge', scopes: ['files:read'] })
          }
          return resolve(shown)
        })
      )
    },
  })
  const answer = await app.ask({ host: 'forge.example.com', headers: { authorization: `Bearer ${key}` } })
  expect([changed, answer.status]).toEqual([true, 403])
  await app.close()
})
