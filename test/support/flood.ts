import type { Socket } from 'bun'

/** How often each status was answered; 0: the connection was closed without an answer. */
export type Answers = Record<number, number>

/**
 * Sends requests over many connections as fast as they are answered, one at a time on each, until there is none left.
 *
 * Reads no more of an answer than its status: whoever floods a server does not listen either.
 */
export class Flood {
  readonly answers: Answers = {}
  sent = 0
  #underWay = 0
  #isPaused = true
  readonly #resting: (() => void)[] = []
  #atRest = Promise.withResolvers<void>()

  constructor(
    private readonly port: number,
    /** The next request, whole; undefined: there is none left. */
    private readonly next: () => string | undefined,
  ) {}

  /** Connects so often, and sends nothing yet. */
  async open(connections: number): Promise<void> {
    for (let opened = 0; opened < connections; opened++) await this.#connect()
  }

  go(): void {
    this.#isPaused = false
    this.#atRest = Promise.withResolvers<void>()
    for (const send of this.#resting.splice(0)) send()
    if (this.#underWay === 0) this.#atRest.resolve()
  }

  /** Returns when nothing is under way: all was answered that was sent, and no more is sent. */
  async pause(): Promise<void> {
    this.#isPaused = true
    await this.#atRest.promise
  }

  /** Returns when nothing is left. */
  async end(): Promise<void> {
    this.go()
    await this.#atRest.promise
  }

  async #connect(): Promise<void> {
    let isWaiting = false
    let isLast = false
    const send = (socket: Socket) => {
      const request = this.#isPaused ? undefined : this.next()
      if (request === undefined) {
        if (this.#isPaused) this.#resting.push(() => send(socket))
        return
      }
      isWaiting = true
      this.sent++
      this.#underWay++
      socket.write(request)
    }
    const answered = (status: number) => {
      isWaiting = false
      this.answers[status] = (this.answers[status] ?? 0) + 1
      this.#underWay--
    }
    const rest = () => {
      if (this.#underWay === 0) this.#atRest.resolve()
    }
    await Bun.connect({
      hostname: '127.0.0.1',
      port: this.port,
      socket: {
        open: send,
        data(socket, chunk) {
          const head = chunk.toString('latin1')
          const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]
          // The rest of an answer.
          if (status === undefined) return
          answered(Number(status))
          isLast = /\r\nconnection: close\r\n/i.test(head)
          if (isLast) socket.terminate()
          else send(socket)
          rest()
        },
        close: () => {
          const wasCut = isWaiting
          if (wasCut) answered(0)
          if (wasCut || isLast) void this.#connect().then(rest)
        },
      },
    })
  }
}
