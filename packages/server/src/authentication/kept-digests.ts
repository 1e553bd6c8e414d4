const BITS = 2 ** 25
/** Four positions of 25 bits, from as many hexadecimal digits of a digest. */
const POSITIONS = [7, 14, 21, 28].map((end) => -end)
const DIGITS_A_POSITION = 7

/**
 * Digests that were seen in the database: a Bloom filter of 4 MiB, which takes one in ten thousand strangers for one of a
 * million that are there.
 *
 * Security: it says who is looked up first, and never what the answer is. What it does not have may be kept all the same.
 */
export class KeptDigests {
  readonly #words = new Uint32Array(BITS / 32)

  /** `digest`: ends in the hexadecimal digits of a hash, so that nobody can choose where it falls without guessing it. */
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
