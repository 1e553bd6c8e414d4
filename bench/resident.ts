import { readFileSync } from 'node:fs'

const SAMPLE_MS = 250
const PAGE_BYTES = 4096

/** The resident memory of a process, looked at several times a second from now on. */
export class Resident {
  readonly #samples: number[]
  readonly #timer: ReturnType<typeof setInterval>

  constructor(private readonly pid: number) {
    this.#samples = [this.#look()]
    this.#timer = setInterval(() => this.#samples.push(this.#look()), SAMPLE_MS)
  }

  /** In MiB. */
  end(): { readonly first: number; readonly most: number; readonly last: number } {
    clearInterval(this.#timer)
    const [first = 0] = this.#samples
    return { first, most: Math.max(...this.#samples), last: this.#samples.at(-1) ?? 0 }
  }

  /** @see proc(5) */
  #look(): number {
    const pages = readFileSync(`/proc/${this.pid}/statm`, 'utf8').split(' ')[1]
    return (Number(pages) * PAGE_BYTES) / 2 ** 20
  }
}
