// P8: no secret in the database, logs, metrics, errors or answers. A server is put to work; then every byte that it
// left behind or said is searched for every secret of the run.
import { Database } from 'bun:sqlite'
import { createPrivateKey } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { formatCredential } from '@countersign/resource-server'
import { sealWith } from '../../packages/server/src/keys/seal.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { rawRequest } from '../support/raw-http.ts'
import { Teardown } from '../support/teardown.ts'
import { Connection } from './connection.ts'
import { type Outcome, type Progress, Violations } from './outcome.ts'
import { workWithTokens } from './token-traces.ts'

const HOST = 'webdav.example.com'
/** The hint shows the last four characters; nothing longer may be found. Eight are never there by chance. */
const FRAGMENT = 8

type Secret = { readonly name: string; readonly bytes: Uint8Array }
type Haystack = { readonly name: string; readonly bytes: Buffer }

/** Looks for all fragments of all secrets, in plain, base64 at each of its three offsets, base64url and hex. */
class Needles {
  readonly #bySize = new Map<number, Map<string, string>>()
  /** The first three bytes of all needles: nearly every place is passed over by them alone. */
  readonly #starts = new Uint8Array(1 << 24)
  count = 0

  add({ name, bytes }: Secret): void {
    const text = Buffer.from(bytes)
    this.#addWindows(text.toString('latin1'), FRAGMENT, name, 'in plain')
    for (const encoding of ['hex', 'base64', 'base64url'] as const) {
      if (encoding === 'hex') {
        this.#addWindows(text.toString('hex'), 2 * FRAGMENT, name, 'in hex')
        this.#addWindows(text.toString('hex').toUpperCase(), 2 * FRAGMENT, name, 'in hex')
        continue
      }
      for (const offset of [0, 1, 2]) {
        // What stands before and after it shares characters with its edges: these are left out.
        const encoded = Buffer.concat([Buffer.alloc(offset), text])
          .toString(encoding)
          .replace(/=+$/, '')
        this.#addWindows(encoded.slice(offset === 0 ? 0 : offset + 1, -1), FRAGMENT + 4, name, `in ${encoding}`)
      }
    }
  }

  /** What is found in a haystack, without showing it. */
  find({ name, bytes }: Haystack): string[] {
    const found = new Set<string>()
    for (let at = 0; at + FRAGMENT <= bytes.length; at++) {
      if (this.#starts[startOf(bytes, at)] === 0) continue
      for (const [size, needles] of this.#bySize) {
        const secret = needles.get(bytes.toString('latin1', at, at + size))
        if (secret !== undefined) found.add(`${secret} is in ${name}`)
      }
    }
    return [...found]
  }

  #addWindows(text: string, size: number, name: string, form: string): void {
    const needles = this.#bySize.get(size) ?? new Map<string, string>()
    this.#bySize.set(size, needles)
    for (let at = 0; at + size <= text.length; at++) {
      const needle = text.slice(at, at + size)
      needles.set(needle, `${name}, ${form},`)
      this.#starts[startOf(Buffer.from(needle, 'latin1'), 0)] = 1
      this.count++
    }
  }
}

function startOf(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
}

/**
 * What nobody else may have: of what we issue, all but prefix and hint; of a signed JWT its signature, since its claims
 * are worth nothing without and are told to whoever it identifies.
 */
function secretPartOf(text: string): Uint8Array {
  if (text.startsWith('cs_')) return Buffer.from(text.replace(/^cs_[a-z]+_/, '').slice(0, -4), 'latin1')
  return Buffer.from(/^ey[^.]*\.[^.]*\.([^.]*)$/.exec(text)?.[1] ?? text, 'latin1')
}

/** What the management API may say that is looked at here. */
type Told = { id?: string; key?: string; secret?: string; items?: unknown }

/** A server at work, with everything that was ever shown to it or by it. */
export class Exercise {
  readonly secrets: Secret[] = []
  readonly heard: Haystack[] = []
  #count = 0

  constructor(
    private readonly server: CountersignServer,
    private readonly connection: Connection,
    private readonly proxySecret: string,
  ) {}

  keep(name: string, key: string): string {
    this.secrets.push({ name, bytes: secretPartOf(key) })
    return key
  }

