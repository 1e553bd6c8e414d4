import type { Socket } from 'bun'

/** What a connection sends at once, and what it sends again and again after that. */
export type SlowKind = { readonly begins: string; readonly drips: string }

const HEAD = ['GET /verify/forward HTTP/1.1', 'Host: webdav.example.com', '']
const FORM = ['POST /oauth/token HTTP/1.1', 'Host: x', 'Content-Type: application/x-www-form-urlencoded']

/** Whoever holds a connection as long as it can be held, by what it does not send. */
export const SLOW: Readonly<Record<string, SlowKind>> = {
  nothing: { begins: '', drips: '' },
  'half a request line': { begins: 'GET /veri', drips: '' },
  'headers, a byte at a time': { begins: `${HEAD.join('\r\n')}X-A: `, drips: 'a' },
  'headers, a line at a time': { begins: HEAD.join('\r\n'), drips: 'X-A: a\r\n' },
  'a body, not at all': { begins: [...FORM, 'Content-Length: 60000', '', ''].join('\r\n'), drips: '' },
  'a body, a byte at a time': { begins: [...FORM, 'Content-Length: 60000', '', ''].join('\r\n'), drips: 'a' },
  'a body, a chunk at a time': {
    begins: [...FORM, 'Transfer-Encoding: chunked', '', ''].join('\r\n'),
    drips: '1\r\na\r\n',
  },
}

const DRIP_MS = 1000

/** Connections that are held open and say next to nothing, of all these kinds in turn. */
export class SlowSockets {
  readonly #open = new Set<Socket>()
  readonly #kinds: readonly SlowKind[]
  #timer: ReturnType<typeof setInterval> | undefined
  #isClosing = false

  constructor(
    private readonly port: number,
    kinds: Readonly<Record<string, SlowKind>>,
    /** Opens another one for each that the server closes. */
    private readonly isStubborn: boolean,
  ) {
    this.#kinds = Object.values(kinds)
  }

  get openCount(): number {
    return this.#open.size
  }

  /** Returns when they stand. */
  async open(count: number): Promise<void> {
    this.#isClosing = false
    for (let opened = 0; opened < count; opened++) await this.#connect(opened)
    this.#timer ??= setInterval(() => this.#drip(), DRIP_MS)
  }

  close(): void {
    this.#isClosing = true
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const socket of this.#open) socket.terminate()
    this.#open.clear()
  }

  #drip(): void {
    for (const socket of this.#open) socket.write(this.#kindOf(socket).drips)
  }

  #kindOf(socket: Socket): SlowKind {
    return socket.data as unknown as SlowKind
  }

  async #connect(turn: number): Promise<void> {
    const kind = this.#kinds[turn % this.#kinds.length] as SlowKind
    await Bun.connect<SlowKind>({
      hostname: '127.0.0.1',
      port: this.port,
      data: kind,
      socket: {
        open: (socket) => {
          this.#open.add(socket as unknown as Socket)
          socket.write(kind.begins)
        },
        data: () => undefined,
        close: (socket) => {
          const wasOpen = this.#open.delete(socket as unknown as Socket)
          if (wasOpen && this.isStubborn && !this.#isClosing) void this.#connect(turn)
        },
      },
    })
  }
}
