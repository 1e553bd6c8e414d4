// What the faults of several servers are played on: servers, one client, and what was found to be broken.
import { formatCredential } from '@countersign/resource-server'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import type { Teardown } from '../support/teardown.ts'
import {
  type FurnishedClient,
  furnishClient,
  furnishResources,
  type Issued,
  issueKey,
  KEY_HOST,
} from './furnished-cluster.ts'
import { Violations } from './outcome.ts'
import { Witness } from './witness.ts'

/** P3: how long after the last confirmation a server may answer by what it knows. */
export const LEASE_MS = 5000
/** P2: how long after the acknowledgement another server may allow it that reaches the database. */
export const REACHABLE_MS = 2000

/** One fault, played once. What it finds to be broken it says to the scene. */
export type Fault = (scene: Scene) => Promise<void>

export class Scene {
  readonly violations = new Violations()
  readonly notes: string[] = []
  readonly #witnesses: Witness[] = []
  #trials = 0

  private constructor(
    readonly cluster: Cluster,
    readonly client: FurnishedClient,
    private readonly teardown: Teardown,
  ) {
    teardown.add(() => this.#dismiss())
  }

  /** Four servers: one that nothing befalls, and one each for what befalls a link or a server. */
  static async set(teardown: Teardown): Promise<Scene> {
    const cluster = await startCluster(['calm', 'silenced', 'severed', 'frozen'], teardown, { linked: true })
    const [calm] = cluster.nodes
    if (calm === undefined) throw new Error('a cluster has nodes')
    await furnishResources(calm)
    return new Scene(cluster, await furnishClient(calm, 'canister'), teardown)
  }

  /** The same servers, and nothing found yet. */
  act(): Scene {
    return new Scene(this.cluster, this.client, this.teardown)
  }

  get trials(): number {
    return this.#trials
  }

  get database() {
    return this.cluster.database
  }

  /** The server of this name. */
  node(name: string): ClusterNode {
    const node = this.cluster.nodes.find((other) => other.name === name)
    if (node === undefined) throw new Error(`there is no server ${name}`)
    return node
  }

  /** The server that nothing befalls but what befalls the database. */
  get calm(): ClusterNode {
    return this.node('calm')
  }

  issue(): Promise<Issued> {
    return issueKey(this.calm, this.client.id)
  }

  /** A key of our form that nobody issued. */
  stranger(): Issued {
    return { id: 'none', key: formatCredential('key', crypto.getRandomValues(new Uint8Array(32))), host: KEY_HOST }
  }

  /** A new key that a server knows, and somebody who asks it with that all the time. */
  async known(what: string, ...nodes: ClusterNode[]): Promise<{ issued: Issued; witnesses: Witness[] }> {
    const issued = await this.issue()
    const witnesses = await Promise.all(nodes.map((node) => this.witness(what, node, issued)))
    for (const witness of witnesses) await witness.see(200)
    return { issued, witnesses }
  }

  async witness(what: string, node: ClusterNode, issued: Issued): Promise<Witness> {
    const witness = await Witness.of(what, node, issued)
    this.#witnesses.push(witness)
    return witness
  }

  /** Asks once; the status, or 0 when the connection broke. */
  async statusAt(node: ClusterNode, { host, key }: Issued): Promise<number> {
    const connection = await node.connect().catch(() => undefined)
    const answer = await connection?.ask(host, key).catch(() => undefined)
    connection?.close()
    return answer?.status ?? 0
  }

  /** Revokes where nothing is broken; returns when it was acknowledged. */
  async revoke({ id }: Issued): Promise<number> {
    await this.calm.expect(200, 'POST', `/credentials/${id}/revoke`, { reason: 'a trial' })
    return performance.now()
  }

  /** What was promised, and whether it is so. */
  expect(promised: string, isSo: boolean, instead: unknown = 'not so'): void {
    this.#trials++
    if (!isSo) this.violations.add(`${promised}: ${typeof instead === 'string' ? instead : JSON.stringify(instead)}`)
  }

  /** No request was allowed that began more than `ms` after a moment. */
  expectNoneAllowed(what: string, witness: Witness, momentMs: number, ms: number): void {
    const lateMs = witness.allowedMsAfter(momentMs)
    this.expect(`${what} is not allowed ${ms} ms later`, lateMs <= ms, `it was ${Math.round(lateMs)} ms later`)
  }

  /** Nothing but these was answered since. */
  expectOnly(what: string, witness: Witness, sinceMs: number, statuses: readonly number[]): void {
    const seen = witness.statusesSince(sinceMs)
    const isSo = seen.every((status) => statuses.includes(status))
    this.expect(`${what} is answered with ${statuses.join(' or ')} alone`, isSo, seen)
  }

  async #dismiss(): Promise<void> {
    await Promise.all(this.#witnesses.map((witness) => witness.stop()))
  }
}
