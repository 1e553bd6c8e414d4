// What operators are told of a refusal depends on what was refused.

import { afterEach, beforeEach, expect, test } from 'bun:test'
import { startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../../../../test/support/app.ts'
import { pinnedIssuer, register, trust } from '../../../../test/support/pinned-issuer.ts'

let at: TestApp
beforeEach(async () => {
  at = await startApp()
})
afterEach(() => at.close())

async function sentenceOn(credential: string): Promise<string> {
  const refused = await at.ask({ headers: { Authorization: `Bearer ${credential}` } })
  expect(refused.status).toBe(401)
  const { body } = await at.api('GET', `/api/v1/decisions/${refused.headers.get('Countersign-Decision')}`)
  return JSON.stringify(body)
}

test('a token of the Secret of a ServiceAccount is told apart, since to register its issuer would not help', async () => {
  await withWebdav(at)
  const of = async (iss: string) => sentenceOn(pinnedIssuer(at, iss).token({ exp: undefined }))
  expect(await of('https://idp.example.com')).toContain('countersign issuer create')
  const legacy = await of('kubernetes/serviceaccount')
  expect(legacy).toContain('never believed: it is the token of a ServiceAccount Secret')
  expect(legacy).toContain('mount a projected token')
  expect(legacy).not.toContain('countersign issuer create')
})

test('of an access token that has expired another one is to be got, of a key another one made', async () => {
  await withWebdav(at)
  const { headers } = await withSecret(at)
  const { body } = await at.api('POST', '/api/v1/clients/canister/keys', { expires_in_seconds: 60 })
  const token = await tokenFor(at, headers)
  at.clock.advance(600_000)
  const ofToken = await sentenceOn(token)
  expect(ofToken).toContain('Access tokens are short-lived: get another one from the token endpoint.')
  expect(ofToken).not.toContain('rotate earlier')
  expect(await sentenceOn(String(body.key))).toContain('Make a new one, or rotate earlier next time.')
})

test('a credential that is too long to be read is not said to be unknown', async () => {
  await withWebdav(at)
  const corp = pinnedIssuer(at, 'https://idp.example.com')
  const said = await sentenceOn(corp.token({ groups: Array.from({ length: 300 }, () => crypto.randomUUID()) }))
  expect(said).toContain('it is longer than 8192 characters')
  expect(said).not.toContain('countersign issuer create')
})

test('of a token of another issuer that has expired another one is to be fetched there', async () => {
  await withWebdav(at)
  const corp = pinnedIssuer(at)
  await register(at, corp)
  await trust(at)
  const said = await sentenceOn(corp.token({ iat: corp.now() - 900, exp: corp.now() - 300 }))
  expect(said).toContain('Fetch another one from its issuer; or, if it was fetched just now, compare the clocks.')
})
