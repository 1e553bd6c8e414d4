// Somebody who asks one server with one credential all the time, and remembers every answer.
import type { ClusterNode } from '../support/cluster.ts'
import { until } from '../support/wait.ts'
import type { Issued } from './furnished-cluster.ts'
import { Watcher } from './watcher.ts'

type Sighting = { readonly status: number; readonly startedMs: number; readonly tookMs: number }

/** A busy machine has more to do than a test: what has to happen some time may take this long. */
const SOME_TIME_MS = 30_000

export class Witness {
  readonly #sightings: Sighting[] = []

  private constructor(
    private readonly what: string,
    private readonly watcher: Watcher,
  ) {}

  /** Returns when the server has answered once. */
  static async of(what: string, node: ClusterNode, { host, key }: Issued): Promise<Witness> {
    const witness = new Witness(`${what} at ${node.name}`, new Watcher(await node.connect()))
    witness.watcher.watch(host, key, (status, startedMs) => witness.#see(status, startedMs))
    await until(`an answer to ${witness.what}`, () => witness.#sightings.length > 0)
    return witness
  }

  #see(status: number, startedMs: number): void {
    this.#sightings.push({ status, startedMs, tookMs: performance.now() - startedMs })
  }

  /** Returns when a request that began after now was answered so. */
  async see(status: number): Promise<void> {
    const nowMs = performance.now()
    const isSeen = () => this.#since(nowMs).some((sighting) => sighting.status === status)
    await until(`${status} to ${this.what}, and not ${this.#sightings.at(-1)?.status}`, isSeen, SOME_TIME_MS)
  }

  /** The statuses of all requests that began since. */
  statusesSince(ms: number): number[] {
    return [...new Set(this.#since(ms).map(({ status }) => status))].sort()
  }

  /** How long after `ms` the last request began that was allowed; negative: before it. */
  allowedMsAfter(ms: number): number {
    const allowed = this.#sightings.filter(({ status }) => status === 200).map(({ startedMs }) => startedMs - ms)
    return Math.max(Number.NEGATIVE_INFINITY, ...allowed)
  }

  /** How long the slowest answer of this status took, of the requests that began since. */
  slowestMs(status: number, sinceMs: number): number {
    const took = this.#since(sinceMs).filter((sighting) => sighting.status === status)
    return Math.max(0, ...took.map(({ tookMs }) => tookMs))
  }

  stop(): Promise<void> {
    return this.watcher.stop()
  }

  #since(ms: number): Sighting[] {
    return this.#sightings.filter(({ startedMs }) => startedMs > ms)
  }
}
