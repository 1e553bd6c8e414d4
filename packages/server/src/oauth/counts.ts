import { REFUSALS, type RefusalCode } from '@countersign/resource-server'
import { Durations } from '../counting/durations.ts'
import { FewNames } from '../counting/few-names.ts'
import { type Row, Tally } from '../counting/tally.ts'

const MAX_RESOURCES = 200

/** What one endpoint answered and refused, and how long it took. Added to for each request, so plain numbers. */
export class EndpointCounts {
  answered = 0
  readonly refused = new Map<RefusalCode, number>()
  readonly took = new Durations()

  noteRefused(code: RefusalCode): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1)
  }
}

/** What the OAuth endpoints answered, refused and issued. */
export class OAuthCounts {
  readonly #endpoints = new Map<string, EndpointCounts>()
  /** By resource, format and grant. */
  readonly issued = new Tally()
  readonly introspected = { active: 0, inactive: 0 }
  readonly #resources = new FewNames(MAX_RESOURCES)

  /** Of the endpoint at this path, on whatever listener: `token`, `introspect`, `revoke`. */
  at(path: string): EndpointCounts {
    const name = path.slice(path.lastIndexOf('/') + 1)
    const counts = this.#endpoints.get(name) ?? new EndpointCounts()
    this.#endpoints.set(name, counts)
    return counts
  }

  noteIssued(resource: string, format: 'jwt' | 'opaque', grant: string): void {
    this.issued.add(this.#resources.of(resource), format, grant)
  }

  /** By endpoint and outcome. */
  *requests(): Iterable<Row> {
    for (const [endpoint, { answered, refused }] of this.#endpoints) {
      const isUnclear = (code: RefusalCode) => REFUSALS[code].status >= 500
      const sum = (unclear: boolean) =>
        [...refused].reduce((total, [code, count]) => total + (isUnclear(code) === unclear ? count : 0), 0)
      yield [[endpoint, 'answered'], answered]
      yield [[endpoint, 'refused'], sum(false)]
      yield [[endpoint, 'unclear'], sum(true)]
    }
  }

  /** By endpoint and code. */
  *refusals(): Iterable<Row> {
    for (const [endpoint, { refused }] of this.#endpoints) {
      for (const [code, count] of refused) yield [[endpoint, code], count]
    }
  }

  /** By what was said of the token. */
  *introspections(): Iterable<Row> {
    yield [['true'], this.introspected.active]
    yield [['false'], this.introspected.inactive]
  }

  /** By endpoint. */
  *durations(): Iterable<readonly [labels: readonly string[], durations: Durations]> {
    for (const [endpoint, { took }] of this.#endpoints) yield [[endpoint], took]
  }
}