  hear(what: string, text: string): void {
    this.heard.push({ name: `the answer to ${what}`, bytes: Buffer.from(text, 'latin1') })
  }

  /** Makes a call. The answer that shows a new key is the only one that may: what is left of it is heard. */
  async call(method: string, path: string, body?: unknown, key = this.server.bootstrapKey) {
    const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
    const text = body === undefined ? undefined : JSON.stringify(body)
    const answer = await this.connection.request(method, `/api/v1${path}`, headers, text)
    const parsed = (answer.body === '' ? {} : JSON.parse(answer.body)) as Told
    const { key: shownKey, secret, ...rest } = parsed
    const shown = shownKey ?? secret
    if (shown !== undefined) this.keep(`key ${this.secrets.length}`, shown)
    this.hear(`${method} ${path}`, `${answer.head}\n${shown === undefined ? answer.body : JSON.stringify(rest)}`)
    return { status: answer.status, ...parsed }
  }

  /** Posts to an OAuth endpoint, as from another address each time: no failure is to be throttled. */
  async post(
    path: string,
    form: Readonly<Record<string, string>> | string,
    headers: Readonly<Record<string, string>> = {},
    what = 'a form',
  ) {
    const sent = {
      'Content-Type': 'application/x-www-form-urlencoded',
      'Countersign-Proxy-Secret': this.proxySecret,
      'X-Forwarded-For': `198.51.100.${this.heard.length % 256}`,
      ...headers,
    }
    const body = typeof form === 'string' ? form : String(new URLSearchParams(form))
    const answer = await this.connection.request('POST', path, sent, body)
    const isJson = /\r\ncontent-type: application\/json/i.test(answer.head)
    const { access_token, ...rest } = (isJson ? JSON.parse(answer.body) : {}) as { access_token?: string }
    const told = access_token === undefined ? answer.body : JSON.stringify(rest)
    this.hear(`POST ${path.replace(/[?].*|(?<=\/oauth\/[a-z]+)\/.*/, '')} with ${what}`, `${answer.head}\n${told}`)
    return { access_token, decision: /\r\ncountersign-decision: (\S+)/i.exec(answer.head)?.[1], status: answer.status }
  }

  async newKey(body: Record<string, unknown> = {}) {
    const { status, id, key } = await this.call('POST', '/clients/canister/keys', body)
    if (status !== 201 || id === undefined || key === undefined) throw new Error(`a key could not be made: ${status}`)
    return { id, key }
  }

  /** Asks as a proxy. Returns the id of the decision, which refusals alone have. */
  async ask(what: string, headers: Record<string, string>, changed: Record<string, string> = {}) {
    const answer = await this.connection.request('GET', '/verify/forward', {
      'X-Forwarded-Method': 'GET',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': HOST,
      'X-Forwarded-Uri': '/films',
      'X-Forwarded-For': '192.0.2.1',
      'Countersign-Proxy-Secret': this.proxySecret,
      ...headers,
      ...changed,
    })
    this.hear(what, `${answer.head}\n${answer.body}\n${claimsIn(answer.head)}`)
    this.#count++
    return /\r\ncountersign-decision: (\S+)/i.exec(answer.head)?.[1]
  }

