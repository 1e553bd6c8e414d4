import { REFUSALS, type RefusalCode } from '@countersign/resource-server'
import { Durations } from '../counting/durations.ts'
import { FewNames } from '../counting/few-names.ts'
import type { Row } from '../counting/tally.ts'
import type { Dialect } from './asked.ts'
import type { Decision } from './decision.ts'

/** Deployments are built for 10 000 resources; figures by resource are of use for as many as fit on a page. */
const MAX_RESOURCES = 200

/** `unclear`: nobody could tell, so it was not let through (5xx). */
const OUTCOMES = ['allowed', 'refused', 'unclear'] as const
type Outcome = (typeof OUTCOMES)[number]

/** What happened at one resource: how often it let through, and how often it refused, and why. */
class AtResource {
  allowed = 0
  readonly refused = new Map<RefusalCode, number>()
}

/**
 * How often the path allowed and refused, and how long it took.
 *
 * Counting an allowed answer is one look-up and two additions, and allocates nothing: it is done for each request.
 */
export class VerificationCounts {
  readonly #names = new FewNames(MAX_RESOURCES)
  readonly #counted = new Map<string, AtResource>()
  /** By the name of the resource; those past the bound share one, and so do they who have none. */
  readonly #byResource = new Map<string | undefined, AtResource>()
  readonly #took: { [D in Dialect]?: Readonly<Record<Outcome, Durations>> } = {}

  /** Without a time where nobody knows when it began. */
  note({ asked, resource, verdict }: Decision, tookMs?: number): void {
    const took = this.#took[asked.dialect] ?? this.#firstIn(asked.dialect)
    const at = this.#byResource.get(resource?.name) ?? this.#firstOf(resource?.name)
    if (verdict.outcome === 'allow') {
      at.allowed++
      if (tookMs !== undefined) took.allowed.add(tookMs)
    } else {
      at.refused.set(verdict.code, (at.refused.get(verdict.code) ?? 0) + 1)
      if (tookMs !== undefined) took[outcomeOf(verdict.code)].add(tookMs)
    }
  }

  /** By resource and outcome. */
  *outcomes(): Iterable<Row> {
    for (const [name, { allowed, refused }] of this.#counted) {
      let refusedCount = 0
      let unclearCount = 0
      for (const [code, count] of refused) {
        if (outcomeOf(code) === 'unclear') unclearCount += count
        else refusedCount += count
      }
      yield [[name, 'allowed'], allowed]
      yield [[name, 'refused'], refusedCount]
      yield [[name, 'unclear'], unclearCount]
    }
  }

  /** By resource and code. */
  *refusals(): Iterable<Row> {
    for (const [name, { refused }] of this.#counted) for (const [code, count] of refused) yield [[name, code], count]
  }

  /** By dialect and outcome. */
  *durations(): Iterable<readonly [labels: readonly string[], durations: Durations]> {
    for (const [dialect, took] of Object.entries(this.#took)) {
      for (const outcome of OUTCOMES) yield [[dialect, outcome], took[outcome]]
    }
  }

  #firstIn(dialect: Dialect): Readonly<Record<Outcome, Durations>> {
    const took = { allowed: new Durations(), refused: new Durations(), unclear: new Durations() }
    this.#took[dialect] = took
    return took
  }

  #firstOf(resource: string | undefined): AtResource {
    const name = this.#names.of(resource)
    const at = this.#counted.get(name) ?? new AtResource()
    this.#counted.set(name, at)
    // What shares a row is looked for anew each time: names past the bound are not kept.
    if (name === resource || resource === undefined) this.#byResource.set(resource, at)
    return at
  }
}

function outcomeOf(code: RefusalCode): Outcome {
  return REFUSALS[code].status >= 500 ? 'unclear' : 'refused'
}
