/** What stands for every name past the bound. No name can be spelt like it. */
export const OTHER = '(other)'
/** What stands where there is no name: an unknown host has no resource. */
export const NONE = '(none)'

/**
 * The first so many names that come, each as itself; every later one as `OTHER`.
 *
 * Security: labels of figures live in memory here and in whoever collects them, for each value once. Only registered
 * names are put in, and of these only so many; what a stranger writes never becomes a label.
 */
export class FewNames {
  readonly #known = new Set<string>()

  constructor(private readonly max: number) {}

  of(name: string | undefined): string {
    if (name === undefined) return NONE
    if (this.#known.has(name)) return name
    if (this.#known.size >= this.max) return OTHER
    this.#known.add(name)
    return name
  }
}
