import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { Durations } from '../counting/durations.ts'
import { NONE, OTHER } from '../counting/few-names.ts'
import { Tally } from '../counting/tally.ts'
import { actorOf } from './host-caller.ts'
import type { AdminEnv } from './operation.ts'

/** One call, for the log. */
type ServedCall = {
  readonly method: string
  /** The template of its route. */
  readonly route: string
  readonly status: number
  readonly ms: number
  /** `client:canister`; undefined: nobody has to be known. */
  readonly by: string | undefined
  /** The id of the credential that was shown. */
  readonly credential: string | undefined
}

/** Calls of the management API, by method, template of the route and status. */
export class ManagementCounts {
  readonly requests = new Tally()
  readonly #took = new Map<string, Durations>()

  constructor(
    private readonly monotonicMs: () => number,
    /** Told of each call. */
    private readonly tell: (call: ServedCall) => void = () => undefined,
  ) {}

  /** Counts whatever comes after it. */
  readonly middleware: MiddlewareHandler<AdminEnv> = async (c, next) => {
    const beganMs = this.monotonicMs()
    await next()
    // Where no route fits, the last that was asked is this one. Security: then the method is whatever a stranger wrote.
    const template = routePath(c, -1)
    const isRoute = !template.endsWith('*')
    const method = isRoute ? c.req.method : OTHER
    const route = isRoute ? template : NONE
    const { status } = c.res
    this.requests.add(method, route, String(status))
    const took = this.#took.get(method) ?? new Durations()
    this.#took.set(method, took)
    const ms = this.monotonicMs() - beganMs
    took.add(ms)
    const authorized = c.env?.authorized
    const actor = authorized && actorOf(authorized)
    const credential = actor?.credential ?? undefined
    this.tell({ method, route, status, ms: Math.round(ms), by: actor?.by, credential })
  };

  /** By method. */
  *durations(): Iterable<readonly [labels: readonly string[], durations: Durations]> {
    for (const [method, took] of this.#took) yield [[method], took]
  }
}
