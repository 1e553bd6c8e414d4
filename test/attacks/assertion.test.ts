// The signed assertion proves who passed, at one resource, for a minute; it is no credential.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type AssertionOptions, assertionVerifier } from '@countersign/resource-server'
import { PUBLIC_URL } from '../support/app.ts'
import { Stage } from './stage.ts'
import { basic, bearer, type Line } from './vectors/vector.ts'

type Keys = NonNullable<AssertionOptions['keys']>

let stage: Stage
let keys: Keys
let assertion: string
beforeAll(async () => {
  stage = await Stage.open()
  const published = await stage.test.app.publicRoutes.exact['/.well-known/jwks.json']?.(new Request(PUBLIC_URL), null)
  keys = (await published?.json()) as Keys
  const answer = await stage.expect('OK', undefined, 'forward', { lines: [bearer(stage.wallet.key)] })
  assertion = answer.headers.get('countersign-assertion') ?? ''
})
afterAll(() => stage.close())

const checkedBy = (resource: string, text: string | null, issuer = PUBLIC_URL, secondsLater = 0) => {
  const now = () => new Date(stage.test.clock.now.getTime() + secondsLater * 1000)
  const headers = new Headers(text === null ? {} : { 'Countersign-Assertion': text })
  return assertionVerifier({ issuer, resource, keys, now })(headers)
}
const WEBDAV = 'https://webdav.example.com'

test('FWD-26 an assertion is believed at its resource', async () => {
  expect(await checkedBy(WEBDAV, assertion)).toMatchObject({
    outcome: 'allow',
    principal: { kind: 'client', id: 'canister' },
  })
})

test('FWD-26 identity headers that a caller sends are never answered', async () => {
  const lines: Line[] = [
    bearer(stage.wallet.key),
    ['Remote-User', 'admin'],
    ['Remote-Groups', 'admins'],
    ['Countersign-Assertion', 'forged.forged.forged'],
  ]
  const { headers } = await stage.expect('OK', undefined, 'forward', { lines })
  expect(headers.get('remote-user')).toBe('client:canister')
  expect(headers.get('remote-groups')).toBe('clients')
})

const refusals: [what: string, code: string, check: () => ReturnType<typeof checkedBy>][] = [
  ['none', 'credential_missing', () => checkedBy(WEBDAV, null)],
  ['one for another resource', 'credential_unknown', () => checkedBy('https://forge.example.com', assertion)],
  ['one of another issuer', 'credential_unknown', () => checkedBy(WEBDAV, assertion, 'https://evil.test')],
  ['one a minute later', 'credential_expired', () => checkedBy(WEBDAV, assertion, PUBLIC_URL, 61)],
  ['two of them', 'credential_malformed', () => checkedBy(WEBDAV, `${assertion}, ${assertion}`)],
  ['one with padding', 'credential_malformed', () => checkedBy(WEBDAV, `${assertion}=`)],
  ['one without its signature', 'credential_malformed', () => checkedBy(WEBDAV, assertion.replace(/[^.]+$/, ''))],
  ['one with another claim', 'credential_unknown', () => checkedBy(WEBDAV, resigned({ sub: 'client:admin' }))],
  ['an unsigned one', 'credential_unknown', () => checkedBy(WEBDAV, resigned({}, { alg: 'none' }))],
  ['another kind of JWT by the same key', 'credential_unknown', () => checkedBy(WEBDAV, resigned({}, { typ: 'JWT' }))],
]
for (const [what, code, check] of refusals) {
  test(`FWD-26 an upstream that is shown ${what} refuses`, async () => {
    expect(await check()).toMatchObject({ outcome: 'deny', code })
  })
}

const ways: [how: string, line: (text: string) => Line][] = [
  ['Bearer', bearer],
  ['a password', (text) => basic(`x:${text}`)],
  ['X-Api-Key', (text) => ['X-Api-Key', text]],
]
for (const [how, line] of ways) {
  test(`FWD-26 an assertion is no credential as ${how}, at any resource`, async () => {
    for (const host of ['webdav.example.com', 'intranet.example.com']) {
      const asks = { host, uri: '/pub/page' }
      for (const dialect of ['forward', 'nginx'] as const) {
        await stage.expect('T401', 'credential_kind_refused', dialect, { asks, lines: [line(assertion)] })
      }
    }
  })
}

test('FWD-26 an assertion is no credential at the management API', async () => {
  expect((await stage.test.api('GET', '/api/v1/me', undefined, assertion)).status).toBe(401)
})

/** The assertion with other claims or another header, and the signature that it had. */
function resigned(claims: object, header: object = {}): string {
  const [head = '', payload = '', signature = ''] = assertion.split('.')
  const changed = (part: string, change: object) =>
    Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(part, 'base64url').toString()), ...change })).toString(
      'base64url',
    )
  return `${changed(head, header)}.${changed(payload, claims)}.${signature}`
}
