/** Up to how many milliseconds each bar of a histogram reaches. */
const BARS_MS = [0, 5, 10, 20, 50, 100, 200, 300, 400, 500, 600, 800, 1000, 2000]
const WIDTH = 50

/** Delays in milliseconds, as a histogram that people read and as figures. */
export class Delays {
  readonly #delaysMs: number[] = []

  add(delayMs: number): void {
    this.#delaysMs.push(delayMs)
  }

  get count(): number {
    return this.#delaysMs.length
  }

  get maxMs(): number {
    return Math.max(0, ...this.#delaysMs)
  }

  /** The delay that this share of all does not exceed; 0 where there is none. */
  quantileMs(share: number): number {
    const sorted = [...this.#delaysMs].sort((one, other) => one - other)
    return Math.max(0, sorted[Math.ceil(share * sorted.length) - 1] ?? 0)
  }

  /** One line for each bar, the empty ones at the end left out, and one of figures. */
  lines(): string[] {
    const bars = [...BARS_MS, Number.POSITIVE_INFINITY].map((upToMs, at, all) => {
      const fromMs = all[at - 1] ?? Number.NEGATIVE_INFINITY
      return { upToMs, count: this.#delaysMs.filter((delayMs) => delayMs > fromMs && delayMs <= upToMs).length }
    })
    const last = bars.findLastIndex(({ count }) => count > 0)
    const most = Math.max(...bars.map(({ count }) => count))
    const figures = [0.5, 0.99, 0.999].map((share) => `p${share * 100} ${this.quantileMs(share).toFixed(1)} ms`)
    return [
      ...bars.slice(0, last + 1).map(({ upToMs, count }) => `${nameOf(upToMs)} ${bar(count, most)}`),
      `${figures.join(', ')}, max ${this.maxMs.toFixed(1)} ms`,
    ]
  }
}

function nameOf(upToMs: number): string {
  if (upToMs === 0) return ' not after'
  return (Number.isFinite(upToMs) ? `≤ ${upToMs} ms` : `> ${BARS_MS.at(-1)} ms`).padStart(10)
}

function bar(count: number, most: number): string {
  return `${String(count).padStart(6)} ${'█'.repeat(Math.ceil((count / Math.max(1, most)) * WIDTH))}`.trimEnd()
}
