// The real app without sockets: an in-memory database or, with TEST_ENGINE=postgres, one of PostgreSQL, a clock that the test moves, log lines captured.
import { type App, composeApp, parseConfig } from '@countersign/server'
import { databaseOf } from '../../packages/server/src/store/testing/engines.ts'

export const BOOTSTRAP_KEY = 'bootstrap-key-of-the-tests-0123456789abcdef'
export const PUBLIC_URL = 'http://127.0.0.1:8420'
export const KEK = Buffer.alloc(32, 7).toString('base64')

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> }

/** What a proxy asks; what is left out is what an honest Caddy would send for GET / at webdav.example.com. */
export type Question = {
  readonly method?: string
  readonly proto?: string
  readonly host?: string
  readonly uri?: string
  /** X-Forwarded-For, or X-Real-IP with nginx. */
  readonly from?: string
  /** Further headers; null removes one that would be set. */
  readonly headers?: Readonly<Record<string, string | null>>
  /** Address of the proxy; null: a unix socket. */
  readonly peer?: string | null
}

/** Parameters in their order, or the body as it goes over the wire. */
export type OAuthForm = Readonly<Record<string, string>> | readonly (readonly [string, string])[] | string
export type OAuthSent = {
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
  readonly query?: string
  readonly peer?: string | null
  readonly listener?: 'public' | 'internal'
}

/** The Authorization header of `client_secret_basic`. */
export function basicOf(id: string, secret: string): Readonly<Record<string, string>> {
  const encode = (text: string) => encodeURIComponent(text).replaceAll('%20', '+')
  return { Authorization: `Basic ${btoa(`${encode(id)}:${encode(secret)}`)}` }
}

export type TestApp = {
  readonly app: App
  readonly logLines: string[]
  readonly clock: {
    now: Date
    advance(ms: number): void
    /** How far the monotonic clock is ahead of the real one: what waits for a while, waits no longer. */
    monotonicAheadMs: number
    /** From now on the monotonic clock moves only with `monotonicAheadMs`. */
    stopMonotonic(): void
  }
  /** Calls the management API, as the bootstrap key if no other is given; null: with no key. */
  api(method: string, path: string, body?: unknown, key?: string | null): Promise<Answer>
  /** Posts a form to an OAuth endpoint, on the public listener if no other is named. */
  oauth(path: string, form: OAuthForm, sent?: OAuthSent): Promise<Answer>
  /** Asks at /verify/forward. */
  ask(question?: Question): Promise<Response>
  /** Asks at /verify/nginx. */
  askNginx(question?: Question): Promise<Response>
  close(): Promise<void>
}

