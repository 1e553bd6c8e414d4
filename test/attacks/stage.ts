// The real app, without sockets, with the world of the vectors in it. Every answer passes the oracle.
import { expect } from 'bun:test'
import { BOOTSTRAP_KEY, PUBLIC_URL, startApp, type TestApp } from '../support/app.ts'
import { type Answer, type Dialect, type Kind, Oracle } from './oracle.ts'
import { type Asked, HONEST, type Line, type Wallet } from './vectors/vector.ts'
import { CLIENTS, KEYS, PERMISSIONS, RESOURCES } from './vectors/world.ts'

export type Question = {
  readonly asks?: Partial<Asked>
  readonly lines?: readonly Line[]
  readonly from?: string
  readonly peer?: string | null
  /** In place of what an honest proxy says. */
  readonly described?: readonly Line[]
  /** Of the question itself: path suffix, method and body. */
  readonly query?: string
  readonly method?: string
  readonly body?: string
}

export type Made = { readonly id: string; readonly key: string }
export type MadeToken = { readonly id: string; readonly token: string }

export class Stage {
  readonly oracle = new Oracle()
  #linesRead = 0

  private constructor(
    readonly test: TestApp,
    readonly wallet: Wallet,
  ) {
    for (const key of [BOOTSTRAP_KEY, ...Object.values(wallet)]) this.oracle.keepSecret(key)
  }

  static async open(env: Readonly<Record<string, string>> = {}): Promise<Stage> {
    const test = await startApp(env)
    const make = (path: string, body: unknown) => make201(test, path, body)
    for (const resource of RESOURCES) await make('/resources', resource)
    for (const id of CLIENTS) await make('/clients', { id })
    for (const permission of PERMISSIONS) await make('/permissions', permission)
    const wallet: Record<string, string> = {}
    for (const [name, { client, body }] of Object.entries(KEYS)) {
      wallet[name] = String((await make(`/clients/${client}/keys`, { name, ...body })).key)
    }
    return new Stage(test, wallet as Wallet)
  }

  /** Makes a noun; what is secret of it is remembered as such. */
  async make(path: string, body: unknown): Promise<Record<string, unknown>> {
    const made = await make201(this.test, path, body)
    for (const secret of [made.key, made.token, made.secret])
      if (typeof secret === 'string') this.oracle.keepSecret(secret)
    return made
  }

  async newKey(client = 'canister', body: Record<string, unknown> = {}): Promise<Made> {
    const { id, key } = await this.make(`/clients/${client}/keys`, body)
    return { id: String(id), key: String(key) }
  }

  async newToken(user: string, body: Record<string, unknown> = {}): Promise<MadeToken> {
    const { id, token } = await this.make(`/users/${user}/tokens`, body)
    return { id: String(id), token: String(token) }
  }

  /** A call of the management API as it goes over the wire: what is said in `lines`, and nothing else. */
  async send(
    method: string,
    path: string,
    lines: readonly Line[],
    body?: unknown,
    peer = '127.0.0.1',
  ): Promise<Answer> {
    const headers = new Headers(body === undefined ? {} : { 'Content-Type': 'application/json' })
    for (const [name, value] of lines) headers.append(name, value)
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
    const request = new Request(`${PUBLIC_URL}/api/v1${path}`, init)
    const response = await this.test.app.publicRoutes.fallback(request, peer)
    return { status: response.status, headers: response.headers, body: await response.text() }
  }

  async call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await this.test.api(method, `/api/v1${path}`, body)
    expect([200, 204]).toContain(answer.status)
    return answer.body
  }

  /** Asks as a proxy does, and checks all but what the answer is. */
  async ask(dialect: Dialect, question: Question = {}): Promise<Answer> {
    const path = `/verify/${dialect}`
    const { publicRoutes, internalRoutes } = this.test.app
    const handler = (internalRoutes ?? publicRoutes).exact[path]
    if (handler === undefined) throw new Error(`no route ${path}`)
    const { lines = [], peer = '127.0.0.1', query = '', method = 'GET', body } = question
    const headers = new Headers()
    for (const [name, value] of [...(question.described ?? describedTo(dialect, question)), ...lines]) {
      headers.append(name, value)
    }
    for (const [name, value] of lines)
      if (!/^(cookie|x[_-]forwarded|x[_-]original)/i.test(name)) this.#keepSecretIn(value)
    // One second each: more refusals than are kept of a second would have no record.
    this.test.clock.advance(1000)
    const init = { method, headers, ...(body !== undefined && { body }) }
    const response = await handler(new Request(`http://127.0.0.1:8420${path}${query}`, init), peer)
    return { status: response.status, headers: response.headers, body: await response.text() }
  }

  /** Asks, and checks everything: the answer and what the operator is told. */
  async expect(kind: Kind, code: string | undefined, dialect: Dialect, question: Question = {}): Promise<Answer> {
    const answer = await this.ask(dialect, question)
    const id = this.oracle.judge(answer, kind, dialect)
    if (id !== undefined) expect((await this.why(id)).code).toBe(code)
    this.logsNoSecret()
    return answer
  }

  /** What the operator is told of a refusal. */
  async why(id: string): Promise<Record<string, unknown>> {
    const record = await this.call('GET', `/decisions/${id}`)
    this.oracle.holdsNoSecret(JSON.stringify(record), 'a decision record')
    expect(record.sentence).toMatch(/^\S.{10,}/)
    return record
  }

  logsNoSecret(): void {
    for (const line of this.test.logLines.slice(this.#linesRead)) this.oracle.holdsNoSecret(line, 'a log line')
    this.#linesRead = this.test.logLines.length
  }

  async close(): Promise<void> {
    this.logsNoSecret()
    await this.test.close()
  }

  #keepSecretIn(value: string): void {
    for (const part of value.split(/[\s,]+/)) this.oracle.keepSecret(part)
  }
}

/** The headers by which an honest proxy of this dialect describes the request. */
export function describedTo(dialect: Dialect, { asks, from = '192.0.2.1' }: Question): readonly Line[] {
  const { method, proto, host, uri } = { ...HONEST, ...asks }
  if (dialect === 'nginx') {
    return [
      ['X-Original-Method', method],
      ['X-Original-URL', `${proto}://${host}${uri}`],
      ['X-Real-IP', from],
    ]
  }
  return [
    ['X-Forwarded-Method', method],
    ['X-Forwarded-Proto', proto],
    ['X-Forwarded-Host', host],
    ['X-Forwarded-Uri', uri],
    ['X-Forwarded-For', from],
  ]
}

async function make201(test: TestApp, path: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await test.api('POST', `/api/v1${path}`, body)
  if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}
