import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { Durations } from '../counting/durations.ts'
import { NONE, OTHER } from '../counting/few-names.ts'
import { Tally } from '../counting/tally.ts'

/** Calls of the management API, by method, template of the route and status. */
export class ManagementCounts {
  readonly requests = new Tally()
  readonly #took = new Map<string, Durations>()

  constructor(private readonly monotonicMs: () => number) {}

  /** Counts whatever comes after it. */
  readonly middleware: MiddlewareHandler = async (c, next) => {
    const beganMs = this.monotonicMs()
    await next()
    // Where no route fits, the last that was asked is this one. Security: then the method is whatever a stranger wrote.
    const template = routePath(c, -1)
    const isRoute = !template.endsWith('*')
    const method = isRoute ? c.req.method : OTHER
    this.requests.add(method, isRoute ? template : NONE, String(c.res.status))
    const took = this.#took.get(method) ?? new Durations()
    this.#took.set(method, took)
    took.add(this.monotonicMs() - beganMs)
  };

  /** By method. */
  *durations(): Iterable<readonly [labels: readonly string[], durations: Durations]> {
    for (const [method, took] of this.#took) yield [[method], took]
  }
}
