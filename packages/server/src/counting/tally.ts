/** One line of a figure: the values of its labels, in their order, and the number. */
export type Row = readonly [labels: readonly string[], value: number]

type Counted = { readonly labels: readonly string[]; count: number }

/**
 * How often each of a few things happened.
 *
 * Security: as many rows as there are combinations are kept for good. Whoever adds sees to it that they are few.
 */
export class Tally {
  readonly #counted = new Map<string, Counted>()

  add(...labels: readonly string[]): void {
    this.addMany(1, ...labels)
  }

  addMany(count: number, ...labels: readonly string[]): void {
    const key = labels.join('\n')
    const counted = this.#counted.get(key)
    if (counted === undefined) this.#counted.set(key, { labels, count })
    else counted.count += count
  }

  /** Has a row from the start: from nothing to one is a rise that nobody can see. */
  expect(...labels: readonly string[]): void {
    this.addMany(0, ...labels)
  }

  *rows(): Iterable<Row> {
    for (const { labels, count } of this.#counted.values()) yield [labels, count]
  }
}
