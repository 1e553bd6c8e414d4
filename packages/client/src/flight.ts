/** One piece of work that several callers wait for. It is given up when the last of them has gone. */
export class Flight<Landed> {
  readonly #controller = new AbortController()
  readonly #landed: Promise<Landed>
  #waiting = 0

  constructor(work: (signal: AbortSignal) => Promise<Landed>) {
    this.#landed = work(this.#controller.signal)
  }

  /** True: everybody left, so that it ends in nothing. */
  get isAbandoned(): boolean {
    return this.#controller.signal.aborted
  }

  /** Waits for the end. Without a signal it cannot be abandoned any more. */
  join(signal?: AbortSignal): Promise<Landed> {
    this.#waiting++
    if (signal === undefined) return this.#landed
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(signal.reason)
        if (--this.#waiting === 0) this.#controller.abort(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      const stay = () => signal.removeEventListener('abort', leave)
      this.#landed.finally(stay).then(resolve, reject)
    })
  }
}
