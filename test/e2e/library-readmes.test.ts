// The READMEs of the libraries, word for word: their programs are compiled, and run against a real server and a service
// that is made of what they show. Only addresses and paths are those of the test.

import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OwnCredential, OwnOwner } from '@countersign/resource-server'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { signedBy, strangersKey } from '../support/forging.ts'
import { ROOT } from '../support/guide.ts'
import { change } from '../support/people.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const ISSUER = 'https://auth.example.com'
const USAGE = 'https://usage.example.com'
const IDP = 'https://idp.example.com'

type Block = { readonly library: string; readonly language: string; readonly file: string; readonly text: string }
type EveryKind = {
  readonly respond: Respond
  readonly keys: Map<string, OwnCredential>
  readonly people: Map<string, OwnOwner>
}
type Respond = (request: Request, account: string) => Promise<Response>

const blocks: Block[] = ['client', 'resource-server'].flatMap((library) => {
  const readme = readFileSync(join(ROOT, 'packages', library, 'README.md'), 'utf8')
  const found = [...readme.matchAll(/^```(\w+)(?: file=(\S+))?\n([\s\S]*?)^```$/gm)]
  return found.map(([, language = '', file = '', text = '']) => ({ library, language, file, text }))
})
const programs = blocks.filter(({ language }) => language === 'ts')
const used = new Set<string>()

