// The client library on Node: the built package in a Node process of its own, against servers of this one.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildLibrary } from '../../scripts/build.ts'
import { freePort } from '../support/loopback.ts'

const folder = mkdtempSync(join(tmpdir(), 'client-on-node-'))
const built = join(folder, 'client')
beforeAll(() => buildLibrary('client', built))

/** Each request, as «server method path authorization», and the bodies of the token requests. */
const seen: string[] = []
const tokenRequests: URLSearchParams[] = []

const elsewhere = serve((request) => {
  saw('elsewhere', request)
  return new Response('elsewhere')
})
const issuer = serve(async (request) => {
  const { pathname } = new URL(request.url)
  if (pathname === '/.well-known/oauth-authorization-server') {
    return Response.json({ issuer: issuer.origin, token_endpoint: `${issuer.origin}/oauth/token` })
  }
  const number = tokenRequests.push(new URLSearchParams(await request.text()))
  if (tokenRequests.at(-1)?.get('client_secret') === 'hunter2') {
    return Response.json({ error: 'invalid_client', error_description: 'hunter2 is wrong' }, { status: 401 })
  }
  return Response.json({ access_token: `token-${number}`, token_type: 'Bearer', expires_in: 600 })
})
const resource = serve(async (request) => {
  saw('resource', request)
  const { pathname } = new URL(request.url)
  if (pathname === '/away') return Response.redirect(elsewhere.origin, 302)
  if (pathname === '/moved') return Response.redirect('/a', 307)
  const isRefused = pathname === '/refuses-first' && request.headers.get('authorization')?.endsWith('-1')
  return new Response(await request.text(), { status: isRefused ? 401 : 200 })
})
afterAll(async () => {
  for (const { stop } of [elsewhere, issuer, resource]) await stop()
  rmSync(folder, { recursive: true })
})

function serve(answer: (request: Request) => Response | Promise<Response>) {
  const listener = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer })
  return { origin: `http://127.0.0.1:${listener.port}`, stop: () => listener.stop(true) }
}

function saw(server: string, { method, url, headers }: Request): void {
  seen.push(`${server} ${method} ${new URL(url).pathname} ${headers.get('authorization')}`)
}

