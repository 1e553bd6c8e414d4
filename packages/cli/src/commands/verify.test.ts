import { describe, expect, test } from 'bun:test'
import { formatCredential, writeAccessTokenClaims } from '@countersign/resource-server'
import { NOW, ran } from '../testing/test-terminal.ts'

const KEY = formatCredential('key', new Uint8Array(32).fill(7))

// `ran` splits at spaces and knows no quotes: credentials hold neither.
const verify = (token: string, stdin = '', flags = '') => ran(`verify ${token}${flags}`, { stdin })

test('a key is told by its form, and what that does not mean', async () => {
  const { code, out } = await verify(KEY)
  expect(code).toBe(0)
  expect(out).toContain('Well formed: an API key')
  expect(out).toContain('says nothing of whether it was issued, is live')
})

test.each([
  ['pat', 'a personal access token'],
  ['at', 'an access token'],
  ['secret', 'a client secret'],
] as const)('%s is %s', async (kind, words) => {
  expect((await verify(formatCredential(kind, new Uint8Array(32)))).out).toContain(words)
})

test('one changed character is found without asking anyone', async () => {
  const { code, out } = await verify(`${KEY.slice(0, -1)}${KEY.endsWith('0') ? '1' : '0'}`)
  expect(code).toBe(1)
  expect(out).toStartWith('Mistyped or cut')
})

test('what is not ours is said to be so', async () => {
  const { code, out } = await verify('ghp_0123456789')
  expect(code).toBe(1)
  expect(out).toStartWith('Not a credential that Countersign issues')
})

test('the credential may come from stdin, and is never shown', async () => {
  const { code, out, err } = await verify('-', `${KEY}\n`)
  expect(code).toBe(0)
  expect(out + err).not.toContain(KEY)
  expect((await verify('-', '')).code).toBe(2)
})

test('for programs', async () => {
  expect(JSON.parse((await verify(KEY, '', ' --json')).out)).toMatchObject({ kind: 'key', well_formed: true })
  expect(JSON.parse((await verify('x', '', ' --json')).out)).toMatchObject({ kind: null, well_formed: false })
})

test.each(['', ' --credential-stdin'])(
  'without an argument (%p) it is read from stdin, so that none stands in one',
  async (flag) => {
    expect(await ran(`verify${flag}`, { stdin: `${KEY}\n` })).toMatchObject({ code: 0 })
    expect((await ran(`verify${flag}`)).code).toBe(2)
  },
)

test('a person is asked for it without its being shown, and what stands twice is a mistake', async () => {
  const { code, out, err } = await ran('verify', { secrets: [KEY] })
  expect({ code, shown: (out + err).includes(KEY) }).toEqual({ code: 0, shown: false })
  expect((await ran(`verify ${KEY} --credential-stdin`, { stdin: KEY })).code).toBe(2)
})

test('a client secret is for the token endpoint, and nothing else is advised', async () => {
  const { out } = await verify(formatCredential('secret', new Uint8Array(32)))
  expect(out).toContain('countersign token --client')
  expect(out).not.toContain('explain')
})

describe('a JWT', () => {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = (expiresInSeconds: number, scope = 'files:read') =>
    writeAccessTokenClaims(
      {
        ...{ jti: 'at_01JABCDEFGHJKMNPQRSTVWXYZ0', subject: 'client:canister', clientId: 'canister' },
        ...{ audience: 'https://webdav.example.com', resource: 'webdav', scopes: [scope, 'files:write'] },
        ...{ projects: null, networks: [], ancestors: ['secret_01JABCDEFGHJKMNPQRSTVWXYZ0'], revision: 7 },
        ...{
          issuedAt: new Date(NOW.getTime() - 600_000),
          expiresAt: new Date(NOW.getTime() + expiresInSeconds * 1000),
        },
      },
      'https://auth.example.com',
    )
  const jwt = (payload: object, typ = 'at+jwt') =>
    `${encode({ alg: 'ES256', typ, kid: 'k' })}.${encode(payload)}.${'A'.repeat(86)}`

  test('of ours says what it says, as something that nobody has checked, and how to have it checked', async () => {
    const { code, out, err } = await ran('verify', { stdin: `${jwt(claims(300))}\n` })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    for (const said of [
      'an access token (JWT)',
      'https://auth.example.com',
      'canister',
      'webdav (https://webdav.example.com)',
      'files:read files:write',
      'expires   2030-01-01T12:05:00Z (in 5 minutes)',
      'Not verified: its signature is not checked here',
      'countersign explain GET <url> --credential-stdin',
    ]) {
      expect(out).toContain(said)
    }
    expect(out).not.toContain('AAAA')
    const json = JSON.parse((await ran('verify --json', { stdin: jwt(claims(300)) })).out)
    expect(json).toMatchObject({
      kind: 'at',
      well_formed: true,
      unverified: { client: 'canister', resource: 'webdav' },
    })
  })

  test('that has expired is said to have, and what it says steers no terminal', async () => {
    const { out } = await ran('verify', { stdin: jwt(claims(-60, 'a\u001b[2J')) })
    expect(out).toContain('expired   2030-01-01T11:59:00Z (60 seconds ago)')
    expect(out).not.toContain('\u001b')
  })

  test.each([
    [
      'of another issuer',
      jwt({ iss: 'https://idp.example', sub: 'x' }, 'JWT'),
      'that says it is of https://idp.example',
    ],
    ['without an issuer', jwt({ sub: 'x' }), 'of an issuer that it does not name'],
    ['for another purpose', jwt(claims(300), 'countersign-assertion+jwt'), 'of type countersign-assertion+jwt'],
  ])('%s is none of our access tokens', async (_which, token, says) => {
    const { code, out } = await ran('verify', { stdin: token })
    expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining(says) })
  })
})
