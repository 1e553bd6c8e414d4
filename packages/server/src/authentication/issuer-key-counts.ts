import { FewNames } from '../counting/few-names.ts'
import { type Row, Tally } from '../counting/tally.ts'

const MAX_ISSUERS = 200

/** How often the keys of each registered issuer were asked for, and when they last came. */
export class IssuerKeyCounts {
  /** By issuer and outcome. */
  readonly loads = new Tally()
  readonly #issuers = new FewNames(MAX_ISSUERS)
  readonly #loadedAt = new Map<string, number>()

  constructor(private readonly clock: () => Date) {}

  note(issuer: string, isLoaded: boolean): void {
    const name = this.#issuers.of(issuer)
    this.loads.expect(name, 'loaded')
    this.loads.expect(name, 'failed')
    this.loads.add(name, isLoaded ? 'loaded' : 'failed')
    const before = this.#loadedAt.get(name) ?? 0
    this.#loadedAt.set(name, isLoaded ? this.clock().getTime() / 1000 : before)
  }

  /** By issuer; 0: not since the start. */
  *loadedAt(): Iterable<Row> {
    for (const [issuer, seconds] of this.#loadedAt) yield [[issuer], seconds]
  }
}