/** Runs a program on Node and returns the JSON value that it prints. */
async function onNode(program: string): Promise<unknown> {
  seen.length = 0
  tokenRequests.length = 0
  const file = join(folder, 'program.mjs')
  const names = 'apiKey, clientSecretPost, createFetch, fileTokenSource, privateKeyJwt, tokenFile, tokenSource'
  const known = { issuer: issuer.origin, clientId: 'canister' }
  writeFileSync(
    file,
    `import { inspect } from 'node:util'
    import { ${names} } from '${join(built, 'index.js')}'
    const known = ${JSON.stringify(known)}, resource = '${resource.origin}'
    const print = (value) => console.log(JSON.stringify(value))
    ${program}`,
  )
  const node = Bun.spawn(['node', file], { stdout: 'pipe', stderr: 'pipe' })
  const [out, errors] = await Promise.all([new Response(node.stdout).text(), new Response(node.stderr).text()])
  expect(errors.replace(/\(node:\d+\) ExperimentalWarning: .*Ed25519.*\n\(Use .*\n/, '')).toBe('')
  return JSON.parse(out)
}

test('a token is found, kept, replaced when it is refused, and sent with the same body', async () => {
  const answers = await onNode(`
    const fetch = createFetch(tokenSource({ ...known, authentication: clientSecretPost('right') }))
    const request = () => new Request(resource + '/refuses-first', { method: 'POST', body: 'again' })
    const answers = []
    for (const one of [request(), request(), resource + '/a']) {
      const answer = await fetch(one)
      answers.push([answer.status, await answer.text()])
    }
    print(answers)`)
  expect(answers).toEqual([
    [200, 'again'],
    [200, 'again'],
    [200, ''],
  ])
  expect(seen).toEqual([
    'resource POST /refuses-first Bearer token-1',
    'resource POST /refuses-first Bearer token-2',
    'resource POST /refuses-first Bearer token-2',
    'resource GET /a Bearer token-2',
  ])
  expect(tokenRequests.length).toBe(2)
})

test('a redirect takes the token along on the same origin alone', async () => {
  const answers = await onNode(`
    const fetch = createFetch(apiKey('k'))
    const moved = await fetch(resource + '/moved', { method: 'PUT', body: 'body' })
    const away = await fetch(new Request(resource + '/away'))
    print([await moved.text(), await away.text()])`)
  expect(answers).toEqual(['body', 'elsewhere'])
  expect(seen).toEqual([
    'resource PUT /moved Bearer k',
    'resource PUT /a Bearer k',
    'resource GET /away Bearer k',
    'elsewhere GET / null',
  ])
})

test('a stream is sent once, and not again when it was refused, but another token is got', async () => {
  const status = await onNode(`
    const fetch = createFetch(tokenSource({ ...known, authentication: clientSecretPost('right') }))
    const body = new Blob(['once']).stream()
    print((await fetch(resource + '/refuses-first', { method: 'POST', body, duplex: 'half' })).status)`)
  expect([status, seen.length, tokenRequests.length]).toEqual([401, 1, 2])
})

test('a bundle for browsers asks for nothing of Node', async () => {
  const { success, outputs } = await Bun.build({ entrypoints: [join(built, 'index.js')], target: 'browser' })
  const text = (await outputs[0]?.text()) ?? ''
  expect(success && text.includes('createFetch')).toBe(true)
  expect(text).not.toMatch(/\brequire\(|(from|import\()\s*["']node:/)
})

test('assertions are signed with each algorithm', async () => {
  const algorithms = await onNode(`
    const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }
    const algorithms = {
      ES256: { name: 'ECDSA', namedCurve: 'P-256' },
      EdDSA: { name: 'Ed25519' },
      RS256: { name: 'RSASSA-PKCS1-v1_5', ...rsa },
      PS256: { name: 'RSA-PSS', ...rsa },
    }
    for (const [alg, algorithm] of Object.entries(algorithms)) {
      const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
      const jwk = await crypto.subtle.exportKey('jwk', privateKey)
      const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey)).toString('base64')
      const pem = '-----BEGIN PRIVATE KEY-----\\n' + der + '\\n-----END PRIVATE KEY-----\\n'
      for (const key of [privateKey, jwk, pem]) {
        await tokenSource({ ...known, authentication: privateKeyJwt({ key, alg }) }).token()
      }
    }
    print(Object.keys(algorithms))`)
  const signedWith = tokenRequests.map((body) => {
    const [header = ''] = (body.get('client_assertion') ?? '').split('.')
    return JSON.parse(Buffer.from(header, 'base64url').toString()).alg
  })
  expect(signedWith).toEqual((algorithms as string[]).flatMap((alg) => [alg, alg, alg]))
})

test('the token of a file is sent as it is, or traded', async () => {
  const path = join(folder, 'token')
  writeFileSync(path, 'aaa.bbb.ccc\n')
  const texts = await onNode(`
    const path = '${path}'
    const own = await fileTokenSource({ path }).token()
    const traded = await tokenSource({ ...known, authentication: tokenFile(path) }).token()
    print([own.token, traded.token])`)
  expect(texts).toEqual(['aaa.bbb.ccc', 'token-1'])
  expect(tokenRequests[0]?.get('client_assertion')).toBe('aaa.bbb.ccc')
})

test('neither error nor token shows what is secret, and a server that is gone is named', async () => {
  const shown = (await onNode(`
    const source = tokenSource({ ...known, authentication: clientSecretPost('hunter2') })
    const refused = await source.token().catch((error) => error)
    const token = await tokenSource({ ...known, authentication: clientSecretPost('right') }).token()
    const wait = async () => undefined
    const gone = { issuer: 'http://127.0.0.1:${freePort()}', clientId: 'a', authentication: clientSecretPost('hunter2'), wait }
    const unreachable = await tokenSource(gone).token().catch((error) => error)
    const all = { depth: null, showHidden: true }
    print([refused, source, token, unreachable].map((one) => inspect(one, all) + JSON.stringify(one)))`)) as string[]
  expect(shown.join('\n')).not.toMatch(/hunter2|token-\d/)
  expect(shown[0]).toContain('invalid_client: [removed] is wrong (status 401)')
  expect(shown[3]).toContain('did not answer (ECONNREFUSED)')
})

test('nothing that runs behind the calls keeps a program alive', async () => {
  const timers = await onNode(`
    await tokenSource({ ...known, authentication: clientSecretPost('right') }).token()
    print(process.getActiveResourcesInfo().filter((name) => name === 'Timeout'))`)
  expect(timers).toEqual([])
})
