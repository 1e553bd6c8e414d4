// A way to a database that does what networks do: it is cut, falls silent, is slow, and comes back.
import { connect, createServer, type Server, type Socket } from 'node:net'

/** What is under way in one direction: bytes, or the end of them. */
type Parcel = { readonly dueMs: number; readonly bytes: Buffer | undefined }

/** Cut: whoever connects is refused by a reset. Silent: nothing arrives, and nobody is told. */
type Mood = 'open' | 'silent' | 'cut'

export class HeldLink {
  #mood: Mood = 'open'
  /** How long the bytes that come now are under way; asked for each parcel. */
  #delayMs: () => number = () => 0
  #delayOfNewMs = 0
  readonly #lanes = new Set<Lane>()

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private socket: string,
  ) {}

  /** A link to whoever listens at this unix socket. */
  static async to(socket: string): Promise<HeldLink> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const link = new HeldLink(server, typeof address === 'object' && address !== null ? address.port : 0, socket)
    server.on('connection', (near) => link.#join(near))
    return link
  }

  /** The same database as behind `url`, through this link. */
  urlOf(url: string): string {
    const [, user, database] = /\/\/([^@]+)@\/([^?]+)/.exec(url) ?? []
    return `postgres://${user}@127.0.0.1:${this.port}/${database}?sslmode=disable`
  }

  /** Ends every connection at once, and whatever is under way is lost. */
  cut(): void {
    this.#mood = 'cut'
    for (const lane of [...this.#lanes]) lane.reset()
  }

  /** From now on nothing arrives, in no direction, and no connection is closed: as when a cable is pulled. */
  silence(): void {
    this.#mood = 'silent'
  }

  /** How slow the link is from now on; each parcel may be under way for another time, none overtakes another. */
  slowDown(delayMs: () => number): void {
    this.#delayMs = delayMs
  }

  /** Whatever is answered by connections that are made from now on is under way for this long; the others are as before. */
  slowDownNew(answerMs: number): void {
    this.#delayOfNewMs = answerMs
  }

  /** What was held arrives, late. */
  heal(): void {
    this.#mood = 'open'
    this.#delayMs = () => 0
    this.#delayOfNewMs = 0
    for (const lane of [...this.#lanes]) {
      lane.ownDelayMs = 0
      lane.pump()
    }
  }

  close(): void {
    this.cut()
    this.server.close()
  }

  /** From now on it leads to another database: as an address does that moves to the standby. */
  redirect(socket: string): void {
    this.cut()
    this.socket = socket
    this.heal()
  }

  #join(near: Socket): void {
    if (this.#mood === 'cut') {
      near.on('error', () => undefined)
      near.resetAndDestroy()
      return
    }
    const far = connect(this.socket)
    const isHeld = () => this.#mood === 'silent'
    const delayMs = () => this.#delayMs()
    const lanes = [new Lane(near, far, isHeld, delayMs), new Lane(far, near, isHeld, delayMs)]
    const [, answers] = lanes
    if (answers !== undefined) answers.ownDelayMs = this.#delayOfNewMs
    for (const lane of lanes) {
      this.#lanes.add(lane)
      lane.onEnd = () => this.#lanes.delete(lane)
    }
  }
}

/** One direction of one connection. */
class Lane {
  #parcels: Parcel[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  onEnd: () => void = () => undefined
  ownDelayMs = 0

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly isHeld: () => boolean,
    private readonly delayMs: () => number,
  ) {
    from.setNoDelay()
    from.on('error', () => undefined)
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    from.on('close', () => this.#take(undefined))
  }

  reset(): void {
    clearTimeout(this.#timer)
    this.#parcels = []
    this.from.resetAndDestroy()
    this.onEnd()
  }

  /** Delivers what is due. */
  pump(): void {
    clearTimeout(this.#timer)
    for (let [next] = this.#parcels; next !== undefined; [next] = this.#parcels) {
      if (this.isHeld()) return
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), waitMs)
        return
      }
      this.#parcels.shift()
      if (next.bytes !== undefined) this.to.write(next.bytes)
      else {
        this.to.destroy()
        this.onEnd()
      }
    }
  }

  #take(bytes: Buffer | undefined): void {
    this.#parcels.push({ dueMs: performance.now() + this.delayMs() + this.ownDelayMs, bytes })
    this.pump()
  }
}
