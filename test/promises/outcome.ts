/** What a run of a promise came to. */
export type Outcome = {
  /** What counts as one attempt at breaking the promise. */
  readonly trials: number
  /** One line each: what was promised and what was seen instead. */
  readonly violations: readonly string[]
  /** Further figures, to be read by people. */
  readonly notes: readonly string[]
}

/** Told now and then how far a run has come. */
export type Progress = (done: number, violations: number) => void

/** Past this many, further violations are counted and not described. */
const MAX_DESCRIBED = 50

export class Violations {
  readonly described: string[] = []
  count = 0

  add(violation: string): void {
    this.count++
    if (this.described.length < MAX_DESCRIBED) this.described.push(violation)
  }

  list(): readonly string[] {
    const silent = this.count - this.described.length
    return silent > 0 ? [...this.described, `and ${silent} more`] : this.described
  }
}
