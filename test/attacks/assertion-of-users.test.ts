// What the signed assertion says of a person.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type AssertionOptions, assertionVerifier } from '@countersign/resource-server'
import { PUBLIC_URL, startApp, type TestApp, withWebdav } from '../support/app.ts'

type Keys = NonNullable<AssertionOptions['keys']>
const RESOURCE = 'https://webdav.example.com'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await withWebdav(app)
})
afterAll(() => app.close())

function verifier(keys: Keys) {
  return assertionVerifier({ issuer: PUBLIC_URL, resource: RESOURCE, keys, now: () => app.clock.now })
}

test('a service learns name and e-mail of the person from the assertion', async () => {
  const person = { username: 'alice', name: 'Ålice', email: 'alice@example.com', groups: ['media'] }
  expect((await app.api('POST', '/api/v1/users', person)).status).toBe(201)
  const { token } = (await app.api('POST', '/api/v1/users/alice/tokens', {})).body
  const answer = await app.ask({ headers: { Authorization: `Bearer ${token}` } })
  expect(answer.status).toBe(200)

  const published = await app.app.publicRoutes.exact['/.well-known/jwks.json']?.(new Request(PUBLIC_URL), null)
  const headers = new Headers({ 'Countersign-Assertion': answer.headers.get('countersign-assertion') ?? '' })
  expect(await verifier((await published?.json()) as Keys)(headers)).toMatchObject({
    outcome: 'allow',
    principal: { kind: 'user', id: 'alice', name: 'Ålice', email: 'alice@example.com' },
    projects: null,
  })
})
