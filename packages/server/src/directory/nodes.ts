import {
  forgetNode,
  forgetSilentNodes,
  listNodes,
  type NodeReport,
  reportNode,
  type StoredNode,
} from '../store/nodes.ts'
import type { Store } from '../store/store.ts'

/** What is the same as long as a node runs. */
export type NodeIdentity = Omit<NodeReport, 'revision'>

/** How long a node that died without a word is still shown. */
const SHOWN_MS = 3_600_000

/**
 * The servers on one database: says of this one how far it has followed, and reads what the others say.
 *
 * It decides nothing. A node that says nothing, or the wrong thing, is bounded by its lease like any other.
 */
export class Nodes {
  #reporting: Promise<void> | undefined
  #isBehind = false

  constructor(
    readonly self: NodeIdentity,
    private readonly store: Store,
    private readonly revision: () => number,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Says it now; whoever comes while it is being said has it said once more. Never rejects. */
  report(): Promise<void> {
    if (this.store.shared === undefined) return Promise.resolve()
    this.#isBehind = true
    this.#reporting ??= this.#reportAll().finally(() => {
      this.#reporting = undefined
    })
    return this.#reporting
  }

  async #reportAll(): Promise<void> {
    const { shared, writer } = this.store
    while (shared !== undefined && this.#isBehind) {
      this.#isBehind = false
      await reportNode(writer, shared, { ...this.self, revision: this.revision() }).catch(this.onError)
    }
  }

  /** All nodes by name. Where nobody else can serve from the database, this one. */
  async list(): Promise<StoredNode[]> {
    const { shared, reader } = this.store
    if (shared === undefined) return [{ ...this.self, revision: this.revision(), silentMs: 0 }]
    return listNodes(reader, shared)
  }

  /** Forgets those that have been silent for a day. */
  async forgetSilent(): Promise<void> {
    const { shared, writer } = this.store
    if (shared !== undefined) await forgetSilentNodes(writer, shared, SHOWN_MS)
  }

  /** Says that this one stops. Never rejects: one that is silent is shown as that. */
  async leave(): Promise<void> {
    await this.#reporting
    if (this.store.shared !== undefined) await forgetNode(this.store.writer, this.self.id).catch(this.onError)
  }
}
