import type { Random } from './random.ts'
import type { Host, Timeline } from './timeline.ts'

/** `cut`: whoever calls is told so. `held`: no byte comes through, and nobody says so. */
export type LinkState = 'up' | 'slow' | 'cut' | 'held'

const USUAL_MS = 15
const TAIL_MS = 40
const SLOW_MS = 3000

/** The way from a node to the database and back. */
export class Link {
  state: LinkState = 'up'

  constructor(
    private readonly timeline: Timeline,
    private readonly random: Random,
    private readonly host: Host,
  ) {}

  /**
   * Has `work` done at the database. Rejects when the link is cut, or when there is no answer in time: then it may have
   * been done all the same.
   */
  call<T>(timeoutMs: number, work: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const settle = (done: () => void) => {
      callOff()
      done()
    }
    const fail = (because: string) => settle(() => reject(new Error(because)))
    const callOff = this.timeline.after(timeoutMs, this.host, () => fail('no answer in time'))
    this.#travel(undefined, fail, () => {
      let answer: T
      try {
        answer = work()
      } catch (error) {
        const because = error instanceof Error ? error.message : String(error)
        this.#travel(this.host, fail, () => fail(because))
        return
      }
      this.#travel(this.host, fail, () => settle(() => resolve(answer)))
    })
    return promise
  }

  #travel(to: Host | undefined, fail: (because: string) => void, arrive: () => void): void {
    if (this.state === 'held') return
    if (this.state === 'cut') {
      this.timeline.after(1, this.host, () => fail('the connection is cut'))
      return
    }
    const delayMs = this.state === 'slow' ? this.random.between(0, SLOW_MS) : this.random.delayMs(USUAL_MS, TAIL_MS)
    this.timeline.after(delayMs, to, () => {
      // What is under way when the link breaks is lost.
      if (this.state === 'cut') this.timeline.after(1, this.host, () => fail('the connection is cut'))
      else if (this.state !== 'held') arrive()
    })
  }
}
