const BITS = 2 ** 25
/** Four positions of 25 bits, from as many hexadecimal digits of a digest. */
const POSITIONS = [7, 14, 21, 28].map((end) => -end)
const DIGITS_A_POSITION = 7

/** How many turns of access tokens are remembered: the one that is being filled, and the one before. */
const GENERATIONS = 2

/**
 * Digests that were seen in the database: a Bloom filter of 4 MiB, which takes one in ten thousand strangers for one of a
 * million that are there; and two more of those that live for minutes, which are forgotten by turns.
 *
 * Security: it says who is looked up first, and never what the answer is. What it does not have may be kept all the same.
 */
export class KeptDigests {
  readonly #lasting = new Filter()
  #passing: readonly Filter[] = Array.from({ length: GENERATIONS }, () => new Filter())

  /** `digest`: ends in the hexadecimal digits of a hash, so that nobody can choose where it falls without guessing it. */
  add(digest: string): void {
    this.#lasting.add(digest)
  }

  /** The same of one that is over soon. */
  addPassing(digest: string): void {
    this.#passing[0]?.add(digest)
  }

  /** Forgets what was passing before the last turn. */
  turn(): void {
    this.#passing = [new Filter(), ...this.#passing.slice(0, GENERATIONS - 1)]
  }

  mayHave(digest: string): boolean {
    return this.#lasting.mayHave(digest) || this.#passing.some((filter) => filter.mayHave(digest))
  }
}

class Filter {
  readonly #words = new Uint32Array(BITS / 32)

  add(digest: string): void {
    for (const start of POSITIONS) {
      const position = positionIn(digest, start)
      this.#words[position >>> 5] = (this.#words[position >>> 5] ?? 0) | (1 << (position & 31))
    }
  }

  mayHave(digest: string): boolean {
    return POSITIONS.every((start) => {
      const position = positionIn(digest, start)
      return ((this.#words[position >>> 5] ?? 0) & (1 << (position & 31))) !== 0
    })
  }
}

function positionIn(digest: string, start: number): number {
  const from = digest.length + start
  return Number.parseInt(digest.slice(from, from + DIGITS_A_POSITION), 16) & (BITS - 1)
}
