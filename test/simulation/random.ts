/** Chance that a seed brings back: mulberry32. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 up to 1, never 1. */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  between(least: number, most: number): number {
    return least + this.unit() * (most - least)
  }

  /** A whole number from 0 up to `count`, never `count`. */
  below(count: number): number {
    return Math.floor(this.unit() * count)
  }

  happens(probability: number): boolean {
    return this.unit() < probability
  }

  oneOf<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)]
    if (one === undefined) throw new Error('chosen from nothing')
    return one
  }

  /** Mostly short, sometimes very long: as networks are. */
  delayMs(usualMs: number, tailMs: number): number {
    return this.happens(0.02) ? this.between(usualMs, tailMs) : this.between(0, usualMs)
  }
}
