// Getting access tokens, from a real server: each way of showing which client it is, and what a refusal is told as.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RealServer, startRealServer } from '../testing/real-server.ts'
import type { Ran, World } from '../testing/test-terminal.ts'

const WEBDAV = 'https://webdav.example.com'
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+\n$/

const keys = {
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ed25519: generateKeyPairSync('ed25519'),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
const pem = (key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1' = 'pkcs8') => String(key.export({ format: 'pem', type }))
const jwk = (key: KeyObject, more: object) => ({ ...key.export({ format: 'jwk' }), ...more })
const JWKS = {
  keys: [
    jwk(keys.ec.publicKey, { kid: 'ec', alg: 'ES256' }),
    jwk(keys.ed25519.publicKey, { kid: 'ed', alg: 'EdDSA' }),
    jwk(keys.rsa.publicKey, { kid: 'rsa', alg: 'RS256' }),
  ],
}

let server: RealServer
let secret: string

beforeAll(async () => {
  server = await startRealServer()
  for (const line of [
    `resource create webdav --identifier ${WEBDAV} --scope files:read --scope files:write`,
    'client create canister',
    'client create signer',
    'permission create --client canister --resource webdav --scope files:read --scope files:write',
    'permission create --client signer --resource webdav --scope files:read',
  ]) {
    expect(await server.run(line)).toMatchObject({ code: 0 })
  }
  const change = { jwks: JWKS, token_endpoint_auth_methods: ['private_key_jwt'] }
  const files = { 'x.json': JSON.stringify(change) }
  expect(await server.run('client update signer --file x.json', { files })).toMatchObject({ code: 0 })
  secret = (await server.run('secret create canister')).out
})
afterAll(() => server.stop())

/** Without the key of an administrator: whoever gets tokens has none. */
function run(line: string, world: World = {}): Promise<Ran> {
  return server.run(line, { ...world, env: { COUNTERSIGN_KEY: '', ...world.env } })
}

/** A token of `canister` as its platform would sign it. */
function platformToken(claims: object): string {
  const iat = Math.floor(Date.now() / 1000)
  const said = { iss: 'https://cluster.example.com', sub: 'canister', iat, exp: iat + 600, ...claims }
  const encoded = [{ alg: 'ES256', kid: 'ec' }, said].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  const input = encoded.join('.')
  return `${input}.${sign('sha256', Buffer.from(input), { key: keys.ec.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

test.each<[string, () => World]>([
  ['--secret-file canister.secret', () => ({ files: { 'canister.secret': secret } })],
  ['--secret-file -', () => ({ stdin: secret })],
  ['', () => ({ env: { COUNTERSIGN_CLIENT_SECRET: secret.trimEnd() } })],
  ['', () => ({ secrets: [secret.trimEnd()] })],
])('a secret by %p gets a token, alone on stdout', async (option, world) => {
  const { code, out, err } = await run(`token --client canister${option && ` ${option}`}`, world())
  expect({ code, failure: code === 0 ? '' : err }).toEqual({ code: 0, failure: '' })
  expect(out).toMatch(JWT)
  expect(claimsOf(out)).toMatchObject({ client_id: 'canister', aud: WEBDAV, scope: 'files:read files:write' })
  expect(err).toContain('Access token for the default resource: files:read files:write; expires: ')
  expect(out + err).not.toContain(secret.trimEnd())
})

test.each<[string, string]>([
  ['--key-id ec', pem(keys.ec.privateKey)],
  ['--key-id ec', pem(keys.ec.privateKey, 'sec1')],
  ['--key-id ed', pem(keys.ed25519.privateKey)],
  ['--key-id rsa', pem(keys.rsa.privateKey, 'pkcs1')],
  ['', JSON.stringify(jwk(keys.ec.privateKey, { kid: 'ec' }))],
  ['', JSON.stringify(jwk(keys.ed25519.privateKey, { kid: 'ed' }))],
])('a private key with %p gets a token (%#)', async (option, key) => {
  const line = `token --client signer --private-key-file signer.key${option && ` ${option}`}`
  const { code, out, err } = await run(line, { files: { 'signer.key': key } })
  expect({ code, failure: code === 0 ? '' : err }).toEqual({ code: 0, failure: '' })
  expect(claimsOf(out)).toMatchObject({ client_id: 'signer', scope: 'files:read' })
})

test('two keys in PEM are registered side by side, and each signs under the kid that was told', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const files = {
    'a.pem': pem(keys.ec.privateKey),
    'b.pem': pem(other.privateKey),
  }
  const { err } = await server.run(
    'client create pair --auth-method private_key_jwt --jwks-file a.pem --jwks-file b.pem',
    {
      files,
    },
  )
  await server.run('permission create --client pair --resource webdav --scope files:read')
  const kids = [...err.matchAll(/^The kid of the key in (\S+): (\S+)$/gm)].map(([, file, kid]) => [file, kid])
  expect(kids.map(([file]) => file)).toEqual(['a.pem', 'b.pem'])
  for (const [file, kid] of kids) {
    const { out } = await run(`token --client pair --private-key-file ${file} --key-id ${kid}`, { files })
    expect(out).toMatch(JWT)
  }
  expect((await run('token --client pair --private-key-file a.pem', { files })).code).toBe(5)
})

test('the token of a file is shown as the assertion that it is, and gets the client of its trust rule a token', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-token-'))
  const path = join(dir, 'token')
  const declared = {
    issuers: [
      {
        name: 'cluster',
        issuer: 'https://cluster.example.com',
        algorithms: ['ES256'],
        jwks: { keys: JWKS.keys.slice(0, 1) },
      },
    ],
    trust_rules: [{ name: 'canister', issuer: 'cluster', match: { sub: 'canister' }, as: { client: 'canister' } }],
  }
  const files = { 'cluster.yaml': JSON.stringify(declared) }
  expect(await server.run('apply -f cluster.yaml', { files })).toMatchObject({ code: 0 })
  writeFileSync(path, `${platformToken({ aud: server.url })}\n`)
  expect((await run(`token --client canister --token-file ${path}`)).out).toMatch(JWT)
  writeFileSync(path, `${platformToken({ aud: WEBDAV })}\n`)
  const { code, err } = await run(`token --client canister --token-file ${path}`)
  expect(code).toBe(5)
  expect(err).toContain('(401 invalid_client)')
  expect((await run(`token --client canister --token-file ${path}.gone`)).code).toBe(2)
  rmSync(dir, { recursive: true })
})

test('a token is for the resource and the scopes that were asked for; --json has all that is known', async () => {
  const line = `token --client canister --resource ${WEBDAV} --scope files:read --json`
  const { out, err } = await run(line, { env: { COUNTERSIGN_CLIENT_SECRET: secret.trimEnd() } })
  const answer = JSON.parse(out)
  expect(answer).toMatchObject({ token_type: 'Bearer', scope: 'files:read', resource: WEBDAV, expires_in: 600 })
  expect(claimsOf(answer.access_token)).toMatchObject({ scope: 'files:read', aud: WEBDAV })
  expect(Math.abs(Date.parse(answer.expires_at) / 1000 - claimsOf(answer.access_token).exp)).toBeLessThan(5)
  expect(err).toBe('')
})

test('behind another address a token comes from the endpoint that was named, and without one it is said how', async () => {
  const env = { COUNTERSIGN_CLIENT_SECRET: secret.trimEnd(), COUNTERSIGN_SERVER: 'https://auth.example.com' }
  const internal = await run(`token --client canister --token-endpoint ${server.url}/oauth/token`, { env })
  expect(internal.out).toMatch(JWT)
  const other = { ...env, COUNTERSIGN_SERVER: server.url.replace('127.0.0.1', 'localhost') }
  const { code, err } = await run('token --client canister', { env: other })
  expect(code).toBe(1)
  expect(err).toContain(`names another issuer than ${other.COUNTERSIGN_SERVER}: ${server.url}`)
  expect(err).toContain('--token-endpoint')
})

test.each([
  ['', 'cs_secret_wrong', 5, '(401 invalid_client)'],
  ['--resource https://nowhere.example', undefined, 1, `It may ask for: ${WEBDAV} (400 invalid_target)`],
  ['--scope files:delete', undefined, 1, '(400 invalid_scope)'],
])(
  'a refusal (%s) tells its code, its words and the decision that why explains',
  async (option, wrong, status, says) => {
    const env = { COUNTERSIGN_CLIENT_SECRET: wrong ?? secret.trimEnd() }
    const { code, out, err } = await run(`token --client canister${option && ` ${option}`}`, { env })
    expect({ code, out }).toEqual({ code: status, out: '' })
    expect(err).toStartWith('countersign: No token: ')
    expect(err).toContain(says)
    const [line = '', decision = ''] = /countersign (why dec_\w+)/.exec(err)?.toReversed() ?? []
    expect(decision).toStartWith('countersign why dec_')
    expect((await server.run(line)).out).toContain('refused')
    expect(err).not.toContain(env.COUNTERSIGN_CLIENT_SECRET)
  },
)

test('whoever gets a token needs no key of the management API, and nothing about one can be wrong', async () => {
  const env = { COUNTERSIGN_CLIENT_SECRET: secret.trimEnd(), COUNTERSIGN_KEY: '', COUNTERSIGN_KEY_FILE: 'gone' }
  expect((await run('token --client canister', { env })).out).toMatch(JWT)
})

test('a server that is not there is told as everywhere else', async () => {
  const env = { COUNTERSIGN_SERVER: 'http://127.0.0.1:1', COUNTERSIGN_CLIENT_SECRET: 'x' }
  const { code, err } = await run('token --client canister', { env })
  const listing = await server.run('client list', { env })
  expect([code, listing.code]).toEqual([4, 4])
  const help = '\n  Start one: countersign serve\n  Name another: --server <url> or COUNTERSIGN_SERVER\n'
  expect([err, listing.err]).toEqual([expect.stringContaining(help), expect.stringContaining(help)])
})

const files = { 'a.key': 'no key', 'b.json': '{"kty":"EC","d":"secret-part"}', empty: '' }

test.each([
  ['token', "required option '--client <id>' not specified"],
  ['token --client canister', 'Expected one of --secret-file, --private-key-file and --token-file (- for stdin), or'],
  ['token --client canister --secret cs_secret_x', "unknown option '--secret'"],
  ['token --client canister --secret-file empty', 'there is nothing in empty'],
  ['token --client canister --secret-file empty --token-file empty', 'not several'],
  ['token --client canister --key-id a', '--key-id names the key of --private-key-file'],
  ['token --client canister --key-file a.key', 'Expected --private-key-file'],
  ['token --client canister --private-key-file a.key', '--private-key-file: expected an unencrypted private key'],
  ['token --client canister --private-key-file b.json', '--private-key-file: expected an unencrypted private key'],
  ['token --client canister --private-key-file gone', '--private-key-file: the file gone cannot be read'],
])('%s is a mistake, and nothing of a secret is repeated', async (line, says) => {
  const { code, err } = await run(line, { files })
  expect(code).toBe(2)
  expect(err).toContain(says)
  expect(err).not.toContain('secret-part')
})

test.each([
  ['--scope a~b', '--scope: expected at least one'],
  ['--server http://auth.example.com', '--server or COUNTERSIGN_SERVER: expected an https: URL'],
  ['--token-endpoint http://auth.example.com', '--token-endpoint: expected an https: URL'],
])('%s: no secret is sent', async (option, says) => {
  const { code, err } = await run(`token --client canister ${option}`, { env: { COUNTERSIGN_CLIENT_SECRET: 'x' } })
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(says) })
})

test('an empty variable is no secret, and nobody is asked for another', async () => {
  const { code, err } = await run('token --client canister', { env: { COUNTERSIGN_CLIENT_SECRET: '' }, secrets: ['x'] })
  expect({ code, err }).toEqual({ code: 2, err: 'countersign: COUNTERSIGN_CLIENT_SECRET is set, but empty.\n' })
})