  async asks(what: string, credential: string): Promise<(string | undefined)[]> {
    const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const shown: Record<string, string>[] = [
      { Authorization: `Bearer ${credential}` },
      { Authorization: `bearer ${credential}` },
      { Authorization: basic('git', credential) },
      { Authorization: basic('someone', credential) },
      { Authorization: basic(credential, '') },
      { Authorization: basic(credential, credential) },
      { 'X-Api-Key': credential },
      { Authorization: `Bearer ${credential}`, 'X-Api-Key': credential },
      { Authorization: credential },
      { Authorization: `Bearer ${credential}x` },
      { Authorization: `Bearer ${credential.slice(0, -1)}` },
      { Authorization: `Token ${credential}` },
      { Cookie: `session=${credential}` },
    ]
    const ids = []
    for (const headers of shown) ids.push(await this.ask(`${what} in ${Object.keys(headers).join()}`, headers))
    // Where no credential belongs, and where people put them all the same.
    const misplaced: Record<string, string>[] = [
      { 'X-Forwarded-Uri': `/films?access_token=${credential}` },
      { 'X-Forwarded-Uri': `/films#${credential}` },
      { 'X-Forwarded-Uri': `/${credential}/films` },
      { 'X-Forwarded-Uri': `/films/%63${credential.slice(1)}` },
      { 'X-Forwarded-Uri': `/films/../${credential}` },
      { 'X-Forwarded-Host': `user:${credential}@${HOST}` },
      { 'X-Forwarded-Method': credential },
      { 'X-Forwarded-Proto': credential },
      { 'X-Forwarded-For': credential },
      { 'X-Forwarded-Method': 'COPY', Destination: `https://${HOST}/${credential}` },
      { 'X-Forwarded-Method': 'COPY', Destination: `https://user:${credential}@${HOST}/x` },
    ]
    for (const headers of misplaced) ids.push(await this.ask(`${what} in ${Object.keys(headers).join()}`, headers))
    for (const headers of misplaced) {
      const both = { Authorization: `Bearer ${credential}` }
      ids.push(await this.ask(`${what} in ${Object.keys(headers).join()} and as bearer`, both, headers))
    }
    return ids
  }

  get count(): number {
    return this.#count + this.heard.length
  }
}

/** The claims of the assertion in an answer, so that they are searched in plain, too. */
function claimsIn(head: string): string {
  const jwt = /\r\ncountersign-assertion: (\S+)/i.exec(head)?.[1] ?? ''
  return jwt
    .split('.')
    .slice(0, 2)
    .map((part) => Buffer.from(part, 'base64url').toString())
    .join('\n')
}