describe('the READMEs of the libraries', () => {
  const teardown = new Teardown()
  let server: CountersignServer
  let folder: string
  let secret: string
  let key: string
  let open: string
  let proxied: string
  let idp: string
  const idpKey = strangersKey()
  beforeAll(async () => {
    folder = await teardown.temporaryDirectory('readmes')
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    server = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(server.stop)
    open = serve(async (request) => (await respondOf('without-a-proxy.ts'))(request, accountOf(request)))
    idp = serve(async ({ url }) =>
      Response.json(url.endsWith('/keys') ? { keys: [idpKey.jwk] } : { issuer: idp, jwks_uri: `${idp}/keys` }),
    )
    proxied = serve(async (request) => (await respondOf('behind-a-proxy.ts'))(await passed(request), ''))

    const scopes = ['usage:read']
    const rules = [{ methods: ['GET'], path: '/accounts/:project', require: { scopes } }]
    await server.make('/resources', { name: 'usage', identifier: open, hosts: ['usage.example.com'], scopes, rules })
    await server.make('/clients', { id: 'billing' })
    await server.make('/permissions', { client: 'billing', resource: 'usage', scopes })
    secret = String((await server.make('/clients/billing/secrets', {})).secret)
    key = String((await server.make('/clients/billing/keys', {})).key)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const serve = (answer: (request: Request) => Promise<Response>): string => {
    const listener = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer })
    teardown.add(() => listener.stop(true))
    return `http://127.0.0.1:${listener.port}`
  }
  const accountOf = ({ url }: Request) => new URL(url).pathname.split('/').at(-1) ?? ''
  /** What a proxy passes on: the request without the credential, and the assertion that Countersign answered. */
  const passed = async ({ url, headers }: Request) => {
    const asked = await fetch(`${server.url}/verify/forward`, {
      headers: {
        ...{ 'x-forwarded-method': 'GET', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'usage.example.com' },
        ...{ 'x-forwarded-uri': new URL(url).pathname, authorization: headers.get('authorization') ?? '' },
      },
    })
    const assertion = asked.headers.get('countersign-assertion')
    return new Request(url, { headers: assertion === null ? {} : { 'countersign-assertion': assertion } })
  }
  /** Writes a program where the libraries are found, for this server and, in place of the example's, that service. */
  const placed = async (name: string, service = open) => {
    used.add(name)
    const text = programs.find(({ file }) => file === name)?.text
    if (text === undefined) throw new Error(`no README has a program ${name}`)
    const path = join(folder, name)
    await writeFile(
      path,
      text
        .replaceAll(ISSUER, server.url)
        .replaceAll(IDP, idp)
        .replaceAll(`${USAGE}/`, `${service}/`)
        .replaceAll(USAGE, open),
    )
    return path
  }
  /** A token of the identity provider for the service. */
  const tokenOfIdp = (claims: object) => {
    const now = Math.floor(Date.now() / 1000)
    const said = { iss: idp, sub: 'machine-7', aud: open, iat: now, exp: now + 300, ...claims }
    return signedBy(idpKey.privateKey, { alg: 'ES256', kid: idpKey.jwk.kid }, said)
  }
  const respondOf = async (name: string) => ((await import(await placed(name))) as { respond: Respond }).respond
  const printedBy = async (name: string, service = open) => {
    const env = { BILLING_SECRET: secret, USAGE_KEY: key }
    const done = await run([process.execPath, await placed(name, service)], { cwd: folder, env })
    expect(done).toMatchObject({ exitCode: 0, stderr: '' })
    return done.stdout
  }
  const bearer = (credential: string) => ({ headers: { authorization: `Bearer ${credential}` } })

  test(
    'compile under the strictest settings',
    async () => {
      const sources = await teardown.temporaryDirectory('readme-types')
      await symlink(join(ROOT, 'node_modules'), join(sources, 'node_modules'))
      await writeFile(join(sources, 'package.json'), '{"type":"module"}')
      for (const { file, text } of programs) await writeFile(join(sources, file), text)
      const options = { extends: join(ROOT, 'tsconfig.json'), include: [join(sources, '*.ts')] }
      await writeFile(join(sources, 'tsconfig.json'), JSON.stringify(options))
      const done = await run([join(ROOT, 'node_modules/.bin/tsc'), '--noEmit', '-p', sources], { cwd: sources })
      expect(done).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    },
    PATIENCE_MS,
  )

  test(
    'a call with the secret is answered by the service that checks tokens',
    async () => {
      expect(await printedBy('call.ts')).toBe('200 {"account":"acme","by":"billing"}\n')
    },
    PATIENCE_MS,
  )

  test(
    'that service refuses who brings no token, another credential, or too small a token',
    async () => {
      const ask = async (init: RequestInit = {}) => (await fetch(`${open}/accounts/acme`, init)).status
      const narrow = await server.make('/clients/billing/secrets', { resources: ['usage'], projects: ['apex'] })
      const confined = await fetch(`${server.url}/oauth/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`billing:${narrow.secret}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      })
      const { access_token } = (await confined.json()) as { access_token: string }
      expect([await ask(), await ask(bearer(key)), await ask(bearer(access_token))]).toEqual([401, 401, 403])
      expect((await fetch(`${open}/accounts/apex`, bearer(access_token))).status).toBe(200)
    },
    PATIENCE_MS,
  )

  test(
    'an API key reaches the service behind a proxy, which believes the assertion alone',
    async () => {
      expect(await printedBy('api-key.ts', proxied)).toBe('200\n')
      const answer = await fetch(`${proxied}/accounts/acme`, bearer(key))
      expect(await answer.json()).toEqual({ by: 'billing', scopes: ['usage:read'], projects: null })
      expect((await fetch(`${proxied}/accounts/acme`)).status).toBe(401)
    },
    PATIENCE_MS,
  )

  test(
    'an API of its own believes its identity provider by groups, and its static key',
    async () => {
      process.env.NIGHTLY_KEY = 'a-static-key-of-forty-characters-0123456'
      const respond = await respondOf('protect.ts')
      const ask = async (credential: string) => {
        const answer = await respond(new Request(`${open}/any`, bearer(credential)), '')
        return answer.status === 200 ? answer.json() : answer.status
      }
      expect(await ask(tokenOfIdp({ groups: ['usage-readers'] }))).toEqual({ by: 'workload', roles: ['READER'] })
      expect(await ask(process.env.NIGHTLY_KEY)).toEqual({ by: 'client', roles: ['READER'] })
      expect(await ask(tokenOfIdp({ groups: ['READER'] }))).toBe(403)
      expect(await ask(tokenOfIdp({ groups: ['usage-readers'], aud: 'https://other.example.com' }))).toBe(401)
      expect(await ask('nobodys')).toBe(401)
    },
    PATIENCE_MS,
  )

  test(
    'an API of its own believes every kind of credential, and leaves the rest to its login',
    async () => {
      await server.make('/clients', { id: 'usage' })
      process.env.INTROSPECTION_SECRET = String((await server.make('/clients/usage/secrets', {})).secret)
      await change(server, '/resources/usage', { introspectors: ['usage'] })
      const program = (await import(await placed('every-kind.ts'))) as EveryKind
      const own = 'usage_0123456789abcdef'
      const digest = createHash('sha256').update(own).digest('hex')
      const credential = {
        id: 'k1',
        owner: 'alice',
        scopes: null,
        projects: ['acme'],
        expiresAt: null,
        revokedAt: null,
      }
      program.keys.set(digest, credential)
      const rights = { disabled: false, roles: [], scopes: ['usage:read'] }
      program.people.set('alice', { kind: 'user', id: 'alice', name: 'Alice', ...rights })
      const ask = async (account: string, init: RequestInit = {}) => {
        const answer = await program.respond(new Request(`${open}/accounts/${account}`, init), account)
        return answer.status === 200 ? answer.json() : answer.status
      }
      const log = spyOn(console, 'log').mockImplementation(() => {})
      expect(await ask('acme', bearer(key))).toEqual({ account: 'acme', by: 'client' })
      expect(await ask('acme', bearer(tokenOfIdp({})))).toEqual({ account: 'acme', by: 'client' })
      expect(await ask('acme', bearer(own))).toEqual({ account: 'acme', by: 'user' })
      expect([await ask('apex', bearer(own)), await ask('acme', bearer('nobodys'))]).toEqual([403, 401])
      expect(await ask('acme', { headers: { cookie: 'session=1' } })).toBe(302)
      expect(log.mock.calls.map(([outcome, code]) => code ?? outcome)).toEqual([
        ...['allow', 'allow', 'allow', 'allow', 'credential_foreign', 'continue'],
      ])
      log.mockRestore()
    },
    PATIENCE_MS,
  )

  test(
    'a refusal at the token endpoint tells what the comments say',
    async () => {
      const [first, second] = (await printedBy('refused.ts')).split('\n')
      const [, says] = /console\.log\(code.*\/\/ (.*)$/m.exec(readFileSync(join(folder, 'refused.ts'), 'utf8')) ?? []
      expect(first).toBe(says as string)
      const found = await server.countersign(...(second ?? '').split(' ').slice(1))
      expect(found).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('client_unauthenticated') })
    },
    PATIENCE_MS,
  )

  test(
    'a refusal by the library is the one that the comment says',
    async () => {
      const [, says] = /\/\/ (.*)$/m.exec(readFileSync(await placed('log.ts'), 'utf8')) ?? []
      expect(await printedBy('log.ts')).toBe(`${says}\n`)
    },
    PATIENCE_MS,
  )

  test(
    'a key pair gets a token for the scopes that were asked for',
    async () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const pem = privateKey.export({ format: 'pem', type: 'pkcs8' })
      await writeFile(join(folder, 'billing.key'), pem)
      const jwk = { ...createPublicKey(pem).export({ format: 'jwk' }), kid: 'billing-1' }
      const methods = ['client_secret_basic', 'private_key_jwt']
      await change(server, '/clients/billing', { jwks: { keys: [jwk] }, token_endpoint_auth_methods: methods })
      expect(await printedBy('key-pair.ts')).toMatch(/^true \d{4}-\S+Z \[ "usage:read" \]\n$/)
    },
    PATIENCE_MS,
  )

  test('every block is run; what installs a library names it', () => {
    const installs = blocks.filter(({ language }) => language === 'sh')
    expect(installs.map(({ text }) => text)).toEqual(
      installs.map(({ library }) => `npm install @countersign/${library}\n`),
    )
    const rest = blocks.filter(({ language, file }) => language !== 'sh' && !used.has(file))
    expect([installs.length, rest]).toEqual([2, []])
  })

  test('each option of the code is named', () => {
    const optionsOf = (source: string, type: string) => {
      const text = readFileSync(join(ROOT, 'packages', source), 'utf8')
      const body = new RegExp(`export type ${type} = [^{]*\\{\n([\\s\\S]*?)^\\}`, 'm').exec(text)?.[1] ?? ''
      return [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name = '']) => name)
    }
    const rows: [string, string, string, string[]][] = [
      ['client', 'token-source.ts', 'TokenSourceOptions', ['now', 'random', 'wait']],
      ['client', 'create-fetch.ts', 'CreateFetchOptions', []],
      ['resource-server', 'issuer-keys.ts', 'IssuerKeysOptions', []],
      ['resource-server', 'protect-options.ts', 'ProtectOptions', []],
      ['resource-server', 'protect-resource.ts', 'ProtectResourceOptions', []],
      ['resource-server', 'protect-issuers.ts', 'ProtectIssuerOptions', []],
      ['resource-server', 'protect-countersign.ts', 'CountersignOptions', []],
      ['resource-server', 'own-store.ts', 'OwnStoreOptions', []],
      ['resource-server', 'static-keys.ts', 'StaticKeyOptions', []],
    ]
    for (const [library, source, type, forTests] of rows) {
      const readme = readFileSync(join(ROOT, 'packages', library, 'README.md'), 'utf8')
      const options = optionsOf(`${library}/src/${source}`, type)
      expect(options.length).toBeGreaterThan(2)
      const missing = options.filter((name) => !forTests.includes(name) && !readme.includes(`\`${name}\``))
      expect([type, missing]).toEqual([type, []])
    }
  })
})
