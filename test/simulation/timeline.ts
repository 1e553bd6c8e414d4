/** Something whose events wait while it stands still, and never come once it is gone. */
export type Host = { frozenUntilMs: number; isGone: boolean }

type Event = {
  atMs: number
  readonly order: number
  readonly run: () => void
  readonly host: Host | undefined
  isOff: boolean
}

/** Time that passes only by events. After each, whatever awaited it goes on before the next. */
export class Timeline {
  nowMs = 0
  #order = 0
  /** A binary heap: the next event first. */
  readonly #events: Event[] = []

  /** Runs something in `ms`, on a host: later if that stands still then, never if it is gone. Returns how to call it off. */
  after(ms: number, host: Host | undefined, run: () => void): () => void {
    const event = { atMs: this.nowMs + Math.max(0, ms), order: this.#order++, run, host, isOff: false }
    this.#push(event)
    return () => {
      event.isOff = true
    }
  }

  /** Runs what is due until then. */
  async run(untilMs: number): Promise<void> {
    for (let event = this.#pop(untilMs); event !== undefined; event = this.#pop(untilMs)) {
      const { host } = event
      this.nowMs = event.atMs
      if (event.isOff || host?.isGone) continue
      if (host !== undefined && host.frozenUntilMs > event.atMs) {
        event.atMs = host.frozenUntilMs
        this.#push(event)
        continue
      }
      event.run()
      await settled()
    }
    this.nowMs = untilMs
  }

  #push(event: Event): void {
    const events = this.#events
    let at = events.push(event) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(event, events[above] as Event)) break
      events[at] = events[above] as Event
      at = above
    }
    events[at] = event
  }

  #pop(untilMs: number): Event | undefined {
    const events = this.#events
    const [first] = events
    if (first === undefined || first.atMs > untilMs) return undefined
    const last = events.pop() as Event
    if (events.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= events.length) break
      if (below + 1 < events.length && isBefore(events[below + 1] as Event, events[below] as Event)) below++
      if (!isBefore(events[below] as Event, last)) break
      events[at] = events[below] as Event
      at = below
    }
    events[at] = last
    return first
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
}

/** Returns when nothing is left that only waits for its turn: immediates come after every resolved promise. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
