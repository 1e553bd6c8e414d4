// The library says the same on Node as on Bun: the same calls, answered by the built package and by the source.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import * as library from '@countersign/resource-server'
import fc from 'fast-check'
import { buildLibrary } from '../../scripts/build.ts'
import { PUBLIC_URL, startApp, tokenFor, withSecret, withWebdav } from '../support/app.ts'
import { encode, forgeOf, publishedKeys, twinOf } from '../support/forging.ts'

type Call = { readonly name: string; readonly args: readonly unknown[] }

async function onNode(calls: readonly Call[]): Promise<unknown[]> {
  await buildLibrary('resource-server')
  const node = Bun.spawn(['node', join(import.meta.dir, 'answer-calls.mjs')], {
    stdin: new Blob([JSON.stringify(calls)]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, errors] = await Promise.all([new Response(node.stdout).text(), new Response(node.stderr).text()])
  expect(errors).toBe('')
  return JSON.parse(out) as unknown[]
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))

test('parsers and extraction answer alike on Node and on Bun', async () => {
  const key = library.formatCredential('key', new Uint8Array(32).fill(9))
  const text = fc.oneof(fc.string({ maxLength: 40 }), fc.stringMatching(/^\/[a-z%./;0-9A-F]{0,24}$/))
  const targets = [...fc.sample(text, 500), '/a/../b', '/a%2e%2e/b', '//x', '/%ff', '/ok?x=/../', '/a%252e']
  const hosts = [...fc.sample(fc.oneof(fc.domain(), fc.ipV4(), fc.string({ maxLength: 20 })), 200), 'A.Test.:8443']
  const tokens = [key, key.slice(0, -1), `${key.slice(0, 20)}x${key.slice(21)}`, 'cs_key_', 'foreign', '']
  const headers = [
    {},
    { authorization: `Bearer ${key}` },
    { authorization: `bearer  ${key}` },
    { authorization: `Basic ${btoa(`git:${key}`)}` },
    { authorization: `Bearer ${key}`, 'x-api-key': key },
    { authorization: 'Bearer' },
    { authorization: 'Digest abc' },
    { 'x-api-key': key },
    { 'x-own': key, authorization: 'Bearer theirs' },
  ]
  const sources = [{ foreign: 'reject' }, { foreign: 'pass' }, { foreign: 'reject', header: 'x-own' }]
  const calls: Call[] = [
    ...targets.map((target) => ({ name: 'parseRequestTarget', args: [target] })),
    ...hosts.map((host) => ({ name: 'parseHost', args: [host, 'https'] })),
    ...tokens.map((token) => ({ name: 'parseIssuedCredential', args: [token] })),
    ...['10.0.0.0/8', '::1', '1.2.3.4/33', 'x'].map((network) => ({ name: 'parseNetwork', args: [network] })),
    ...['/**', '/git/:project.git/**', '/a//b'].map((path) => ({ name: 'compileRulePath', args: [path] })),
    ...headers.flatMap((sent) => sources.map((from) => ({ name: 'extractCredential', args: [sent, from] }))),
  ]
  const here = calls.map(({ name, args }) => {
    if (name === 'extractCredential') {
      const [sent, from] = args as [Record<string, string>, library.CredentialSources]
      return plain(library.extractCredential(new Headers(sent), from, library.parseIssuedCredential))
    }
    const call = (library as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[name]
    return plain(call?.(...args))
  })
  expect(await onNode(calls)).toEqual(here)
})

test('an upstream on Node believes the assertion of the server, and nothing else', async () => {
  const app = await startApp()
  const { key } = await withWebdav(app)
  const allowed = await app.ask({ headers: { authorization: `Bearer ${key}` } })
  const assertion = allowed.headers.get('countersign-assertion') ?? ''
  const keys = await publishedKeys(app)
  const options = { issuer: PUBLIC_URL, resource: 'https://webdav.example.com', keys, now: app.clock.now }
  const sent = { 'countersign-assertion': assertion }
  const later = new Date(app.clock.now.getTime() + 61_000)
  const who = await onNode([
    { name: 'assertionVerifier', args: [options, sent] },
    { name: 'assertionVerifier', args: [{ ...options, resource: 'https://other.example.com' }, sent] },
    { name: 'assertionVerifier', args: [{ ...options, now: later }, sent] },
    { name: 'assertionVerifier', args: [options, {}] },
    { name: 'assertionVerifier', args: [options, { 'countersign-assertion': `${assertion.slice(0, -2)}AA` }] },
    { name: 'assertionVerifier', args: [options, { 'countersign-assertion': `${assertion}=` }] },
    { name: 'refusalResponse', args: [library.deny('credential_missing'), 'webdav'] },
  ])
  await app.close()
  expect(who[0]).toMatchObject({
    outcome: 'allow',
    principal: { kind: 'client', id: 'canister', name: 'Canister' },
    scopes: ['files:read', 'files:write'],
    groups: ['media', 'clients'],
    projects: null,
  })
  expect(who.slice(1, 6).map((caller) => (caller as { code: string }).code)).toEqual([
    'credential_unknown',
    'credential_expired',
    'credential_missing',
    'credential_unknown',
    'credential_malformed',
  ])
  expect(who[6]).toMatchObject({ status: 401, body: 'Authentication is required.\n' })
})

test('an API on Node believes the access tokens of the server, and nothing else', async () => {
  const app = await startApp()
  await withWebdav(app)
  const { headers } = await withSecret(app, 'canister', { networks: ['192.0.2.0/24', '127.0.0.1/32'] })
  const confined = await tokenFor(app, headers)
  const forge = forgeOf(app, confined)
  const live = forge.signed({ networks: undefined })
  const keys = await publishedKeys(app)
  const options = { issuer: PUBLIC_URL, resource: 'https://webdav.example.com', keys, now: app.clock.now }
  const later = new Date(app.clock.now.getTime() + 600_000)
  const unsigned = `${encode({ ...forge.header, alg: 'none' })}.${encode(forge.claims)}.${live.split('.')[2]}`
  const opaque = library.formatCredential('at', new Uint8Array(32).fill(9))
  const check = (text: string | undefined, other: object = {}) => ({
    name: 'accessTokenVerifier',
    args: [{ ...options, ...other }, text === undefined ? {} : { authorization: `Bearer ${text}` }],
  })
  // Each is asked of Node; the source answers the same on Bun.
  const calls: [Call, string][] = [
    [check(live), 'allow'],
    [check(twinOf(live)), 'allow'],
    [check(undefined), 'credential_missing'],
    [check(confined), 'client_address_unknown'],
    [check(`${live}=`), 'token_malformed'],
    [check(`${live.slice(0, -2)}AA`), 'token_unverified'],
    [check(unsigned), 'token_unverified'],
    [check(forge.signed({ exp: undefined })), 'token_unverified'],
    [check(forge.signed({}, { typ: 'JWT' })), 'credential_kind_refused'],
    [check(opaque), 'credential_kind_refused'],
    [check('cs_at_short'), 'credential_mistyped'],
    [check('somebody-elses'), 'credential_foreign'],
    [check(live, { resource: 'https://other.example.com' }), 'audience_refused'],
    [check(live, { issuer: 'https://other.example.com' }), 'credential_foreign'],
    [check(live, { now: later }), 'credential_expired'],
    [check(live, { keys: { keys: [] } }), 'token_unverified'],
  ]
  const answers = await onNode(calls.map(([call]) => call))
  for (const [at, [{ args }, expected]] of calls.entries()) {
    const [{ now, ...rest }, sent] = args as [typeof options, Record<string, string>]
    const here = await library.accessTokenVerifier({ ...rest, now: () => now })(new Headers(sent))
    const codeOf = (said: object) => ('code' in said ? said.code : 'allow')
    expect([at, codeOf(here), codeOf(answers[at] as object)]).toEqual([at, expected, expected])
  }
  await app.close()
  expect(answers[0]).toEqual({
    outcome: 'allow',
    principal: { kind: 'client', id: 'canister', name: 'canister' },
    clientId: 'canister',
    scopes: ['files:read', 'files:write'],
    projects: null,
    credential: String(forge.claims.jti),
    expiresAt: later.toISOString(),
  })
})