/** Does everything that there is to do with secrets. */
async function work(it: Exercise, server: CountersignServer, proxySecret: string): Promise<void> {
  const rules = [
    { path: '/public/**', require: { public: true } },
    { path: '/**', require: { scopes: ['files:read'] } },
  ]
  await it.call('POST', '/resources', {
    name: 'webdav',
    identifier: `https://${HOST}`,
    hosts: [HOST],
    scopes: ['files:read'],
    rules,
  })
  await it.call('POST', '/groups', { name: 'media' })
  await it.call('POST', '/clients', { id: 'canister', name: 'Canister', groups: ['media'] })
  await it.call('POST', '/permissions', { group: 'media', resource: 'webdav', scopes: ['files:read'] })
  const admin = await it.call('POST', '/clients', { id: 'robot', name: 'Robot' })
  if (admin.status === 201) {
    await it.call('POST', '/permissions', { client: 'robot', resource: 'countersign', roles: ['admin'] })
    const own = await it.call('POST', '/clients/robot/keys', { resources: ['countersign'] })
    const minted = await it.call('POST', '/clients/robot/keys', { resources: ['countersign'] }, own.key)
    await it.call('GET', '/me', undefined, minted.key)
    await it.call('POST', `/credentials/${own.id}/revoke`, { reason: 'a trial' })
    await it.call('GET', '/me', undefined, minted.key)
  }

  const decisions: (string | undefined)[] = await workWithTokens(it, HOST, server.url)
  const live = await it.newKey({ name: 'live' })
  decisions.push(...(await it.asks('a live key', live.key)))
  const narrowed = await it.newKey({ resources: ['webdav'], networks: ['198.51.100.0/24'], expires_in_seconds: 3600 })
  decisions.push(...(await it.asks('a key from elsewhere', narrowed.key)))
  const old = await it.newKey()
  const rotated = await it.call('POST', `/credentials/${old.id}/rotate`, { overlap_seconds: 0 })
  decisions.push(...(await it.asks('a key that was replaced', old.key)))
  decisions.push(...(await it.asks('its successor', rotated.key ?? '')))
  const revoked = await it.newKey()
  await it.call('POST', `/credentials/${revoked.id}/revoke`, { reason: 'leaked' })
  decisions.push(...(await it.asks('a revoked key', revoked.key)))
  const unknown = it.keep('a key of another server', formatCredential('key', random(32)))
  decisions.push(...(await it.asks('a key of another server', unknown)))
  decisions.push(
    ...(await it.asks('a client secret', it.keep('a client secret', formatCredential('secret', random(32))))),
  )
  decisions.push(...(await it.asks('the bootstrap key', server.bootstrapKey)))
  decisions.push(...(await it.asks('the proxy secret', proxySecret)))
  const foreign = it.keep('a foreign token', `ghp_${alphanumeric(40)}`)
  decisions.push(...(await it.asks('a foreign token', foreign)))
  const jwt = `eyJhbGciOiJFUzI1NiJ9.${Buffer.from(JSON.stringify({ sub: alphanumeric(40) })).toString('base64url')}.${alphanumeric(86)}`
  decisions.push(...(await it.asks('a foreign JWT', it.keep('a foreign JWT', jwt.slice(40)) && jwt)))
  decisions.push(
    await it.ask(
      'a wrong proxy secret',
      {},
      { 'Countersign-Proxy-Secret': it.keep('a wrong proxy secret', alphanumeric(48)) },
    ),
  )

  for (const credential of [live.key, revoked.key, unknown, server.bootstrapKey, foreign, proxySecret]) {
    await it.call('POST', '/explain', { method: 'GET', url: `https://${HOST}/films`, credential })
    await it.call('POST', '/explain', { method: 'GET', url: `https://${HOST}/films?token=${credential}`, credential })
    await it.call('POST', '/explain', { method: 'GET', url: `https://${HOST}/films`, credential_id: credential })
    await it.call('POST', '/explain', { method: credential, url: credential, credential, wrong: credential })
    // People paste the key where its id belongs.
    await it.call('GET', `/credentials/${credential}`)
    await it.call('POST', `/credentials/${credential}/revoke`, { reason: 'leaked' })
    await it.call('POST', `/credentials/${credential}/rotate`, {})
    await it.call('GET', `/credentials?owner=${credential}`)
    await it.call('GET', `/decisions?credential=${credential}`)
    await it.call('GET', `/decisions/${credential}`)
    await it.call('GET', `/clients/${credential}/keys?access_token=${credential}`)
    await it.call('POST', `/clients/canister/keys`, { key: credential, scopes: credential, resources: [credential] })
    await it.call('POST', '/permissions', { client: credential, resource: credential, scopes: [credential] })
    await it.call('GET', '/me', undefined, credential)
    await it.call('GET', '/me', undefined, `${credential}x`)
  }
  await it.call('POST', `/credentials/${narrowed.id}/revoke`, { family: true })
  for (const path of [
    '/credentials',
    '/clients',
    '/clients/canister/keys',
    '/permissions',
    '/resources',
    '/me',
    '/openapi.json',
  ]) {
    await it.call('GET', path)
  }
  for (const id of decisions) if (id !== undefined) await it.call('GET', `/decisions/${id}`)
  await it.call('GET', '/decisions?limit=100')
}

