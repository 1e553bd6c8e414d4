import { REFUSALS, type RefusalCode } from '@countersign/resource-server'
import { Durations } from '../counting/durations.ts'
import { FewNames } from '../counting/few-names.ts'
import { Tally } from '../counting/tally.ts'

const MAX_RESOURCES = 200

/** What the OAuth endpoints answered, refused and issued. */
export class OAuthCounts {
  /** By endpoint and outcome. */
  readonly requests = new Tally()
  /** By endpoint and code. */
  readonly refusals = new Tally()
  /** By resource, format and grant. */
  readonly issued = new Tally()
  /** By what was said of the token. */
  readonly introspections = new Tally()
  readonly #resources = new FewNames(MAX_RESOURCES)
  readonly #took = new Map<string, Durations>()

  noteAnswered(path: string): void {
    this.requests.add(endpointOf(path), 'answered')
  }

  noteRefused(path: string, code: RefusalCode): void {
    const endpoint = endpointOf(path)
    this.requests.add(endpoint, REFUSALS[code].status >= 500 ? 'unclear' : 'refused')
    this.refusals.add(endpoint, code)
  }

  noteTook(path: string, tookMs: number): void {
    const endpoint = endpointOf(path)
    const took = this.#took.get(endpoint) ?? new Durations()
    this.#took.set(endpoint, took)
    took.add(tookMs)
  }

  noteIssued(resource: string, format: 'jwt' | 'opaque', grant: string): void {
    this.issued.add(this.#resources.of(resource), format, grant)
  }

  noteIntrospected(isActive: boolean): void {
    this.introspections.add(String(isActive))
  }

  /** By endpoint. */
  *durations(): Iterable<readonly [labels: readonly string[], durations: Durations]> {
    for (const [endpoint, took] of this.#took) yield [[endpoint], took]
  }
}

/** Of the path of a route of ours: `token`, `introspect`, `revoke`. */
function endpointOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
