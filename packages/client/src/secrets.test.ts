// Nothing secret can be read off anything that a program may log: every object that callers hold, and every error.
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import {
  apiKey,
  type ClientAuthentication,
  clientSecretBasic,
  clientSecretPost,
  createFetch,
  type Fetch,
  fileTokenSource,
  privateKeyJwt,
  tokenFile,
  tokenSource,
} from './index.ts'
import {
  failureOf,
  refusal,
  type Script,
  startAuthorizationServer,
  tokenAnswer,
} from './testing/authorization-server.ts'

const SECRET = 'hunter2 é%:/"'
const TOKEN = 'cs_at_hunter2'
const folder = mkdtempSync(join(tmpdir(), 'client-'))
const path = join(folder, 'token')
writeFileSync(path, 'aaa.hunter2.ccc')
afterAll(() => rmSync(folder, { recursive: true }))

const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
const jwk = await crypto.subtle.exportKey('jwk', privateKey)

const authentications: Record<string, ClientAuthentication> = {
  client_secret_basic: clientSecretBasic(SECRET),
  client_secret_post: clientSecretPost(async () => SECRET),
  private_key_jwt: privateKeyJwt({ key: jwk, alg: 'ES256' }),
  'a token file': tokenFile(path),
}

/** Everything that a program can get out of a value without calling it. */
function shown(value: unknown): string {
  const deep = { depth: null, showHidden: true, getters: false, maxArrayLength: null, maxStringLength: null }
  const stack = value instanceof Error ? [value.stack, value.message, shown(value.cause)] : []
  return [inspect(value, deep), Bun.inspect(value), String(value), JSON.stringify(value), ...stack].join('\n')
}

/** What was sent, and what each of its parts means. */
const sent = new Set<string>(['hunter2', jwk.d ?? '', TOKEN])

function expectNothingIn(value: unknown): void {
  // Bun shows the source of this very file around an error; that is no leak.
  const text = shown(value).replaceAll(/^\s*\d+ \|.*$/gm, '')
  for (const secret of sent) expect(text).not.toContain(secret)
}

/** Sends back all that it was sent, in every member that it has. */
const telltale: Script = ({ headers, body }) => {
  const authorization = headers.get('authorization') ?? ''
  const basic = atob(authorization.replace('Basic ', ''))
  const [, password] = basic.split(':')
  const pair = authorization.slice('Basic '.length)
  const parts = [body.get('client_secret'), body.get('client_assertion'), authorization, pair, basic, password]
  const known = parts.filter((part) => typeof part === 'string' && part !== '') as string[]
  for (const part of known) sent.add(part)
  if (password !== undefined) known.push(decodeURIComponent(password.replaceAll('+', ' ')))
  const words = known.join(' and ')
  return refusal(401, `denied ${known[0]}`, { 'Countersign-Decision': encodeURIComponent(words) }, `You sent ${words}.`)
}

for (const [name, authentication] of Object.entries(authentications)) {
  test(`with ${name} a refusal that repeats what was sent does not tell it on`, async () => {
    const server = startAuthorizationServer(telltale)
    const source = tokenSource({ issuer: server.issuer, clientId: 'canister', authentication })
    const error = await failureOf(() => source.token())
    await server.stop()
    expectNothingIn(error)
    expect(String(error)).toMatch(/You sent .*\[removed\].* \(status 401\)$/)
  })

  test(`with ${name} neither source, fetch, token nor authentication shows anything`, async () => {
    const server = startAuthorizationServer((asked, number) => tokenAnswer(asked, number, { access_token: TOKEN }))
    const source = tokenSource({ issuer: server.issuer, clientId: 'canister', authentication })
    const token = await source.token()
    await server.stop()
    expect(token.token).toBe(TOKEN)
    const ofPlainFunctions = [authentication, createFetch(source)].map((one) => inspect(one))
    for (const value of [source, token, { ...token }, structuredClone({ ...token }), ofPlainFunctions]) {
      expectNothingIn(value)
    }
  })

  test(`with ${name} a runtime whose errors hold the request does not get them out`, async () => {
    const gossip: Fetch = async (input, init) => {
      const request = { input, headers: [...new Headers(init?.headers)], body: String(init?.body) }
      sent.add(new URLSearchParams(request.body).get('client_assertion') ?? TOKEN)
      throw Object.assign(new TypeError(`cannot send ${JSON.stringify(request)}`), { request, code: 'hunter2 é' })
    }
    const options = { issuer: 'https://auth.example.com', tokenEndpoint: 'https://auth.example.com/token?key=hunter2' }
    const wait = async () => undefined
    const source = tokenSource({ ...options, clientId: 'canister', authentication, fetch: gossip, wait })
    const error = await failureOf(() => source.token())
    expect(error).toMatchObject({ description: 'https://auth.example.com/token did not answer' })
    expectNothingIn(error)
  })
}

test('a decision whose id is the secret is not told', async () => {
  const server = startAuthorizationServer(() => refusal(401, 'invalid_client', { 'Countersign-Decision': 'hunter2' }))
  const authentication = clientSecretPost('hunter2')
  expectNothingIn(await failureOf(() => tokenSource({ issuer: server.issuer, clientId: 'a', authentication }).token()))
  await server.stop()
})

test('an answer that is no token answer does not get its token told', async () => {
  const answers = [{ token_type: TOKEN }, { scope: [TOKEN] }, { expires_in: TOKEN }, { access_token: `${TOKEN}\n` }]
  for (const members of answers) {
    const server = startAuthorizationServer((asked, number) =>
      tokenAnswer(asked, number, { access_token: TOKEN, ...members }),
    )
    const source = tokenSource({ issuer: server.issuer, clientId: 'a', authentication: clientSecretPost('hunter2') })
    expectNothingIn(await failureOf(() => source.token()))
    await server.stop()
  }
})

test('keys and tokens of files are not shown by their sources either', async () => {
  for (const source of [apiKey('cs_key_hunter2'), fileTokenSource({ path })]) {
    const token = await source.token()
    expect(token.token).toContain('hunter2')
    for (const value of [source, token]) expectNothingIn(value)
  }
})