async function listen(it: Exercise, server: CountersignServer, proxySecret: string): Promise<void> {
  for (const path of [
    '/healthz',
    '/readyz',
    '/metrics',
    '/.well-known/jwks.json',
    '/',
    `/nowhere?key=${server.bootstrapKey}`,
  ]) {
    const answer = await rawRequest(Number(server.address.split(':')[1]), [
      `GET ${path} HTTP/1.1`,
      `Host: ${server.address}`,
      'Connection: close',
      `Countersign-Proxy-Secret: ${proxySecret}`,
    ])
    if (path === '/metrics' && answer.status !== 200) throw new Error(`/metrics: ${answer.status}`)
    it.hear(`GET ${path.replace(/\?.*/, '')}`, `${[...answer.headers].join('\n')}\n${answer.body}`)
  }
}

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const alphanumeric = (length: number) =>
  Array.from(random(length), (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('')

/** The two keys that rest in the data directory: each may be found in its own place alone. */
async function innerSecrets(dataDir: string): Promise<Secret[]> {
  const kekText = (await readFile(join(dataDir, 'kek'), 'utf8')).trim()
  const kek = Buffer.from(kekText, 'base64')
  const file = new Database(join(dataDir, 'countersign.db'), { readonly: true })
  const row = file.query('select kid, private_sealed from signing_key').get() as { kid: string; private_sealed: string }
  file.close()
  const opened = sealWith(kek, random).open(row.private_sealed, `signing-key:${row.kid}`)
  if (opened === undefined) throw new Error('the signing key could not be opened')
  const { d } = createPrivateKey({ key: Buffer.from(opened), format: 'der', type: 'pkcs8' }).export({ format: 'jwk' })
  return [
    { name: 'the key-encryption key', bytes: kek },
    { name: 'the private signing key', bytes: Buffer.from(d ?? '', 'base64url') },
  ]
}

async function filesIn(dataDir: string, when: string): Promise<Haystack[]> {
  const names = (await readdir(dataDir)).filter((name) => name !== 'kek')
  return Promise.all(
    names.map(async (name) => ({ name: `the file ${name}, ${when}`, bytes: await readFile(join(dataDir, name)) })),
  )
}

/** Files and directory are for their owner alone. */
async function checkModes(dataDir: string, violations: Violations): Promise<number> {
  const names = ['.', ...(await readdir(dataDir))]
  for (const name of names) {
    const { mode } = await stat(join(dataDir, name))
    const expected = name === '.' ? 0o700 : 0o600
    if ((mode & 0o777) !== expected) {
      violations.add(`${name} has mode ${(mode & 0o777).toString(8)}, not ${expected.toString(8)}`)
    }
  }
  return names.length
}

/** Puts a server to work and searches what it left behind. */
export async function trySearch(progress: Progress = () => undefined): Promise<Outcome> {
  const violations = new Violations()
  const teardown = new Teardown()
  try {
    const home = await teardown.temporaryDirectory('p8')
    const dataDir = join(home, 'data')
    const bootstrapKey = alphanumeric(48)
    const proxySecret = alphanumeric(48)
    const start = () =>
      startCountersign(dataDir, {
        HOME: home,
        COUNTERSIGN_BOOTSTRAP_KEY: bootstrapKey,
        COUNTERSIGN_PROXY_SECRET: proxySecret,
        COUNTERSIGN_LOG_LEVEL: 'debug',
      })
    const started = await start()
    const server = { ...started, bootstrapKey }
    const connection = await Connection.open(server.address)
    const it = new Exercise(server, connection, proxySecret)
    it.keep('the bootstrap key', bootstrapKey)
    it.keep('the proxy secret', proxySecret)
    await work(it, server, proxySecret)
    progress(it.count, 0)
    await listen(it, server, proxySecret)
    // What waits to be written is written within a second.
    await Bun.sleep(1500)
    let checked = await checkModes(dataDir, violations)
    const running = await filesIn(dataDir, 'while it runs')
    const inner = await innerSecrets(dataDir)
    connection.close()
    await server.stop()
    checked += await checkModes(dataDir, violations)
    const left = await filesIn(dataDir, 'after the end')

    const needles = new Needles()
    for (const secret of [...it.secrets, ...inner]) needles.add(secret)
    const haystacks = [
      ...running,
      ...left,
      { name: 'the log', bytes: Buffer.from(server.log(), 'latin1') },
      ...it.heard,
    ]
    proveThatItFinds(needles, it.secrets)
    for (const haystack of haystacks) for (const found of needles.find(haystack)) violations.add(found)
    const bytes = haystacks.reduce((sum, haystack) => sum + haystack.bytes.length, 0)
    return {
      trials: haystacks.length + checked,
      violations: violations.list(),
      notes: [
        `${it.secrets.length + inner.length} secrets, ${needles.count} fragments of them, in ${bytes} bytes`,
        `${running.length + left.length} files, ${it.heard.length} answers, ${server.log().length} bytes of log`,
      ],
    }
  } finally {
    await teardown.run()
  }
}

/** A search that finds nothing proves something only if it would find something. */
function proveThatItFinds(needles: Needles, secrets: readonly Secret[]): void {
  for (const { name, bytes } of secrets) {
    const text = Buffer.from(bytes)
    const forms = [
      text.toString('latin1').slice(3, 3 + FRAGMENT),
      `xx${text.toString('hex')}`,
      ...['', 'x', 'xx'].map((user) => Buffer.from(`${user}${text.toString('latin1')}yyy`).toString('base64')),
    ]
    for (const form of forms) {
      if (needles.find({ name: 'a test', bytes: Buffer.from(`....${form}....`) }).length === 0) {
        throw new Error(`the search would not find ${name}`)
      }
    }
  }
}
