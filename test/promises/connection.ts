// One kept connection over which requests go one after the other: the test says what is asked over which.

const DEADLINE_MS = 30_000

export type Answered = { readonly status: number; readonly head: string; readonly body: string }

export class Connection {
  #received = ''
  #waiting: PromiseWithResolvers<Answered> | undefined
  #closed = false

  private constructor(
    private readonly socket: { write(text: string): number; end(): void },
    private readonly host: string,
  ) {}

  static async open(address: string): Promise<Connection> {
    const [hostname = '', port] = address.split(':')
    const opened = Promise.withResolvers<Connection>()
    await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: (socket) => opened.resolve(new Connection(socket, address)),
        data: (_, chunk) => void opened.promise.then((connection) => connection.#receive(chunk.toString('latin1'))),
        close: () => void opened.promise.then((connection) => connection.#end(new Error('the connection was closed'))),
        error: (_, error) => void opened.promise.then((connection) => connection.#end(error)),
        connectError: (_, error) => opened.reject(error),
      },
    })
    return opened.promise
  }

  /** Sends one request and reads its answer. Nothing else may be under way on this connection. */
  request(method: string, path: string, headers: Readonly<Record<string, string>>, body?: string): Promise<Answered> {
    if (this.#waiting !== undefined) throw new Error('a request is under way already')
    if (this.#closed) return Promise.reject(new Error('the connection was closed'))
    const fields = Object.entries({ ...headers, ...(body !== undefined && { 'Content-Length': `${body.length}` }) })
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const waiting = Promise.withResolvers<Answered>()
    this.#waiting = waiting
    const deadline = setTimeout(() => this.#end(new Error(`${method} ${path}: no answer`)), DEADLINE_MS)
    const text = `${method} ${path} HTTP/1.1\r\nHost: ${this.host}\r\n${lines}\r\n${body ?? ''}`
    if (this.socket.write(text) < text.length) this.#end(new Error('the request was not taken'))
    return waiting.promise.finally(() => clearTimeout(deadline))
  }

  /** Calls the management API. */
  async call(key: string, method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
    const text = body === undefined ? undefined : JSON.stringify(body)
    const answer = await this.request(method, `/api/v1${path}`, headers, text)
    return { status: answer.status, body: answer.body === '' ? undefined : JSON.parse(answer.body) }
  }

  /** Asks, as a proxy does, whether GET / at `host` may pass with this key. */
  ask(host: string, key: string): Promise<Answered> {
    return this.request('GET', '/verify/forward', {
      'X-Forwarded-Method': 'GET',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': host,
      'X-Forwarded-Uri': '/',
      'X-Forwarded-For': '192.0.2.1',
      Authorization: `Bearer ${key}`,
    })
  }

  close(): void {
    this.#closed = true
    this.socket.end()
  }

  #receive(text: string): void {
    this.#received += text
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#received.slice(0, headEnd)
    const length = /\r\ncontent-length: *([0-9]+)/i.exec(head)?.[1]
    if (length === undefined && !/^HTTP\/1\.1 204/.test(head)) {
      this.#end(new Error(`an answer of no length: ${head}`))
      return
    }
    const end = headEnd + 4 + Number(length ?? 0)
    if (this.#received.length < end) return
    const answer = { status: Number(head.slice(9, 12)), head, body: this.#received.slice(headEnd + 4, end) }
    this.#received = this.#received.slice(end)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(answer)
  }

  #end(error: Error): void {
    this.#closed = true
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }
}