/** Composes the app; `env` is its configuration, in the words of the environment. */
export async function startApp(env: Readonly<Record<string, string>> = {}): Promise<TestApp> {
  const { databaseUrl, remove } = await databaseOf(env.COUNTERSIGN_DATA_DIR ?? ':memory:')
  const parsed = parseConfig({
    env: {
      COUNTERSIGN_DATA_DIR: ':memory:',
      COUNTERSIGN_KEK: KEK,
      COUNTERSIGN_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
      COUNTERSIGN_PUBLIC_URL: PUBLIC_URL,
      ...(databaseUrl !== undefined && { COUNTERSIGN_DATABASE_URL: databaseUrl }),
      ...env,
    },
    flags: {},
    readFile: (path) => {
      throw new Error(`no file ${path} in this test`)
    },
  })
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'))
  const clock = {
    now: new Date('2030-01-01T00:00:00Z'),
    advance(ms: number) {
      clock.now = new Date(clock.now.getTime() + ms)
    },
    monotonicAheadMs: 0,
    stopMonotonic() {
      const stoppedAtMs = performance.now()
      monotonicNow = () => stoppedAtMs
    },
  }
  let monotonicNow = () => performance.now()
  const logLines: string[] = []
  const app = await composeApp(parsed.config, {
    clock: () => clock.now,
    monotonicMs: () => monotonicNow() + clock.monotonicAheadMs,
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    log: { write: (line) => void logLines.push(line) },
  })
  const routes = app.internalRoutes ?? app.publicRoutes

  const verify = async (path: string, headers: Headers, peer: string | null) => {
    const handler = routes.exact[path]
    if (handler === undefined) throw new Error(`no route ${path}`)
    return handler(new Request(`http://127.0.0.1:8420${path}`, { headers }), peer)
  }

  return {
    app,
    logLines,
    clock,
    async api(method, path, body, key = BOOTSTRAP_KEY) {
      const headers = new Headers(key === null ? {} : { Authorization: `Bearer ${key}` })
      if (body !== undefined) headers.set('Content-Type', 'application/json')
      const request = new Request(`${PUBLIC_URL}${path}`, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const response = await app.publicRoutes.fallback(request, '127.0.0.1')
      const text = await response.text()
      return {
        status: response.status,
        headers: response.headers,
        body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
      }
    },
    async oauth(
      path,
      form,
      { headers = {}, method = 'POST', query = '', peer = '127.0.0.1', listener = 'public' } = {},
    ) {
      const served = listener === 'public' ? app.publicRoutes : app.internalRoutes
      const handler = served?.exact[path] ?? served?.fallback
      if (handler === undefined) throw new Error(`there is no ${listener} listener`)
      const params =
        typeof form === 'string'
          ? form
          : String(new URLSearchParams(isPairs(form) ? form.map((pair) => [...pair]) : form))
      const init = {
        method,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
        ...(method !== 'GET' && method !== 'HEAD' && { body: params }),
      }
      const response = await handler(new Request(`${PUBLIC_URL}${path}${query}`, init), peer)
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.includes('json') === true
      return {
        status: response.status,
        headers: response.headers,
        body: withoutDecision(isJson ? JSON.parse(text) : { text }, response),
      }
    },
    async ask(question = {}) {
      const { method = 'GET', proto = 'https', host = 'webdav.example.com', uri = '/', from = '192.0.2.1' } = question
      const sent = {
        'X-Forwarded-Method': method,
        'X-Forwarded-Proto': proto,
        'X-Forwarded-Host': host,
        'X-Forwarded-Uri': uri,
        'X-Forwarded-For': from,
      }
      return verify('/verify/forward', headersOf(sent, question.headers), peerOf(question))
    },
    async askNginx(question = {}) {
      const { method = 'GET', proto = 'https', host = 'webdav.example.com', uri = '/', from = '192.0.2.1' } = question
      const sent = {
        'X-Original-Method': method,
        'X-Original-URL': `${proto}://${host}${uri}`,
        'X-Real-IP': from,
      }
      return verify('/verify/nginx', headersOf(sent, question.headers), peerOf(question))
    },
    async close() {
      await app.close()
      await remove()
    },
  }
}

/** An error names its decision in the body and in the header, alike; what is left is the same for all of its kind. */
function withoutDecision({ decision, ...body }: Record<string, unknown>, { headers, status }: Response) {
  const named = headers.get('countersign-decision')
  if (status >= 400 && named !== null && decision !== named) throw new Error(`decision ${decision}, header ${named}`)
  return status >= 400 ? body : { ...body, ...(decision !== undefined && { decision }) }
}

function isPairs(form: OAuthForm): form is readonly (readonly [string, string])[] {
  return Array.isArray(form)
}

function headersOf(sent: Record<string, string>, further: Question['headers'] = {}): Headers {
  const headers = new Headers(sent)
  for (const [name, value] of Object.entries(further)) {
    if (value === null) headers.delete(name)
    else headers.set(name, value)
  }
  return headers
}

function peerOf({ peer }: Question): string | null {
  return peer === undefined ? '127.0.0.1' : peer
}

/** A secret of a client, and what shows it. */
export async function withSecret(test: TestApp, client = 'canister', body: Record<string, unknown> = {}) {
  const answer = await test.api('POST', `/api/v1/clients/${client}/secrets`, body)
  if (answer.status !== 201) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
  const secret = String(answer.body.secret)
  return { id: String(answer.body.id), secret, headers: basicOf(client, secret) }
}

/** The access token that a client gets for its secret. */
export async function tokenFor(test: TestApp, headers: Readonly<Record<string, string>>, form: object = {}) {
  const answer = await test.oauth('/oauth/token', { grant_type: 'client_credentials', ...form }, { headers })
  if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
  return String(answer.body.access_token)
}

/** The resource `webdav`, a client `canister` in group `media` that may read and write there, and a key of it. */
export async function withWebdav(test: TestApp, resource: Record<string, unknown> = {}) {
  const made = async (path: string, body: unknown) => {
    const answer = await test.api('POST', path, body)
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  await made('/api/v1/resources', {
    name: 'webdav',
    identifier: 'https://webdav.example.com',
    hosts: ['webdav.example.com'],
    scopes: ['files:read', 'files:write'],
    rules: [
      { methods: ['GET', 'HEAD', 'PROPFIND'], path: '/**', require: { scopes: ['files:read'] } },
      { path: '/**', require: { scopes: ['files:write'] } },
    ],
    ...resource,
  })
  await made('/api/v1/groups', { name: 'media' })
  await made('/api/v1/clients', { id: 'canister', name: 'Canister', groups: ['media'] })
  await made('/api/v1/permissions', { group: 'media', resource: 'webdav', scopes: ['files:read', 'files:write'] })
  const { id, key } = await made('/api/v1/clients/canister/keys', { name: 'laptop' })
  return { id: String(id), key: String(key) }
}
